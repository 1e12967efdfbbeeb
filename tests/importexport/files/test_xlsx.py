"""The XLSX writer by itself: rows of COPY's text format in, a workbook out that other programs read."""

import datetime as dt
import io
import re
import struct
import zipfile

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from importexport.files.xlsx import stream_workbook

COPY_ESCAPES = str.maketrans(
    {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
)


def batch(*rows):
    """Return rows as PostgreSQL's COPY writes them."""
    return b"".join("\t".join(cell.translate(COPY_ESCAPES) for cell in row).encode() + b"\n" for row in rows)


def workbook(batches, *, header=("name",), kinds=None, **limits):
    kinds = kinds or ["text"] * len(header)
    pieces = stream_workbook(sheet="contacts", header=header, kinds=kinds, batches=batches, **limits)
    return b"".join(pieces)


def by_openpyxl(data):
    """Return the rows of every sheet by its name, read in both of openpyxl's ways.

    It leaves the escapes of ST_Xstring as they are: those are undone here, as Excel does.
    """
    whole, streamed = (
        {
            sheet.title: [[plain(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
            for sheet in openpyxl.load_workbook(io.BytesIO(data), read_only=read_only).worksheets
        }
        for read_only in (False, True)
    )
    assert whole == streamed
    return whole


def plain(cell):
    if not isinstance(cell, str):
        return cell
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda escape: chr(int(escape[1], 16)), cell)


def by_calamine(data):
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


#: What XML 1.0 cannot hold, and what else looks like the escape of it.
UNWRITABLE = [chr(code) for code in range(32) if chr(code) not in "\t\n\r"] + ["\ufffe", "\uffff"]
XML_TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=UNWRITABLE)
    | st.sampled_from("_x005F41\\<&>\"' %\r\nN"),
    max_size=16,
)


@given(texts=st.lists(XML_TEXT, min_size=1, max_size=5))
def test_text_is_read_back_by_two_programs(texts):
    data = workbook([batch(*([text, "."] for text in texts))], header=["name", "end"])
    read = {"contacts": [["name", "end"], *([text, "."] for text in texts)]}
    assert by_calamine(data) == read
    assert {name: [[cell or "" for cell in row] for row in rows] for name, rows in by_openpyxl(data).items()} == read


@pytest.mark.parametrize(
    "text", ["_x0041_", "_x005F_", "_x0041_x0042_", "__x00e9_", "_x005F_x0041_", "_x0041", "_xyz_"]
)
def test_text_that_looks_like_an_escape_is_text(text):
    data = workbook([batch([text])])
    assert by_openpyxl(data) == by_calamine(data) == {"contacts": [["name"], [text]]}


@given(parts=st.lists(st.sampled_from([*UNWRITABLE, "a", "_", "\\", "_x0041", "x0041_"]), max_size=8))
def test_characters_that_xml_lacks_are_escaped(parts):
    text = f"a{''.join(parts)}z"
    data = workbook([batch([text])])
    assert by_openpyxl(data) == {"contacts": [["name"], [text]]}
    if not {"\ufffe", "\uffff"}.intersection(text):  # which calamine leaves escaped
        assert by_calamine(data) == {"contacts": [["name"], [text]]}


@pytest.mark.parametrize("code", [b"\xed\xa0\x80", b"\xed\xbf\xbf"])
def test_a_lone_surrogate_does_not_break_the_file(code):
    data = workbook([b"\xed\x95\x9c" + code + b"z\n"])
    assert by_openpyxl(data) == {"contacts": [["name"], [f"한{code.decode(errors='surrogatepass')}z"]]}


def test_line_ends_need_no_escape_of_excel():
    (row,) = openpyxl.load_workbook(io.BytesIO(workbook([batch(["a\nb\rc\r\nd\te"])]))).active.iter_rows(min_row=2)
    assert row[0].value == "a\nb\rc\r\nd\te"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "{=1}", "1", "1e3", "TRUE", "#N/A", "2025-06-15"]
)
def test_text_is_text_and_never_a_formula(text):
    data = workbook([batch([text])])
    cell = openpyxl.load_workbook(io.BytesIO(data)).active["A2"]
    assert (cell.data_type, cell.value, cell.quotePrefix) == ("s", text, False)
    assert by_calamine(data)["contacts"][1] == [text]


