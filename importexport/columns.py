"""A column of an entity, said once: header, attribute, kind, required, what it stores."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import models
from import_export.fields import Field

from importexport import faults
from importexport.safety import unmark_column
from importexport.table import Batch
from importexport.widgets import Cell

#: Characters from which on a cell is looked at for endless runs of combining marks.
LONG = 1_000
#: No text may have this character (see widgets.Text).
UNSTORABLE = "\uffff"
_MARKS = "".join(mark for mark in map(chr, range(0x300, 0x1F000)) if unicodedata.combining(mark))
_ENDLESS_MARKS = re.compile(f"[{_MARKS}]{{300}}")


class Column(Field):
    """A column that reads and writes one field of a model.

    ``first_name = Column(Text, Contact.first_name, required=True)``: the attribute's name is the header, the widget
    takes its limits from the model field. A reference shows an attribute of the record it leads to (``shows``).
    """

    def __init__(self, widget: type[Cell], source: Any, *, required: bool = False, shows: str = "") -> None:
        self.source: models.Field = source.field
        attribute = f"{self.source.name}__{shows}" if shows else self.source.name
        super().__init__(attribute=attribute, widget=widget.for_field(self.source))
        self.required = required
        self.stores: str = self.source.column

    @property
    def help(self) -> str:
        """What a user should write into the column."""
        return self.widget.help

    def clean(self, row: dict[str, str], **kwargs: Any) -> Any:
        """Return the value of one row's cell; raise ValueError with the sentence for the user."""
        (value,) = prepare([row.get(self.column_name) or ""])
        if self.required and not value:
            raise ValueError(faults.required(self.column_name))
        return self.widget.clean(value, row=row, column=self.column_name)

    def clean_cells(self, cells: "Cells", *, required: bool) -> None:
        """Clean this column of a batch: what it stores, and its faults, go back into ``cells``."""
        stored, wrong = self.widget.clean_cells(cells, self.column_name)
        cells.stored[self.stores] = stored
        if required:
            texts = cells.text(self.column_name)
            if not all(texts):
                wrong = wrong | {i: faults.required(self.column_name) for i, text in enumerate(texts) if not text}
        for position, fault in wrong.items():
            cells.faults[position][self.column_name] = fault


class Cells:
    """A batch on its way: prepared texts by column name, COPY texts by database column, faults by position."""

    def __init__(self, batch: Batch) -> None:
        self.count = len(batch.records)
        self.stored: dict[str, list[str | None]] = {}
        self.faults: dict[int, dict[str, faults.Fault]] = defaultdict(dict)
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
    return text[: 4 * faults.ECHO_LIMIT] + UNSTORABLE  # Of which messages quote the beginning.
