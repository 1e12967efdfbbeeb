"""Pages say what a cell should have had, besides the messages of the contract."""

import pytest

from importexport.admin.column_help import expected
from importexport.models import ImportRun
from tests.support.staff import HEADER


@pytest.mark.parametrize(
    ("entity", "code", "column", "hint"),
    [
        ("deals", "date", "expected_close_date", "Write 2025-06-15."),
        ("activities", "date", "completed_at", "Write 2025-06-15 14:30."),
        ("deals", "number", "value", "Write digits alone, such as 1234.50."),
        ("deals", "range", "probability", "Write a whole number from 0 to 100."),
        ("activities", "choice", "priority", "Write one of: low, normal, high, urgent."),
        ("deals", "choice", "currency", ""),
        ("contacts", "duplicate", "email", ""),
        ("contacts", "cells", "", "Look for a separator inside a text that is not in quotes."),
    ],
)
def test_what_is_expected_depends_on_the_error_and_the_column(entity, code, column, hint):
    assert expected(ImportRun(entity=entity), code, column) == hint


def test_the_preview_says_what_was_expected_in_groups_and_rows(editor):
    words = editor.run_page(editor.check(HEADER + "A,B,x,\r\n"))
    assert words.count("Write an address such as ada@example.com.") == 2
    assert "Invalid email format 'x'. Write an address" in words
