"""The cells of a batch, prepared for the widgets."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from crm.characters import trim_column
from importexport import errors
from importexport.files.formula import is_error_value, unmark_column
from importexport.files.table import Batch

#: Cells longer than this are checked for excessive runs of combining marks.
LONG = 1_000
#: A character not allowed in any text (see widgets.Text).
UNSTORABLE = "\uffff"
_MARKS = "".join(mark for mark in map(chr, range(0x300, 0x1F000)) if unicodedata.combining(mark))
_ENDLESS_MARKS = re.compile(f"[{_MARKS}]{{300}}")


class Cells:
    """The state of a batch: prepared texts by column, COPY texts by database column, errors by position."""

    def __init__(self, batch: Batch) -> None:
        self.count = len(batch.records)
        self.stored: dict[str, list[str | None]] = {}
        self.errors: dict[int, dict[str, errors.RowError]] = defaultdict(dict)
        #: What was wrong with cells that were left blank, like ``errors``.
        self.unread: dict[int, dict[str, errors.RowError]] = defaultdict(dict)
        self.stage_probabilities: list[str | None] = []
        self._texts = {name: prepare(values) for name, values in batch.columns.items()}
        self._absent = [""] * self.count
        self._joined: dict[str, str] = {}
        self._values = batch.columns
        for name, texts in self._texts.items():
            for i in error_values(batch.columns[name], texts) if "#" in self.joined(name) else ():
                self.errors[i][name] = errors.spreadsheet_error(name, texts[i])

    def is_absent(self, columns: Iterable[str]) -> bool:
        """Whether the file has none of some columns."""
        return not any(name in self._texts for name in columns)

    def has_error(self, position: int, column: str) -> bool:
        """Whether something is wrong with a cell."""
        return column in self.errors.get(position, ())

    def lacking(self, position: int, column: str) -> errors.RowError:
        """Return the error of a blank cell that is needed: why it could not be read, if it was filled."""
        return self.unread.get(position, {}).get(column) or errors.required(column)

    @property
    def present(self) -> list[str]:
        """The names of the columns in the file."""
        return list(self._texts)

    def blank_out(self, marker: str) -> dict[str, list[int]]:
        """Blank the cells that are exactly this marker; return their positions by column."""
        found = {}
        for name, texts in self._texts.items():
            if marker in texts:
                found[name] = [i for i in unmarked(self._values[name]) if texts[i] == marker]
                for i in found[name]:
                    texts[i] = ""
                self._joined.pop(name, None)
        return found

    def blank(self, column: str, positions: Iterable[int]) -> None:
        """Blank the cells of a column at some positions."""
        texts = self.text(column)
        for i in positions:
            texts[i] = ""
        self._joined.pop(column, None)

    def text(self, column: str) -> list[str]:
        """Return the prepared cells of a column, blank if it is not in the file."""
        return self._texts.get(column, self._absent)

    def fill(self, column: str, texts: Mapping[int, str]) -> None:
        """Fill some cells of a column, by position, which need not be in the file."""
        self._texts[column] = [texts.get(i, text) for i, text in enumerate(self.text(column))]
        self._joined.pop(column, None)

    def joined(self, column: str) -> str:
        """Return the prepared cells of a column as one text, in which one look may be enough."""
        if column not in self._joined:
            self._joined[column] = "\n".join(self.text(column))
        return self._joined[column]


def error_values(values: Sequence[str], texts: Sequence[str]) -> list[int]:
    """Return the positions of a spreadsheet's error values in a column: its cells, and the same prepared."""
    return [i for i in unmarked(values) if is_error_value(texts[i])]


def unmarked(values: Sequence[str]) -> list[int]:
    """Return the positions of the cells without a formula mark; one with a mark was text for whoever wrote it."""
    return [i for i, value in enumerate(values) if value[:1] != "'"]


def prepare(values: Sequence[str]) -> list[str]:
    """Prepare cells for any widget: remove formula marks, trim, convert line endings to LF, normalise to NFC.

    Invisible characters are trimmed with white space.
    """
    prepared = list(map(str.strip, unmark_column(values)))
    joined = "\n".join(prepared)
    if "\r" in joined:
        prepared = [text.replace("\r\n", "\n").replace("\r", "\n") for text in prepared]
    if not joined.isascii():
        prepared = trim_column(prepared)
        if max(map(len, prepared)) > LONG:
            prepared = [without_endless_marks(text) for text in prepared]
            joined = "\n".join(prepared)
        if not unicodedata.is_normalized("NFC", joined):
            prepared = [unicodedata.normalize("NFC", text) for text in prepared]
    return prepared


def without_endless_marks(text: str) -> str:
    """Truncate a cell whose normalisation would take too long.

    Normalisation sorts each run of combining marks, in time quadratic in its length. No script uses hundreds in a row
    (the stream-safe format of UAX #15 allows 30), so such a cell is truncated and made invalid.
    """
    if len(text) <= LONG or not _ENDLESS_MARKS.search(text):
        return text
    return text[: 4 * errors.ECHO_LIMIT] + UNSTORABLE  # Messages quote its start.
