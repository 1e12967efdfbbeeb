"""XLSX as a source of rows."""

import datetime as dt

import pytest

from importexport import errors
from tests.importexport.files.workbooks.reading import only_cell, rows_of
from tests.support.workbooks import MAIN, made, written

HEADER = '<row><c t="inlineStr"><is><t>cell</t></is></c></row>'


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


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('<c><v>5032000000123456789</v></c>', "5032000000123456789"),
        ('<c><v>5.0320000001234502E+18</v></c>', "5.03200000012345E+18"),
        ('<c><v>9999999999999999.99</v></c>', "9999999999999999.99"),
        ('<c><v>1E3</v></c>', "1000"),
        ('<c><v>-0</v></c>', "0"),
        ('<c t="d"><v>2025-06-15T14:30:00</v></c>', "2025-06-15T14:30:00"),
        ('<c t="e"><v>#FIELD!</v></c>', "#VALUE!"),
        ('<c t="inlineStr"><is><t>a_x000D__x0041_</t></is></c>', "a\rA"),
        ('<c t="inlineStr"><is><t>&#x1F600;&amp;</t></is></c>', "\U0001f600&"),
        ('<c t="inlineStr"><is><r><t>rich </t></r><r><t>text</t></r><rPh><t>no</t></rPh></is></c>', "rich text"),
        ('<c t="inlineStr" r="A2" s="0"><is><t>other order</t></is></c>', "other order"),
        ('<c t="s"><v>1</v></c>', "shared rich"),
        ('<c t="s"><v>0</v></c>', "shared"),
        ('<c t="b"><v>TRUE</v></c>', "true"),
        ('<c t="b"><v>0</v></c>', "false"),
        ('<c t="inlineStr"><is><t><![CDATA[</row>]]></t></is></c>', "</row>"),
    ],
)  # fmt: skip
def test_cells_as_programs_write_them(cell, text):
    strings = "<si><t>shared</t></si><si><r><t>shared </t></r><r><t>rich</t></r></si>"
    assert only_cell(written(f"{HEADER}<row>{cell}</row>", strings=strings)) == text


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        ("0.25", "0%", "25%"),
        ("45823", "dd/mm/yyyy", "2025-06-15"),
        ("45823.5", "dd/mm/yyyy", "2025-06-15T12:00:00"),
        ("45823", "yyyy-mm-dd hh:mm", "2025-06-15T00:00:00"),
        ("45823.604166666664", "yyyy\\-mm\\-dd\\Thh:mm:ss\\Z", "2025-06-15T14:30:00Z"),
        ("45823.604166666664", 'yyyy-mm-dd"T"hh:mm:ss"Z";@', "2025-06-15T14:30:00Z"),
        ("45823.604166666664", "[$-409]d-mmm-yy h:mm AM/PM", "2025-06-15T14:30:00"),
        ("1", "yyyy-mm-dd", "1900-01-01"),
        ("60", "yyyy-mm-dd", "1900-02-29"),
        ("61", "yyyy-mm-dd", "1900-03-01"),
        ("-5", "yyyy-mm-dd", "-5"),
        ("0.5", "hh:mm", "12:00:00"),
        ("1.5", "[h]:mm", "36:00:00"),
        ("1234.5", "#,##0.00 [$€-407]", "1234.5"),
        ("1234.5", '"year "0', "1234.5"),
        ("1.125", "General", "1.125\u2060"),
        ("0.12345", "0%", "12.345%\u2060"),
        ("1234.5", "[Red]0.00E+00", "1234.5"),
        ("1234.5", "Standard", "1234.5"),
        ("1067", "00000", "01067"),
        ("1067", "[$-407]00000", "01067"),
        ("612345678", '0#" "##" "##" "##" "##', "0612345678"),
        ("1067", "#,##0", "1067"),
        ("1067.5", "00000", "1067.5"),
        ("-1067", "00000", "-1067"),
    ],
)
def test_number_formats_say_what_a_number_is(value, code, text):
    quoted = code.replace('"', "&quot;")
    styles = f'<numFmts><numFmt numFmtId="164" formatCode="{quoted}"/></numFmts><cellXfs><xf numFmtId="164"/></cellXfs>'
    assert only_cell(written(f'{HEADER}<row><c s="0"><v>{value}</v></c></row>', styles=styles)) == text


