"""XLSX as a source of rows."""

import datetime as dt
import io

import pytest

from importexport import errors
from importexport.files.opening import open_rows
from tests.support.workbooks import made, written


def rows_of(content, **options):
    """Return the rows of a workbook with their numbers, the header among them."""
    rows = open_rows(io.BytesIO(content), score=len, **options)
    found = {rows.header_row: rows.header}
    while numbers_and_records := [*zip(*rows.next_rows(rows=3, size=1000), strict=True)]:
        found |= dict(numbers_and_records)
    return found


def test_rows_keep_the_numbers_that_the_spreadsheet_shows():
    content = made([], ["name", "city"], [], ["Acme", "Berlin"], [" ", None], ["Globex"])
    assert rows_of(content) == {2: ["name", "city"], 4: ["Acme", "Berlin"], 6: ["Globex", ""]}


def test_cells_are_those_that_a_csv_file_has():
    content = made(
        ["cell"],
        *([value] for value in (1067, 1067.0, "01067", 1234.5, 0.1 + 0.2, 1e21, True, False)),
        [dt.date(2025, 6, 15)],
        [dt.datetime(2025, 6, 15, 14, 30)],
        [dt.time(14, 30)],
        [dt.timedelta(hours=36)],
        ["#N/A"],
    )
    assert [cells[0] for cells in rows_of(content).values()] == [
        "cell", "1067", "1067", "01067", "1234.5", "0.3", "1E+21", "true", "false",
        "2025-06-15", "2025-06-15T14:30:00", "14:30:00", "36:00:00", "#N/A",
    ]  # fmt: skip


def test_the_only_sheet_with_rows_is_read():
    assert rows_of(made(Notes=[], People=[["name"], ["Ada"]])) == {1: ["name"], 2: ["Ada"]}


def test_of_several_sheets_with_rows_one_must_be_named():
    content = made(People=[["name"], ["Ada"]], Firms=[["name"], ["Acme"]])
    with pytest.raises(errors.FileError, match="Several sheets have rows: 'People', 'Firms'"):
        rows_of(content)
    assert rows_of(content, sheet="firms") == {1: ["name"], 2: ["Acme"]}
    with pytest.raises(errors.FileError, match=r"There is no sheet 'Deals'\. The workbook has 'People', 'Firms'."):
        rows_of(content, sheet="Deals")


def test_a_csv_file_has_no_sheets():
    with pytest.raises(errors.FileError, match="There is no sheet 'People': the file is CSV"):
        rows_of(b"name\nAcme\n", sheet="People")


def test_a_formula_without_a_value_names_its_cell():
    with pytest.raises(errors.FileError, match="The formula in cell B2 has no value"):
        rows_of(made(["name", "value"], ["Acme", "=1+1"]))


def test_formulas_with_values_are_their_values():
    content = written(
        '<row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c></row>'
        '<row r="2"><c r="A2"><f>1+1</f><v>2</v></c></row>'
        '<row r="3"><c r="A3" t="str"><f t="shared" si="0"/><v>two &amp; three</v></c></row>'
        '<row r="4"><c r="A4" t="str"><f>""</f><v></v></c><c r="B4"><v>1</v></c></row>'
    )
    assert rows_of(content) == {1: ["name"], 2: ["2"], 3: ["two & three"], 4: ["", "1"]}
