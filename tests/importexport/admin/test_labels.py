"""The names of things on the pages."""

from importexport import errors
from importexport.admin import labels


def test_help_that_programs_read_as_well_says_account_to_staff(editor):
    assert "blank: the account's currency" in editor.page("crm_deal_import_help")
    assert "the tenant" not in editor.page("crm_activity_import_help")


def test_all_codes_of_errors_and_warnings_have_names():
    assert labels.ERROR_CODES.keys() == errors.CODES.keys()
    assert labels.WARNING_CODES.keys() <= errors.WARNINGS.keys()
