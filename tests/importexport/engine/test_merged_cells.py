"""Merged cells are told: a spreadsheet shows one value for all of them, and only the first one has it."""

import io
from pathlib import Path

import openpyxl
import pytest

from importexport.files.opening import open_rows
from tests.support.api import Api
from tests.support.workbooks import saved, written

FIXTURES = Path(__file__).parents[1] / "files/workbooks/fixtures"


def merged(*ranges, above=()):
    """Return a workbook of companies, below some other rows, with ranges of merged cells."""
    book = openpyxl.Workbook()
    for row in (*above, ["name", "city"], ["Acme", "Berlin"], ["Globex", None], ["Initech", None]):
        book.active.append(row)
    for cells in ranges:
        book.active.merge_cells(cells)
    return saved(book)


def warnings(tenant, content, query=""):
    api = Api(tenant)
    response = api.post_file("companies", content, query=query)
    run = api.look(f"imports/{api.look('imports')['results'][0]['id']}")
    assert response.headers["X-Import-Warnings"] == str(run["warningCount"])
    return [(one["code"], one["column"], one["rows"], one["sentence"]) for one in run["warnings"]]


@pytest.mark.django_db
def test_one_warning_names_the_ranges(tenant):
    assert warnings(tenant, merged("B2:B3", "A4:B4")) == [
        (
            "merged_cells",
            "",
            2,
            "The sheet has merged cells (B2:B3, A4:B4): the first cell of each has the value, the others are blank",
        )
    ]


@pytest.mark.django_db
def test_of_many_ranges_the_first_ones_are_named(tenant):
    ((_code, _column, count, sentence),) = warnings(tenant, merged(*(f"C{i}:D{i}" for i in range(1, 9))))
    assert count == 8
    assert "(C1:D1, C2:D2, C3:D3, C4:D4, C5:D5, …)" in sentence


@pytest.mark.django_db
def test_a_merged_title_above_the_header_says_nothing(tenant):
    content = merged("A1:B2", above=(["Our companies"], [None]))
    assert warnings(tenant, content, query="source=auto") == []


@pytest.mark.django_db
@pytest.mark.parametrize("content", [merged(), b"name,city\nAcme,Berlin\n"])
def test_files_without_any_say_nothing(tenant, content):
    assert warnings(tenant, content) == []


@pytest.mark.parametrize("format", ["xlsx", "xls", "ods"])
def test_every_format_has_them(format):
    assert ranges((FIXTURES / f"libreoffice.{format}").read_bytes()) == ["A7:C7"]


def test_ranges_that_stand_far_behind_the_rows():
    behind = f'<sheetProtection x="{"x" * 300_000}"/><mergeCells><mergeCell ref="A2:B3"/></mergeCells>'
    assert ranges(written("<row><c><v>1</v></c></row><row><c><v>2</v></c></row>", behind=behind)) == ["A2:B3"]


def ranges(content):
    """Return the ranges of merged cells in a workbook."""
    rows = open_rows(io.BytesIO(content), score=len)
    for _ in range(10):
        rows.next_rows(rows=100, size=1000)
    return rows.merged
