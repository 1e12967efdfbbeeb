"""The names of things on the pages."""

from importexport import errors
from importexport.admin import labels


def test_all_codes_of_errors_and_warnings_have_names():
    assert labels.ERROR_CODES.keys() == errors.CODES.keys()
    assert labels.WARNING_CODES.keys() <= errors.WARNINGS.keys()
