"""A batch's cells, prepared for every column's own rule."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

from importexport import errors
from importexport.files.formula import unmark_column
from importexport.files.table import Batch

#: Characters from which on a cell is looked at for endless runs of combining marks.
LONG = 1_000
#: No text may have this character (see widgets.Text).
UNSTORABLE = "\uffff"
_MARKS = "".join(mark for mark in map(chr, range(0x300, 0x1F000)) if unicodedata.combining(mark))
_ENDLESS_MARKS = re.compile(f"[{_MARKS}]{{300}}")


class Cells:
    """A batch on its way: prepared texts by column name, COPY texts by database column, errors by position."""

    def __init__(self, batch: Batch) -> None:
        self.count = len(batch.records)
        self.stored: dict[str, list[str | None]] = {}
        self.errors: dict[int, dict[str, errors.RowError]] = defaultdict(dict)
        self.stage_probabilities: list[str | None] = []
        self._texts = {name: prepare(values) for name, values in batch.columns.items()}
        self._absent = [""] * self.count

    @property
    def present(self) -> list[str]:
        """The columns that the file has."""
        return list(self._texts)

    def blank_out(self, text: str) -> dict[str, list[int]]:
        """Make cells with this very text blank; return where they were, by column."""
        found = {}
        for name, texts in self._texts.items():
            if text in texts:
                found[name] = [i for i, cell in enumerate(texts) if cell == text]
                self._texts[name] = ["" if cell == text else cell for cell in texts]
        return found

    def text(self, column: str) -> list[str]:
        """Return the prepared cells of a column; those of a column that the file lacks are blank."""
        return self._texts.get(column, self._absent)


def prepare(values: Sequence[str]) -> list[str]:
    """Return cells as every column's own rule sees them: formula mark off, trimmed, line ends as LF, NFC."""
    prepared = list(map(str.strip, unmark_column(values)))
    joined = "\n".join(prepared)
    if "\r" in joined:
        prepared = [text.replace("\r\n", "\n").replace("\r", "\n") for text in prepared]
    if not joined.isascii():
        if max(map(len, prepared)) > LONG:
            prepared = [without_endless_marks(text) for text in prepared]
            joined = "\n".join(prepared)
        if not unicodedata.is_normalized("NFC", joined):
            prepared = [unicodedata.normalize("NFC", text) for text in prepared]
    return prepared


def without_endless_marks(text: str) -> str:
    """Return a cell that can be normalised in bounded time.

    Normalising sorts each run of combining marks, in time that grows with the square of its length. No writing has
    hundreds in a row (the stream-safe format of UAX #15 allows 30): such a cell is cut, and made one to be refused.
    """
    if len(text) <= LONG or not _ENDLESS_MARKS.search(text):
        return text
    return text[: 4 * errors.ECHO_LIMIT] + UNSTORABLE  # Of which messages quote the beginning.