@pytest.mark.parametrize("text", [" a", "a ", " ", "\n", "a\n", "\ta", "\u3000a\xa0"])
def test_white_space_is_kept(text):
    assert by_calamine(workbook([batch([text])])) == {"contacts": [["name"], [text]]}


def test_headers_are_text_like_any():
    header = ["<a & b>", "_x0041_", " c "]
    assert (
        by_openpyxl(workbook([], header=header)) == by_calamine(workbook([], header=header)) == {"contacts": [header]}
    )


def test_one_odd_cell_leaves_the_others_alone():
    rows = [["plain", "a\x01b"], ["C:\\new", "tab\there"], ["", "\ufffe"], ["\\N", "last"]]
    assert by_openpyxl(workbook([batch(*rows)], header=["a", "b"])) == {
        "contacts": [["a", "b"], *rows[:2], [None, "\ufffe"], rows[3]]
    }


KINDS = {"name": "text", "count": "whole", "sum": "amount", "day": "date", "time": "moment"}


def typed(*row):
    return workbook([batch(row)], header=list(KINDS), kinds=list(KINDS.values()))


def test_cells_are_typed():
    data = typed("007", "42", "1234.50", "2025-06-15", "2025-06-15T14:30:15.5Z")
    row = openpyxl.load_workbook(io.BytesIO(data)).active[2]
    assert [cell.data_type for cell in row] == ["s", "n", "n", "d", "d"]
    assert [cell.number_format for cell in row] == [
        "General", "0", "0.00", "yyyy-mm-dd", 'yyyy-mm-dd"T"hh:mm:ss.000"Z"'
    ]  # fmt: skip
    assert [cell.value for cell in row] == [
        "007", 42, 1234.5, dt.datetime(2025, 6, 15), dt.datetime(2025, 6, 15, 14, 30, 15, 500_000)
    ]  # fmt: skip
    assert by_calamine(data)["contacts"][1] == [
        "007", 42.0, 1234.5, dt.date(2025, 6, 15), dt.datetime(2025, 6, 15, 14, 30, 15, 500_000)
    ]  # fmt: skip


def test_blank_cells_of_every_kind_are_empty():
    assert by_openpyxl(typed("x", "", "", "", ""))["contacts"][1] == ["x", None, None, None, None]
    assert by_openpyxl(typed("", "1", "", "", ""))["contacts"][1][:2] == [None, 1]


def test_null_is_blank_whatever_the_kind():
    rows = rb"\N|\N|\N|\N|\N" + b"\n" + rb"\\N|1|\N|2025-06-15|\N" + b"\n"
    data = workbook([rows.replace(b"|", b"\t")], header=list(KINDS), kinds=list(KINDS.values()))
    assert by_openpyxl(data)["contacts"][1:] == [[None] * 5, [r"\N", 1, None, dt.datetime(2025, 6, 15), None]]


@pytest.mark.parametrize("digits", ["9999999999999999.99", "0.10", "-3.00", "0"])
def test_numbers_keep_their_digits(digits):
    assert f'<c s="2"><v>{digits}</v></c>' in sheet_xml(typed("", "", digits, "", ""))


def sheet_xml(data, number=1):
    return zipfile.ZipFile(io.BytesIO(data)).read(f"xl/worksheets/sheet{number}.xml").decode()


# --- sheets ----------------------------------------------------------------------------------------------------

ROWS = [[f"row {number}"] for number in range(1, 8)]


@pytest.mark.parametrize("sizes", [[7], [1] * 7, [2, 5], [6, 1]])
def test_rows_beyond_the_limit_go_on_in_another_sheet_with_the_header(sizes):
    rows = iter(ROWS)
    batches = [batch(*(next(rows) for _ in range(size))) for size in sizes]
    data = workbook(batches, row_limit=4)
    assert by_openpyxl(data) == by_calamine(data)
    assert by_openpyxl(data) == {
        "contacts": [["name"], *ROWS[:3]],
        "contacts (2)": [["name"], *ROWS[3:6]],
        "contacts (3)": [["name"], *ROWS[6:]],
    }
    assert list(by_openpyxl(data)) == ["contacts", "contacts (2)", "contacts (3)"]


def test_a_sheet_that_is_just_full_is_the_only_one():
    assert by_openpyxl(workbook([batch(*ROWS)], row_limit=8)) == {"contacts": [["name"], *ROWS]}


