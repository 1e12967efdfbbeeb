"""Rejected rows and templates as workbooks."""

import gc
import io
import sys

import openpyxl
import pytest

from crm.models import Company, Contact
from importexport import errors, services
from importexport.engine.observers import RejectedRowsObserver
from importexport.engine.options import Options
from importexport.files import xlsx
from importexport.files.noted_workbook import Cell, NotedWorkbook
from importexport.models import ImportRun
from tests.support.workbooks import made

CONTACTS = (
    "first_name,last_name,email,phone,notes\r\n"
    "Ada,Lovelace,ada@example.com,,fine\r\n"
    ",Hopper,not-an-email,#N/A,'=1+1\r\n"
    "Grace,Hopper,grace@example.com,,fine,surplus\r\n"
)


def rejected(api, content, entity="contacts"):
    """Import a file and return its rejected rows as a workbook, as bytes and as a sheet."""
    response = api.post_file(entity, content)
    run = response["Location"].rpartition("/")[2]
    content = api.get(f"imports/{run}/rejected?format=xlsx").getvalue()
    return content, openpyxl.load_workbook(io.BytesIO(content)).active


@pytest.mark.django_db(transaction=True)
def test_cells_at_fault_are_coloured_and_have_a_note(api):
    _content, sheet = rejected(api, CONTACTS)
    assert [[cell.value for cell in row] for row in sheet] == [
        ["first_name", "last_name", "email", "phone", "notes", "import_row", "import_error", None],
        [
            None, "Hopper", "not-an-email", "#N/A", "=1+1", "3",
            "Row 3: Required field 'first_name' is empty; Invalid email format 'not-an-email';"
            " Spreadsheet error value '#N/A' in 'phone'", None,
        ],
        ["Grace", "Hopper", "grace@example.com", None, "fine", "4", "Row 4: Expected 5 columns, found 6", "surplus"],
    ]  # fmt: skip
    assert {cell.coordinate: cell.comment.text for row in sheet for cell in row if cell.comment} == {
        "A2": "Required field 'first_name' is empty",
        "C2": "Invalid email format 'not-an-email'",
        "D2": "Spreadsheet error value '#N/A' in 'phone'",
    }
    coloured = {cell.coordinate for row in sheet for cell in row if cell.fill.fgColor.rgb == "FFFFC7CE"}
    assert coloured == {"A2", "C2", "D2", "G3"}
    assert (sheet["D2"].data_type, sheet["E2"].data_type) == ("e", "s")


@pytest.mark.django_db(transaction=True)
def test_the_workbook_comes_in_again_as_it_is(api):
    content, _sheet = rejected(api, CONTACTS)
    again = api.import_csv("contacts", content)
    assert [message.partition(":")[0] for message in again["errors"]] == ["Row 3", "Row 4"]
    assert again["errors"][0].endswith("Spreadsheet error value '#N/A' in 'phone'")


@pytest.mark.django_db(transaction=True)
def test_the_workbook_comes_in_corrected(api):
    content, _sheet = rejected(api, CONTACTS)
    book = openpyxl.load_workbook(io.BytesIO(content))
    for cell, text in {"A2": "Grace", "C2": "hopper@example.com", "D2": None, "H3": None}.items():
        book.active[cell] = text
    file = io.BytesIO()
    book.active["E2"].data_type = "s"
    book.save(file)
    assert api.import_csv("contacts", file.getvalue())["imported"] == 2
    assert Contact.objects.get(email="hopper@example.com").notes == "=1+1"


@pytest.mark.django_db(transaction=True)
def test_the_rejected_rows_of_a_workbook_are_csv_for_excel(api):
    response = api.post_file("companies", made(["name", "employee_count"], ["Zoë", "many"]))
    run = response["Location"].rpartition("/")[2]
    assert api.get(f"imports/{run}/rejected").getvalue().decode() == (
        "\ufeffname,employee_count,import_row,import_error\r\n"
        "Zoë,many,2,Row 2: Invalid number format in 'employee_count'\r\n"
    )


def test_an_unknown_format_is_400(api):
    assert api.get("contacts/template?format=pdf").status_code == 400
    assert api.get("contacts/template?format=xlsx&bom=true").status_code == 400


def test_a_template_has_help_and_drop_down_lists(api):
    response = api.get("contacts/template?format=xlsx")
    assert response["Content-Disposition"] == 'attachment; filename="contacts_template.xlsx"'
    sheet = openpyxl.load_workbook(io.BytesIO(response.content)).active
    header = [cell.value for cell in sheet[1]]
    assert header[:3] == ["first_name", "last_name", "email"]
    assert sheet.freeze_panes == "A2"
    assert sheet["A1"].comment.text.startswith("Required. ")
    assert sheet["A1"].font.bold
    (stages,) = sheet.data_validations.dataValidation
    letter = sheet.cell(1, header.index("lifecycle_stage") + 1).column_letter
    assert str(stages.sqref) == f"{letter}2:{letter}1048576"
    assert stages.formula1 == '"lead,qualified,opportunity,customer,evangelist"'


def test_the_help_in_a_template_speaks_of_the_account_as_staff_do(api):
    sheet = openpyxl.load_workbook(io.BytesIO(api.get("deals/template?format=xlsx").content)).active
    notes = {cell.value: cell.comment.text for cell in sheet[1] if cell.comment}
    assert notes["currency"] == "ISO 4217 code; blank: the account's currency."
    assert not [note for note in notes.values() if "tenant" in note]


def test_a_template_that_was_filled_in_is_imported(api):
    book = openpyxl.load_workbook(io.BytesIO(api.get("companies/template?format=xlsx").content))
    book.active["A2"] = "Acme"
    file = io.BytesIO()
    book.save(file)
    assert api.import_csv("companies", file.getvalue())["imported"] == 1
    assert Company.objects.get().name == "Acme"


@pytest.mark.django_db(transaction=True)
def test_an_import_that_rejects_more_rows_than_a_sheet_has_stores_nothing(tenant, monkeypatch):
    monkeypatch.setattr(xlsx, "ROW_LIMIT", 3)
    run = ImportRun(tenant=tenant, entity="companies", channel="shell", actor="test", options=Options().kept())
    observers = [RejectedRowsObserver(io.BytesIO(), as_workbook=True)]
    file = io.BytesIO(b"name,employee_count\nAcme,1\nGlobex,many\nInitech,some\nHooli,few\n")
    with pytest.raises(errors.FileError, match="There are more rejected rows than a sheet has rows: take CSV"):
        services.import_file(run, file, observers=observers)
    assert not Company.objects.exists()
    assert ImportRun.objects.get().error == str(errors.more_rejected_than_rows())


def test_a_workbook_that_is_given_up_says_nothing_on_stderr(monkeypatch):
    heard = []
    monkeypatch.setattr(sys, "unraisablehook", heard.append)
    workbook = NotedWorkbook(io.BytesIO(), sheet="rejected", header=[Cell("name")])
    workbook.itself = workbook  # As the traceback of an error would hold it.
    del workbook
    gc.collect()
    assert heard == []
