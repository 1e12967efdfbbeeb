"""What is written as CSV is read as it was, whatever stands above the header, between lines and in cells."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importexport.files.text import lines
from tests.importexport.files.reading import reader_of, rows_of

MARK = "\ufeff"
CELLS = st.text(st.sampled_from('ab "\n\r,;\t\ufeff\u200bé😀='), max_size=6)
ABOVE = st.lists(st.sampled_from(["", " ", ";;", "\u200b", '"",""']), max_size=3)


def quoted(cell):
    """Return a cell as a careful program writes it: in quotes where it has to be."""
    return f'"{cell.replace(chr(34), chr(34) * 2)}"' if set(cell) & set('"\n\r,;\t\ufeff') else cell


@given(
    above=ABOVE,
    separator=st.sampled_from(["", "sep={}", '"SEP={}"']),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    records=st.lists(st.tuples(CELLS, CELLS), max_size=6),
    marks=st.lists(st.booleans(), min_size=20, max_size=20),
    chunk=st.sampled_from([1, 2, 3, 5, 64, 65536]),
    rows=st.integers(1, 4),
)
@example(
    above=[], separator="", delimiter=",", end="\n", records=[("\r", "a"), ("b", f"\n{MARK}")],
    marks=[True] * 20, chunk=1, rows=1,
)  # fmt: skip
def test_any_file_is_read_as_it_was_written(above, separator, delimiter, end, records, marks, chunk, rows):
    if separator:
        above = [separator.format(delimiter), *above]
    written = [*above, f"name{delimiter}city", *(delimiter.join(map(quoted, record)) for record in records)]
    content = "".join(f"{MARK * is_marked}{line}{end}" for line, is_marked in zip(written, marks, strict=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "CHUNK", chunk)
        reader = reader_of(content)
        assert (reader.header, reader.delimiter) == (["name", "city"], delimiter)
        assert (reader.header_row, reader.has_mark) == (len(above) + 1, marks[0])
        numbered = [(n, [*record]) for n, record in enumerate(records, len(above) + 2)]
        filled = [(n, record) for n, record in numbered if "".join(record).strip(" \n\r\t\ufeff\u200b")]
        assert rows_of(content, rows=rows) == filled