def test_xml_beyond_the_limit_goes_on_in_another_sheet():
    rows = [[f"{number:04} {'x' * 200}"] for number in range(30)]
    data = workbook([batch(*rows[i : i + 3]) for i in range(0, 30, 3)], size_limit=2000)
    sheets = by_openpyxl(data)
    assert len(sheets) > 2
    assert list(sheets)[:2] == ["contacts", "contacts (2)"]
    assert all(sheet[0] == ["name"] and len(sheet) > 1 for sheet in sheets.values())
    assert [row for sheet in sheets.values() for row in sheet[1:]] == rows
    # The limit is looked at between batches: a sheet is over it by less than one.
    assert all(len(sheet_xml(data, number)) < 2000 + 3 * 300 for number in range(1, len(sheets) + 1))


@pytest.mark.parametrize("batches", [[], [b""]])
def test_an_empty_table_has_its_header(batches):
    data = workbook(batches)
    assert by_openpyxl(data) == by_calamine(data) == {"contacts": [["name"]]}


def test_an_empty_batch_is_not_the_end():
    assert by_openpyxl(workbook([b"", batch(*ROWS[:3]), b"", b"", batch(*ROWS[3:])])) == {"contacts": [["name"], *ROWS]}


@pytest.mark.parametrize("row_limit", [4, 1000])
def test_the_header_is_bold_and_stays_in_view_on_every_sheet(row_limit):
    data = workbook([batch(*ROWS)], row_limit=row_limit)
    for sheet in openpyxl.load_workbook(io.BytesIO(data)).worksheets:
        assert [cell.font.bold for row in sheet.iter_rows(max_row=2) for cell in row] == [True, False]
        assert sheet.freeze_panes == "A2"
        assert sheet.column_dimensions["A"].width == 22


# --- the stream ------------------------------------------------------------------------------------------------


def test_the_first_piece_comes_before_a_batch_is_asked_for():
    asked = []

    def batches():
        for number in range(3):
            asked.append(number)
            yield batch([f"row {number}"])

    pieces = stream_workbook(sheet="contacts", header=["name"], kinds=["text"], batches=batches())
    first = next(pieces)
    assert first.startswith(b"PK")
    assert b"[Content_Types].xml" in first
    assert asked == []
    second = next(pieces)
    assert asked in ([0], [0, 1])  # deflate may keep what is little
    assert by_openpyxl(first + second + b"".join(pieces)) == {"contacts": [["name"], ["row 0"], ["row 1"], ["row 2"]]}


def test_pieces_come_while_batches_are_still_to_come():
    left = iter(range(200))
    pieces = stream_workbook(
        sheet="contacts",
        header=["name"],
        kinds=["text"],
        batches=(batch(*([f"{number} {row * 7919 % 10007}"] for row in range(500))) for number in left),
    )
    for _ in range(5):
        assert next(pieces)
    assert next(left) < 190


def test_a_stream_may_be_closed_early():
    closed = []

    def batches():
        try:
            while True:
                yield batch(*([f"{number * 7919 % 10007}"] for number in range(9000)))
        finally:
            closed.append(True)

    pieces = stream_workbook(sheet="contacts", header=["name"], kinds=["text"], batches=batches())
    assert next(pieces)
    assert next(pieces)
    pieces.close()
    assert closed == [True]
    assert list(pieces) == []


def test_an_error_of_the_source_is_not_swallowed():
    def batches():
        yield batch(*ROWS)
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        workbook(batches())


def test_the_same_rows_are_the_same_bytes():
    assert workbook([batch(*ROWS)]) == workbook([batch(*ROWS)])


def test_the_content_types_come_first_and_no_entry_has_a_zip64_header():
    data = workbook([batch(*ROWS)], row_limit=4)
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    assert archive.namelist() == [
        "[Content_Types].xml", "_rels/.rels", "xl/styles.xml", "xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml",
        "xl/worksheets/sheet3.xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels",
    ]  # fmt: skip
    for entry in archive.infolist():
        needed, name_length, extra_length = struct.unpack(
            "<4xH20xHH", data[entry.header_offset : entry.header_offset + 30]
        )
        assert (needed, name_length, extra_length) == (20, len(entry.filename), 0)
        assert entry.extra == b""
