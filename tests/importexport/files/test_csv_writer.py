"""Cells with a delimiter of any dialect are in quotes, and read as they were."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importexport.files.csv_writer import csv_text, from_copy

ROWS = st.lists(st.lists(st.text(st.sampled_from('ab ",;\t\r\n=é'), max_size=6), min_size=2, max_size=3), max_size=4)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("x;=1+1", '"x;=1+1"'),
        ("x,=1+1", '"x,=1+1"'),
        ("x\t=1+1", '"x\t=1+1"'),
        ('say "x;y"', '"say ""x;y"""'),
        ("a b", "a b"),
        ("", ""),
    ],
)
def test_a_cell_with_any_delimiter_is_in_quotes(delimiter, cell, written):
    assert csv_text([[cell, "b"]], delimiter=delimiter) == f"{written}{delimiter}b\r\n"


@pytest.mark.parametrize(
    ("row", "written"),
    [
        (b"x;=1+1,b", b'"x;=1+1",b'),
        (b"a,x\t=1+1", b'a,"x\t=1+1"'),
        (b'"a,b;c",x;y,"d ""e;f"" g"', b'"a,b;c","x;y","d ""e;f"" g"'),
        (b'"a\nb",;', b'"a\nb",";"'),
        (b";,,\t", b'";",,"\t"'),
    ],
)
def test_what_copy_leaves_without_quotes_gets_them(row, written):
    assert from_copy([row, b"c,d"]) == written + b"\r\nc,d\r\n"


@given(rows=ROWS)
def test_rows_of_copy_are_written_like_all_others_and_read_as_they_were(rows):
    text = csv_text(rows)
    assert list(csv.reader(io.StringIO(text, newline=""))) == rows
    assert not rows or from_copy([as_copy(row) for row in rows]).decode() == text


def as_copy(row):
    """Return a row as COPY writes it, which quotes like Python's writer."""
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow(row)
    return line.getvalue()[:-2].encode()
