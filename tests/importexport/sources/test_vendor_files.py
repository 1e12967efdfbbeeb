"""Files as other programs export them give the records that a perfect import gives."""

import pytest

from tests.support.api import Api
from tests.vendor_files.comparing import OTHERWISE, compare, vendor_files

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("file", vendor_files(), ids=lambda file: file.name)
def test_a_file_gives_the_records_that_are_in_it(file, tenant):
    comparison = compare(file, Api(tenant))
    assert comparison.problems == []
    assert [(n, found) for n, found in comparison.differences if (file.name, n) not in OTHERWISE] == []
