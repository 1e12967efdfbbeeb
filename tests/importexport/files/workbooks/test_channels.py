"""A workbook comes in through every channel."""

from crm.models import Company
from tests.support.workbooks import made

COMPANIES = made(["name", "employee_count"], ["Acme", 12], ["Globex", 12.5])


def test_the_api_imports_a_workbook(api):
    assert api.import_csv("companies", COMPANIES) == {
        "totalRows": 2,
        "imported": 1,
        "skipped": 1,
        "errors": ["Row 3: Invalid number format in 'employee_count'"],
    }
    assert Company.objects.get().employee_count == 12


def test_a_missing_column_is_told_without_separators(api):
    content = made(["first", "second"], ["a", "b"])
    assert api.failure("companies", content) == (
        400,
        "Required column 'name' missing from the header. Row 1 has 'first', 'second'.",
    )
