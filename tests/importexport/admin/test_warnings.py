"""Warnings and dropped columns as staff see them: preview, result, list."""

import io

import openpyxl
import pytest

from importexport import errors
from importexport.admin import labels
from importexport.runs import retention
from tests.support.staff import Staff, add_run, words_of
from tests.support.workbooks import made, saved

HEAD = "first_name,last_name,email,phone"
CLEAN = f"{HEAD}\nAda,Lovelace,ada@example.com,1\n"
DROPPED = f"{HEAD},Fax,Empty,\nAda,Lovelace,ada@example.com,1,2,,x\nAlan,Turing,alan@example.com,1,2,,\n"
DOUBTFUL = f"{HEAD}\nJÃ¼rgen,Klopp,jk@example.com,4.4E+11\nJÃ¼rgen,Klinsmann,jurgen@gmial.com,4.5E+11\n"
LIST = "importexport_importrun_changelist"


def test_a_preview_names_the_columns_whose_values_would_be_lost(editor):
    words = editor.run_page(editor.check(DROPPED))
    assert "2 contacts would be imported. No row would be rejected." in words
    assert (
        "The values of 2 columns would not be imported, because the columns are unknown: “Fax” (2 filled cells)"
        in words
    )
    assert "without a header (1 filled cell)." in words
    assert "Every row is valid" not in words
    assert "“ Fax ” is not a known column: its 2 filled cells are ignored." in words
    assert "“ Empty ” is not a known column and is ignored." in words


def test_a_result_names_them_too(editor):
    run = editor.confirm(editor.check(DROPPED))
    words = editor.run_page(run)
    assert "2 contacts imported. No row was rejected." in words
    assert "The values of 2 columns were not imported, because the columns are unknown: “Fax” (2 filled cells)" in words
    assert "Every row was valid" not in words


def test_a_file_of_which_nothing_is_lost_is_valid(editor):
    run = editor.check(CLEAN)
    assert "Every row is valid." in editor.run_page(run)
    assert "Every row was valid." in editor.run_page(editor.confirm(run))
    assert "Warnings" not in editor.run_page(run)


def test_an_ignored_column_without_values_loses_nothing(editor):
    words = editor.run_page(editor.check(f"{HEAD},Fax\nAda,Lovelace,ada@example.com,1,\n"))
    assert "Every row is valid." in words
    assert "“ Fax ” is not a known column and is ignored." in words


def test_doubtful_cells_are_listed_by_kind(editor):
    run = editor.check(DOUBTFUL)
    words = editor.run_page(run)
    assert "Rows in the file 2 Would be imported 2 Would be rejected 0 Warnings 5" in words
    assert "No row would be rejected." in words
    assert "Worth checking Their rows would be imported all the same." in words
    assert "'JÃ¼rgen' in 'first_name' looks garbled and was probably 'Jürgen'" in words
    assert "(2 rows)" in words.replace("( ", "(").replace(" )", ")")
    assert "Shortened by a spreadsheet phone for example: '4.4E+11' in 'phone' was shortened" in words
    assert "did you mean 'gmail.com'?" in words
    assert "Their rows were imported all the same." in editor.run_page(editor.confirm(run))


def test_merged_cells_are_named(editor):
    sheet = openpyxl.load_workbook(io.BytesIO(made(HEAD.split(","), ["Ada", "L", "ada@example.com"], ["Al"])))
    sheet.active.merge_cells("A2:A3")
    words = editor.run_page(editor.check(saved(sheet), name="people.xlsx"))
    assert "The sheet has merged cells (A2:A3): the first cell of each has the value, the others are blank" in words
    assert "are blank (" not in words


def test_all_kinds_of_warnings_have_a_title():
    assert set(labels.WARNING_CODES) == set(errors.WARNINGS) - {"ignored_column"}


@pytest.mark.parametrize("code", sorted(labels.WARNING_CODES))
def test_all_kinds_of_warnings_are_listed(editor, tenant, code):
    group = {"code": code, "column": "email", "sentence": "", "example": "what it is about", "rows": 3}
    run = add_run(tenant, user=editor.user, warnings=[group], warning_count=3)
    words = editor.run_page(run)
    assert f"{labels.WARNING_CODES[code]} email for example: what it is about" in words


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_columns_are_named_to_those_who_may_open_the_file(editor, tenant, role):
    run = editor.confirm(editor.check(DROPPED))
    other = Staff(tenant, role, name="somebody else")
    words = other.run_page(run)
    assert "The values of 2 columns were not imported, because the columns are unknown." in words
    assert "Fax" not in words
    assert "2 columns left out" in other.page(LIST)
    assert "Fax" not in other.page(LIST)


def test_the_list_names_them_beside_the_counts(editor, admin_of_tenant):
    editor.confirm(editor.check(DROPPED))
    for staff in (editor, admin_of_tenant):
        assert "Left out: “Fax” (2 cells), without a header (1 cell)" in staff.page(LIST)


def test_the_list_names_the_first_columns_only(editor):
    names = [f"Custom field number {n}, which has a long name" for n in range(5)]
    header = ",".join(f'"{name}"' for name in names)
    editor.confirm(editor.check(f"{HEAD},{header}\nAda,Lovelace,ada@example.com,1,a,b,c,d,e\n"))
    shown = "“Custom field number 0, …” (1 cell), “Custom field number 1, …” (1 cell) and 3 more"
    assert f"Left out: {shown}" in editor.page(LIST)


def test_the_list_counts_doubtful_cells(editor):
    editor.confirm(editor.check(DOUBTFUL))
    assert "5 warnings" in words_of(editor.get(LIST))


def test_a_purged_run_does_not_claim_that_every_row_was_valid(editor):
    run = editor.confirm(editor.check(DROPPED))
    retention.purge(days=0)
    words = editor.run_page(run)
    assert "No row was rejected." in words
    assert "Fax" not in words