def test_the_1904_date_system():
    content = written(
        f'{HEADER}<row><c s="0"><v>0</v></c></row>',
        styles='<cellXfs><xf numFmtId="14"/></cellXfs>',
        workbook='<workbookPr date1904="1"/>',
    )
    assert only_cell(content) == "1904-01-01"


def test_a_text_is_a_text():
    """A marked cell of CSV is what the unmarked one of a workbook says."""
    texts = ["&apos;=1", "=&quot;01067&quot;", "=1+1", " #N/A ", "O&apos;Neil"]
    rows = "".join(f'<row><c t="inlineStr"><is><t>{text}</t></is></c></row>' for text in texts)
    cells = [cells[0] for cells in rows_of(written(HEADER + rows)).values()]
    assert cells == ["cell", "''=1", '\'="01067"', "=1+1", "'#N/A", "O'Neil"]


def test_prefixes_comments_and_other_encodings():
    sheet = (
        '<?xml version="1.0" encoding="{0}"?><x:worksheet xmlns:x="'
        + MAIN
        + '"><x:sheetData><x:row><x:c t="inlineStr">'
        "<x:is><x:t>näme</x:t></x:is></x:c></x:row>{1}<x:row><x:c><x:v>7</x:v></x:c></x:row></x:sheetData></x:worksheet>"
    )
    for encoding, between in (("utf-8", ""), ("utf-8", "<!-- </x:row> -->"), ("utf-16", ""), ("iso-8859-1", "")):
        content = written("", sheets={"S": sheet.format(encoding, between).encode(encoding)})
        assert rows_of(content) == {1: ["näme"], 2: ["7"]}


def test_cells_stand_where_they_say():
    content = written(
        HEADER.replace("<row>", '<row r="2">')
        + '<row r="5"><c r="C5"><v>3</v></c><c r="A5"><v>1</v></c></row><row r="7"><c r="B7"><v>2</v></c></row>'
    )
    assert rows_of(content) == {2: ["cell"], 5: ["1", "", "3"], 7: ["", "2"]}


@pytest.mark.parametrize(
    "row",
    [
        "<row r='5'><c r='B5' t='s'><v>1</v></c></row>",
        "<row r='5'><c r='A5' t='s'/><c r='B5' t='s'><v>1</v></c></row>",
        '<row r = "5"><c r = "B5" t = "s"><v>1</v></c></row>',
        '<row r="5"><c r="B5" t = "s"><v>1</v></c></row>',
        '<row r="5"><c r="b5" t="s"><v>1</v></c></row>',
        '<row><c r="B5" t="s"><v>1</v></c></row>',
        '<row><c t="s" r="B5"><v>1</v></c></row>',
    ],
)
def test_xml_of_any_style_says_the_same(row):
    strings = "<si><t>zero</t></si><si><t>one</t></si>"
    assert rows_of(written(HEADER + row, strings=strings)) == {1: ["cell"], 5: ["", "one"]}


def test_shared_strings_with_attributes_count():
    strings = '<si xml:space="preserve"><t>zero</t></si><si xml:space="preserve"/><si><t>two</t></si>'
    assert only_cell(written(f'{HEADER}<row><c t="s"><v>2</v></c></row>', strings=strings)) == "two"


@pytest.mark.parametrize(
    "cells",
    [
        '<c r="A2"><v>1</v></c><c r="A2"><v>2</v></c>',
        '<c r="$A$2"><v>1</v></c>',
        '<c t="b"><v>maybe</v></c>',
    ],
)
def test_cells_that_could_only_be_guessed_are_damage(cells):
    with pytest.raises(errors.FileError, match="is damaged"):
        rows_of(written(f"{HEADER}<row>{cells}</row>"))


def test_a_sheet_of_blank_texts_has_no_rows():
    content = made(People=[["name"], ["Ada"]], Blank=[[" "], ["\u200b"]])
    assert rows_of(content) == {1: ["name"], 2: ["Ada"]}


def test_a_sheet_of_formulas_without_values_has_rows():
    content = made(People=[["name"], ["Ada"]], Sums=[["=1+1"]])
    with pytest.raises(errors.FileError, match="Several sheets have rows: 'People', 'Sums'"):
        rows_of(content)


def test_merged_cells_have_their_value_in_the_first_one():
    content = written(
        HEADER + '<row><c r="A2"><v>1</v></c><c r="B2"/></row><row><c r="A3"/></row>',
        behind='<mergeCells><mergeCell ref="A2:B3"/></mergeCells>',
    )
    assert rows_of(content) == {1: ["cell"], 2: ["1"]}
