"""Records that are too long are cut, and their rows refused."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importexport.errors import FileError
from importexport.files.csv_reader import Reader
from importexport.files.text.overlong import KEPT, Rest, take_marks

MB = 1024 * 1024


def read(content, columns="ab"):
    """Return a file's rows after the header, with their numbers, and how many cells the cut ones have had."""
    reader = Reader(io.BytesIO(content), score=lambda cells: sum(cell in columns for cell in cells))
    rows, cut = [], {}
    while (batch := reader.next_rows(rows=1000, size=MB))[0]:
        rows += zip(*batch, strict=True)
        cut |= reader.cut
    return rows, cut


@pytest.mark.parametrize(
    ("cell", "has_kept"),
    [
        (b"x" * 3 * MB, b"x"),
        (b'"' + b"x" * 3 * MB + b'"', b"x"),
        (b'"' + b'""' * 2 * MB + b'"', b'"'),
        (b'"' + b"x\n" * 2 * MB + b'"', b"x\n"),
        (b'"' + b"x,\r\n" * MB + b'"', b"x,\r\n"),
        ("é".encode() * 2 * MB, "é".encode()),
    ],
    ids=["plain", "quoted", "doubled quotes", "many lines", "delimiters in quotes", "accents"],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_a_record_with_a_huge_cell_is_cut_and_the_next_ones_are_read(cell, has_kept, end):
    rows, cut = read(b"a,b" + end + b"1,2" + end + cell + b",y" + end + b"3,4" + end)
    assert [number for number, _ in rows] == [2, 3, 4]
    assert (rows[0][1], rows[2][1]) == (["1", "2"], ["3", "4"])
    assert cut == {3: (0, 2)}
    assert rows[1][1][0].encode().startswith(has_kept * 100)
    assert KEPT / 2 < len(rows[1][1][0].encode()) < KEPT + 3 * 64 * 1024


@pytest.mark.parametrize("piece", [b"x,", b'"x",', b'"x,y",', b'"""",', b'"\n",', b"\xf0\x9f\x98\x80,"])
def test_the_cells_of_a_record_that_is_cut_are_counted(piece):
    count = 3 * MB // len(piece)
    rows, cut = read(b"a,b\n" + piece * count + b"z\n1,2\n")
    assert {row: cells for row, (_, cells) in cut.items()} == {2: count + 1}
    assert rows[1] == (3, ["1", "2"])


def test_blank_cells_at_the_end_are_dropped_without_a_word():
    rows, cut = read(b"a,b\n1,2" + b"," * 3 * MB + b"\n3,4\n")
    assert cut == {}
    assert [cells[:2] for _, cells in rows] == [["1", "2"], ["3", "4"]]


def test_a_cut_record_at_the_end_of_the_file_needs_no_line_end():
    rows, cut = read(b"a,b\n1," + b"x" * 3 * MB)
    assert cut == {2: (1, 2)}
    assert rows[0][1][0] == "1"


@pytest.mark.parametrize("head", [b'1,"', b'1,2\n"', b"x" * 3 * MB + b',"'])
def test_a_quoted_cell_that_never_ends_is_broken_quoting(head):
    with pytest.raises(FileError, match=r"Broken quoting in row [23]: a quoted cell never ends"):
        read(b"a,b\n" + head + b"x\n" * MB)


def test_invalid_bytes_are_found_where_they_are_dropped_as_well():
    with pytest.raises(FileError, match="row 2"):
        read(b"a,b\n1," + b"x" * 2 * MB + b"\xff,\n1,2\n")
    with pytest.raises(FileError, match="row 3"):
        read(b"a,b\n1," + b"x" * 2 * MB + b"\n1,\xff\n")


def test_a_record_of_more_than_ten_megabytes_ends_the_file():
    with pytest.raises(FileError, match="Row 2 is longer than 10485760 bytes"):
        read(b"a,b\n1," + b"x" * 11 * MB)


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (b"," * 10 * MB, "The header has more than 5000 columns."),
        (b"a,b" + b",c" * 3 * MB, "The header has more than 5000 columns."),
        (b"a,b," + b"x" * 3 * MB, "Row 1 is longer than 2500000 bytes; a closing quote or a line end may be missing."),
        (
            b'a,b,"' + b"x\n" * 2 * MB,
            "Row 1 is longer than 2500000 bytes; a closing quote or a line end may be missing.",
        ),
    ],
)
def test_a_header_that_is_too_long_is_an_error(header, sentence):
    with pytest.raises(FileError, match=sentence):
        read(header + b"\n1,2\n")


CELLS = st.lists(st.text(st.sampled_from('x,"\n\r é'), max_size=5), min_size=1, max_size=6)


@given(CELLS, CELLS, st.integers(0, 40), st.integers(1, 7))
def test_the_end_and_the_number_of_cells_are_found_wherever_the_text_is_parted(record, following, at, size):
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([record, following])
    whole = text.getvalue()
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(record)
    length = len(text.getvalue()) - 2
    at = min(at, length)
    rest = Rest(whole[:at], delimiter=",", is_inside=False)
    ends = (
        found + start
        for start in range(at, len(whole), size)
        if (found := rest.find_end(whole[start : start + size])) is not None
    )
    assert rest.is_over is False
    assert next(ends) == length
    kept = next(csv.reader(io.StringIO(rest.kept(), newline=""), strict=True), [""])
    cut = take_marks([kept])
    if cut:
        assert cut[0].cells == len(record)
    else:
        assert not "".join(record[len(kept) :]).strip(" ,")
    assert all(cell.startswith(begun) for cell, begun in zip(record, kept, strict=False))
