"""Out as XLSX by our own writer, and in again: every text and number is the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from crm.characters import trim
from importexport.files.formula import is_error_value, unmark
from importexport.files.xlsx import stream_workbook
from tests.importexport.files.workbooks.reading import rows_of

#: Characters of all kinds, and those that mean something to XML, ST_Xstring, formulas and error values.
TEXTS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=20)
    | st.sampled_from(["'=1", '="01"', "=1", "#N/A", " #REF! ", "_x000D_", "_x005F_", "]]>", "&amp;", "<!--", "''", "\t", "1e5"]),
    min_size=1,
    max_size=20,
)  # fmt: skip
ESCAPES = {"\\": r"\\", "\n": r"\n", "\t": r"\t", "\b": r"\b", "\f": r"\f", "\v": r"\v"}


def written(texts, kind="text"):
    """Return a workbook of a column of texts, beside another that keeps the rows filled."""
    copied = ("".join(ESCAPES.get(character, character) for character in text) for text in texts)
    batch = "".join(f"{text}\tx\n" for text in copied).encode()
    return b"".join(stream_workbook(sheet="s", header=["cell", "fill"], kinds=[kind, "text"], batches=[batch]))


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_texts(texts):
    cells = [cells[0] for cells in [*rows_of(written(texts)).values()][1:]]
    assert [trim(unmark(cell)) for cell in cells] == [trim(text) for text in texts]
    assert not any(is_error_value(trim(cell)) for cell in cells)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.decimals(min_value=0, max_value="9999999999999999.99", places=2), min_size=1, max_size=50))
def test_amounts(amounts):
    cells = [cells[0] for cells in [*rows_of(written(map(str, amounts), kind="amount")).values()][1:]]
    assert [f"{amount:.2f}" for amount in amounts] == [f"{type(amounts[0])(cell):.2f}" for cell in cells]
