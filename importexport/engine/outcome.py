"""What became of a batch of rows, as the engine tells it and the recorder keeps it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import NamedTuple

from importexport import errors

#: What is wrong with which column, "" where the whole row is at fault.
ColumnError = tuple[str, errors.RowError]


class Rejection(NamedTuple):
    """A rejected row: its number in the file, its cells as they were, and what is wrong with it."""

    number: int
    cells: list[str]
    errors: list[ColumnError]

    @property
    def message(self) -> str:
        """The one message of the row."""
        return errors.at_row(self.number, [error for _, error in self.errors])


class Stretch(NamedTuple):
    """Rows side by side and their records: from row ``number`` and record ``id`` on, ``count`` of both."""

    number: int
    id: int
    count: int  # type: ignore[assignment]

    def rows(self) -> Iterator[tuple[int, int]]:
        """Yield each row's number and record, which is 0 where it is not known."""
        return ((self.number + n, self.id and self.id + n) for n in range(self.count))


class Change(NamedTuple):
    """What one row did to a record, more than creating it (see models.RowChange); ``changes`` is JSON."""

    number: int
    action: str
    entity: str
    record: int
    changes: str
    note: str = ""


@dataclass
class Outcome:
    """What became of some rows, by action; ``changes`` hold one for each record that was updated or made besides."""

    rejected: list[Rejection] = field(default_factory=list)
    #: Action → the rows and records, in the order of rows.
    stretches: dict[str, list[Stretch]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    #: What was stored for the rows created, a list per column, for whoever has to compare it.
    values: Sequence[Sequence[str | None]] = ()
    #: What the first of the rows say of the import that refused them before: number and message.
    repeats: Sequence[tuple[int, str]] = ()

    @property
    def rows(self) -> int:
        """How many rows these are."""
        actions = ("create", "unchanged")
        return len(self.rejected) + sum(map(self.count, actions)) + self.count_changes("update")

    def without(self, action: str) -> "Outcome":
        """Return what became of all rows but those that were treated so."""
        stretches = {name: found for name, found in self.stretches.items() if name != action}
        return replace(self, stretches=stretches, changes=[c for c in self.changes if c.action != action])

    def count(self, action: str) -> int:
        """Return how many rows have been treated so."""
        return sum(stretch.count for stretch in self.stretches.get(action, ()))

    def count_changes(self, action: str) -> int:
        """Return how many records have been changed so."""
        return sum(change.action == action for change in self.changes)


def stretches_of(pairs: Iterable[tuple[int, int]]) -> list[Stretch]:
    """Return pairs of row number and record id as stretches in which both rise by one."""
    # Within a stretch, row numbers and ids are always as far from their place in it.
    placed = ((n, number, record) for n, (number, record) in enumerate(pairs))
    groups = groupby(placed, key=lambda item: (item[1] - item[0], item[2] - item[0]))
    found = (list(group) for _, group in groups)
    return [Stretch(rows[0][1], rows[0][2], len(rows)) for rows in found]


def numbered(stretches: Iterable[tuple[int, int, int]], numbers: list[int]) -> list[Stretch]:
    """Return stretches of positions as stretches of row numbers; one breaks where the numbers do."""
    result: list[Stretch] = []
    for position, record, count in stretches:
        own = numbers[position : position + count]
        if own == list(range(own[0], own[0] + count)):
            result.append(Stretch(own[0], record, count))
        else:
            result.extend(stretches_of(zip(own, range(record, record + count), strict=True)))
    return result
