"""The outcome of a batch of rows, passed from the engine to the observers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import NamedTuple

from importexport import errors

#: A column and its error. The column is "" if the error concerns the whole row.
ColumnError = tuple[str, errors.RowError]


class Rejection(NamedTuple):
    """A rejected row: its number in the file, its original cells, and its errors."""

    number: int
    cells: list[str]
    errors: list[ColumnError]

    @property
    def message(self) -> str:
        """The contract's message for the row."""
        return errors.at_row(self.number, [error for _, error in self.errors])

    @property
    def is_left_out(self) -> bool:
        """Whether somebody has left the row out."""
        return self.errors[0][1].code == "left_out"


class Stretch(NamedTuple):
    """Consecutive rows and records: ``count`` of both, starting at row ``number`` and record ``id``."""

    number: int
    id: int
    count: int  # type: ignore[assignment]

    def rows(self) -> Iterator[tuple[int, int]]:
        """Yield the number and record id of each row; the id is 0 if it is not known."""
        return ((self.number + n, self.id and self.id + n) for n in range(self.count))


class Change(NamedTuple):
    """The change of a record by a row (see models.RowChange); ``changes`` is JSON."""

    number: int
    action: str
    entity: str
    record: int
    changes: str
    note: str = ""


@dataclass
class Outcome:
    """The outcome of a batch by action. ``changes`` has one entry per updated record and per created reference."""

    rejected: list[Rejection] = field(default_factory=list)
    #: Action → rows and records, in row order.
    stretches: dict[str, list[Stretch]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    #: The values stored for created rows, as a list per column, so that observers can compare them.
    values: Sequence[Sequence[str | None]] = ()
    #: The warnings about stored rows.
    warnings: Sequence[ColumnError] = ()
    #: The original number and message of the first rows that were rejected by an earlier import.
    repeats: Sequence[tuple[int, str]] = ()

    @property
    def rows(self) -> int:
        """The number of rows."""
        actions = ("create", "unchanged")
        return len(self.rejected) + sum(map(self.count, actions)) + self.count_changes("update")

    def without(self, action: str) -> "Outcome":
        """Return the outcome without the rows of one action."""
        stretches = {name: found for name, found in self.stretches.items() if name != action}
        return replace(self, stretches=stretches, changes=[c for c in self.changes if c.action != action])

    def count(self, action: str) -> int:
        """Return the number of rows with an action."""
        return sum(stretch.count for stretch in self.stretches.get(action, ()))

    def count_changes(self, action: str) -> int:
        """Return the number of changes with an action."""
        return sum(change.action == action for change in self.changes)


def stretches_of(pairs: Iterable[tuple[int, int]]) -> list[Stretch]:
    """Group pairs of row number and record id into stretches in which both increase by one."""
    # Within a stretch, row number and id have a constant distance from the position.
    placed = ((n, number, record) for n, (number, record) in enumerate(pairs))
    groups = groupby(placed, key=lambda item: (item[1] - item[0], item[2] - item[0]))
    found = (list(group) for _, group in groups)
    return [Stretch(rows[0][1], rows[0][2], len(rows)) for rows in found]


def numbered(stretches: Iterable[tuple[int, int, int]], numbers: list[int]) -> list[Stretch]:
    """Convert stretches of positions to stretches of row numbers, split where the numbers are not consecutive."""
    result: list[Stretch] = []
    for position, record, count in stretches:
        own = numbers[position : position + count]
        if own == list(range(own[0], own[0] + count)):
            result.append(Stretch(own[0], record, count))
        else:
            result.extend(stretches_of(zip(own, range(record, record + count), strict=True)))
    return result
