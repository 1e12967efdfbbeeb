"""Rejected rows leave as they were, safe to open in a spreadsheet, and come in again as the same."""

import codecs
import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.models import Company
from importexport import services
from importexport.engine.observers import RejectedRowsObserver
from importexport.files.formula import mark, unmark
from importexport.files.rejected_rows import RejectedRows
from importexport.models import ImportRun
from tests.importexport.files.reading import rows_of


class Row:
    """A rejected row."""

    number, message = 2, "Row 2: Duplicate company with name 'Acme'"

    def __init__(self, cells):
        self.cells = cells


def written(cells, *, delimiter=",", has_mark=False):
    """Return the file of one rejected row."""
    file = io.BytesIO()
    rows = RejectedRows(file, header=["name", "city", "=x"], delimiter=delimiter, has_mark=has_mark)
    rows.add([Row(cells)])
    return file.getvalue()


@pytest.mark.parametrize(
    ("cell", "left"),
    [
        ("=1+1", "'=1+1"),
        ("'=1+1", "'=1+1"),
        ("''=1+1", "''=1+1"),
        ("'+49 30", "+49 30"),
        ("-5", "-5"),
        ("#N/A", "'#N/A"),
        ("'#n/a", "'#n/a"),
        ('="01067"', "01067"),
        ('="=1+1"', "'=1+1"),
        ('\'="01067"', '\'="01067"'),
        (" =x ", " =x "),
        ("@\r\nx", "'@\r\nx"),
    ],
)
def test_cells_are_marked_and_mean_the_same(cell, left):
    header, row = csv.reader(io.StringIO(written([cell, "", "x", cell]).decode(), newline=""))
    assert header == ["name", "city", "'=x", "import_error"]
    assert row == [left, "", "x", Row.message, left]
    assert unmark(left) == unmark(cell)


#: Without byte-order marks: at the start of a row they are the file's.
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=5) | st.text(
    st.sampled_from("'=+-@#\"NA/,;\t\n\r x1"), max_size=6
)


@given(cells=st.tuples(CELLS, CELLS, CELLS), delimiter=st.sampled_from(",;\t"), has_mark=st.booleans())
def test_any_row_comes_in_again_as_it_was(cells, delimiter, has_mark):
    content = written([*cells], delimiter=delimiter, has_mark=has_mark)
    assert content.startswith(codecs.BOM_UTF8) == has_mark
    ((number, row),) = rows_of(content)
    assert number == 2
    assert [unmark(cell) for cell in row[:3]] == [unmark(cell) for cell in cells]
    assert [mark(unmark(cell)) for cell in row] == row


@pytest.mark.parametrize("mark_of_file", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("delimiter", [b",", b";"])
def test_rejected_rows_of_an_import_have_its_mark_and_delimiter(api, mark_of_file, delimiter):
    content = mark_of_file + b"name;employee_count;notes\nAcme;many;=1+1\n".replace(b";", delimiter)
    api.import_csv("companies", content)
    rejected = api.get(f"imports/{ImportRun.objects.get().pk}/rejected").getvalue()
    assert rejected.startswith(mark_of_file + b"name" + delimiter)
    assert f"Acme{delimiter.decode()}many{delimiter.decode()}'=1+1".encode() in rejected
    mended = rejected.replace(b"many", b"5")
    assert api.import_csv("companies", mended)["imported"] == 1
    assert Company.objects.get().notes == "=1+1"


def test_the_shells_file_of_rejected_rows_has_mark_and_marks_too(tenant):
    content = codecs.BOM_UTF8 + b"name;employee_count;notes\nAcme;many;@x\n"
    run = ImportRun(tenant=tenant, entity="companies", channel="shell")
    rejected = io.BytesIO()
    services.import_file(run, io.BytesIO(content), observers=[RejectedRowsObserver(rejected)])
    assert rejected.getvalue().splitlines() == [
        codecs.BOM_UTF8 + b"name;employee_count;notes;import_error",
        b"Acme;many;'@x;Row 2: Invalid number format in 'employee_count'",
    ]


@pytest.mark.django_db(transaction=True)
def test_rows_of_a_plan_are_marked(api):
    api.import_csv("companies", "name,notes\nAcme,a\n")
    plan = api.plan("companies", "name,notes\nAcme,'#REF!\n", "mode=upsert")
    rows = api.get(f"imports/{plan['id']}/rows?format=csv").getvalue().decode()
    assert "notes,a,'#REF!," in rows


@pytest.mark.django_db(transaction=True)
def test_cells_with_a_delimiter_of_any_dialect_are_in_quotes_in_rejected_rows_and_rows_of_plans(api):
    api.import_csv("companies", "name,notes\nAcme,a\n")
    plan = api.plan("companies", "name,employee_count,notes\nAcme,,x;=1\nB,many,x\t=1\nC,many,x;=1\n", "mode=upsert")
    assert ',notes,a,"x;=1",' in api.get(f"imports/{plan['id']}/rows?format=csv").getvalue().decode()
    rejected = api.get(f"imports/{plan['id']}/rejected").getvalue().decode()
    assert '\r\nB,many,"x\t=1",' in rejected
    assert '\r\nC,many,"x;=1",' in rejected


def test_texts_a_spreadsheet_would_change_leave_marked_and_come_back(api, other_api):
    texts = ["#N/A", "#ref!", '="01067"', "'#NV", "=1+1", "'=x"]
    for n, text in enumerate(texts):
        Company.objects.create(tenant=api.tenant, name=f"{n}", city=text)
    exported = api.export("companies")
    assert [row["city"] for row in csv.DictReader(io.StringIO(exported))] == [f"'{text}" for text in texts]
    assert other_api.import_csv("companies", exported)["skipped"] == 0
    assert other_api.export("companies") == exported


def test_the_text_form_of_a_spreadsheet_is_read_as_its_text(api):
    api.import_csv("companies", 'name;postal_code;notes;domain\n="Acme";="01067";"=""a """"b"""" """;=x.example\n')
    (company,) = Company.objects.all()
    assert (company.name, company.postal_code, company.notes) == ("Acme", "01067", 'a "b"')
    assert company.domain == "=x.example"
