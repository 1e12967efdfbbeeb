"""Fixes: what somebody has changed about a file that stays as it is. They are applied to its rows as these are read."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from importexport import errors
from importexport.columns.cells import prepare
from importexport.engine.outcome import Change, ColumnError
from importexport.files.table import Batch

#: What a fix does: it changes a cell, or a value in all rows; it leaves cells with an error blank; it has a record
#: created because rows name it; it leaves a row, or the rows with an error, out.
CELL, VALUE, BLANK, CREATE, SKIP = "cell", "value", "blank", "create", "skip"
#: The action of the row log's entries about them.
ACTION = "fix"


@dataclass(frozen=True)
class Fix:
    """A fix by somebody (``by``).

    A cell is that of row ``number``, in one of our columns; it has to have the text ``old``, as have all cells of a
    ``value``. Cells that are left ``blank``, and rows that are skipped without a number, are those with an error of a
    ``code`` in the column, and only this ``sentence`` if there is one. A record is created by the name ``new``.
    """

    kind: str
    by: str
    number: int = 0
    column: str = ""
    code: str = ""
    sentence: str = ""
    old: str = ""
    new: str = ""
    id: int = 0

    def is_about(self, column: str, error: errors.RowError) -> bool:
        """Whether an error in a column is the one that the fix is about."""
        is_same = (self.column, self.code) == (column, error.code)
        return is_same and (not self.sentence or self.sentence == str(error))


class Fixes:
    """All fixes of a file. ``rows`` counts the rows that each was applied to, by its id."""

    def __init__(self, fixes: Iterable[Fix] = ()) -> None:
        self.rows: Counter[int] = Counter()
        self.blanks: list[Fix] = []
        self.creates: list[Fix] = []
        self._cells: dict[int, list[Fix]] = defaultdict(list)
        self._values: dict[str, dict[str, Fix]] = defaultdict(dict)
        self._skipped: dict[int, Fix] = {}
        self._skipped_errors: list[Fix] = []
        for fix in fixes:
            self._add(fix)

    @property
    def names(self) -> dict[str, list[str]]:
        """The names of the records that are created because rows name them, by column."""
        columns = dict.fromkeys(fix.column for fix in self.creates)
        return {name: [fix.new for fix in self.creates if fix.column == name] for name in columns}

    def _add(self, fix: Fix) -> None:
        if fix.kind == CELL:
            self._cells[fix.number].append(fix)
        elif fix.kind == VALUE:
            self._values[fix.column][fix.old] = fix
        elif fix.kind == BLANK:
            self.blanks.append(fix)
        elif fix.kind == CREATE:
            self.creates.append(fix)
        elif fix.number:
            self._skipped[fix.number] = fix
        else:
            self._skipped_errors.append(fix)

    def apply(self, batch: Batch) -> None:
        """Change the cells of a batch, and note in it what was changed and which rows are left out.

        A fix of a cell counts more than one of its value.
        """
        found: dict[tuple[int, str], tuple[str, Fix]] = {}
        for column, by_text in self._values.items():
            for i, text in enumerate(prepare(batch.columns.get(column, ()))):
                if text in by_text:
                    found[i, column] = text, by_text[text]
        for i, fixes in self._at(batch, self._cells):
            for each in fixes:
                if text_of(batch, i, each.column) == each.old:
                    found[i, each.column] = each.old, each
        change_cells(batch, found)
        batch.left_out = dict(self._at(batch, self._skipped))

    def _at(self, batch: Batch, by_number: Mapping[int, Any]) -> list[tuple[int, Any]]:
        """Return what there is for rows of a batch, by their positions."""
        if not by_number or by_number.keys().isdisjoint(batch.numbers):
            return []
        return [(i, by_number[number]) for i, number in enumerate(batch.numbers) if number in by_number]

    def leave_out(self, batch: Batch, rejected: dict[int, list[ColumnError]]) -> None:
        """Say of rows that they were left out, instead of what is wrong with them."""
        for i, found in rejected.items():
            fix = batch.left_out.get(i) or self._skipping(found)
            if fix:
                rejected[i] = [("", errors.left_out(fix.by))]
                self.rows[fix.id] += 1

    def _skipping(self, found: Sequence[ColumnError]) -> Fix | None:
        """Return the fix that leaves out rows with one of some errors."""
        return next((fix for fix in self._skipped_errors for error in found if fix.is_about(*error)), None)

    def changes(self, batch: Batch) -> list[Change]:
        """Return the entries of the row log about what was changed in a batch, in the order of its rows."""
        by_row: dict[int, dict[str, Any]] = defaultdict(dict)
        for (i, column), (old, fix) in sorted(batch.fixed.items(), key=lambda item: item[0][0]):
            by_row[i][column] = (old, fix)
            self.rows[fix.id] += 1
        return [entry(batch.numbers[i], found) for i, found in by_row.items()]


def entry(number: int, found: Mapping[str, tuple[str, Fix]]) -> Change:
    """Return the entry of the row log about the changed cells of a row. It is about no record."""
    cells = {column: [loggable(old), loggable(fix.new)] for column, (old, fix) in found.items()}
    note = errors.changed_by(fix.by for _, fix in found.values())
    return Change(number, ACTION, "", 0, json.dumps(cells), note)


def loggable(text: str) -> str:
    """Return a text as PostgreSQL's jsonb can have it."""
    return text.replace("\0", "\ufffd")


def text_of(batch: Batch, position: int, column: str) -> str | None:
    """Return a cell of a batch as it is matched and shown; None if the file does not have the column."""
    if column not in batch.columns:
        return None
    return prepare([batch.columns[column][position]])[0]


def change_cells(batch: Batch, found: Mapping[tuple[int, str], tuple[str, Fix]]) -> None:
    """Change cells, by position and column. What was wrong with the former text is forgotten."""
    batch.fixed = dict(found)
    columns = {column: list(batch.columns[column]) for column in {column for _, column in found}}
    for (i, column), (_, fix) in found.items():
        columns[column][i] = fix.new
        if i in batch.broken:
            batch.broken[i] = [name for name in batch.broken[i] if name != column]
        if i in batch.faults:
            batch.faults = {**batch.faults, i: without(batch.faults[i], column)}
    batch.columns |= columns


def without(faults: Mapping[str, errors.RowError], column: str) -> dict[str, errors.RowError]:
    """Return the faults of a row but for one column."""
    return {name: error for name, error in faults.items() if name != column}
