"""Exporting in the browser."""

import csv
import io
from re import fullmatch

from playwright.sync_api import expect
from python_calamine import CalamineWorkbook

from tests.browser.pages import Wizard, csv_of
from tests.browser.people import VIEWER

PEOPLE = csv_of(
    "first_name,last_name,email,phone,tags,notes",
    'Mary,Shelley,mary@example.com,+49 30 1,"vip,emea","Two\nlines, and ""quotes"""',
    "Bram,Stoker,bram@example.com,0049,,=1+1",
    "Emily,Brontë,emily@example.com,,,",
)


def exported(page):
    """Press Download; return the file's name and content."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download").click()
    return waiting.value.suggested_filename, waiting.value.path().read_bytes()


def test_an_export_contains_the_imported_records(editor):
    wizard = Wizard(editor.page)
    wizard.preview("contact", PEOPLE)
    wizard.confirm()

    page = editor.open("/admin/crm/contact/")
    page.get_by_role("link", name="Export", exact=True).click()
    expect(page.get_by_label("All 3 contacts")).to_be_checked()
    name, content = exported(page)
    assert fullmatch(r"contacts-workshop\d+-\d{4}-\d\d-\d\d\.csv", name)
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert [(row["email"], row["tags"], row["notes"]) for row in rows] == [
        ("mary@example.com", "vip,emea", 'Two\nlines, and "quotes"'),
        ("bram@example.com", "", "'=1+1"),
        ("emily@example.com", "", ""),
    ]

    # Import the export: all records are duplicates.
    wizard.preview("contact", content)
    assert wizard.figures == ["3", "0", "3"]


def test_a_filtered_list_and_some_columns_as_a_workbook(visitor):
    visitor.sign_in(VIEWER)
    page = visitor.open("/admin/crm/contact/?q=lovelace")
    shown = page.locator("#result_list tbody tr").count()
    assert 1 < shown < 50
    page.get_by_role("link", name="Export", exact=True).click()
    expect(page.get_by_label("The filtered list")).to_be_checked()
    page.get_by_label("Excel (XLSX)").check()
    page.get_by_role("button", name="None").click()
    for column in ("First name", "Last name", "Email"):
        page.get_by_label(column, exact=True).check()
    name, content = exported(page)
    assert fullmatch(r"contacts-acme-\d{4}-\d\d-\d\d\.xlsx", name)
    header, *rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    assert header == ["first_name", "last_name", "email"]
    assert len(rows) == shown
    assert {row[1] for row in rows} == {"Lovelace"}


def test_an_export_without_columns_is_not_started(visitor):
    visitor.sign_in(VIEWER)
    page = visitor.open("/admin/crm/deal/export/")
    page.get_by_role("button", name="None").click()
    page.get_by_role("button", name="Download").click()
    expect(page.get_by_text("Choose at least one column.")).to_be_visible()
