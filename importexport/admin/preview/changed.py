"""The changes to existing records: those that take something away first, then all others, in the file's order."""

from typing import Any, NamedTuple

from django.db import models

from importexport.admin import labels
from importexport.admin.presenters import NUMBER, ROWS_PER_PAGE, shown
from importexport.history import row_log
from importexport.history.losses import Losses, losses_of
from importexport.models import ImportRun
from importexport.resources import RESOURCES

TAGS = "tags"


class ShownChange(NamedTuple):
    """A cell of a record changed by a row, before and after; ``lost`` are the tags that it loses."""

    column: str
    before: str
    after: str
    lost: str = ""

    @property
    def takes_away(self) -> bool:
        """Whether the cell is cleared, or loses tags."""
        return bool(self.lost) or not self.after


class ChangedRow(NamedTuple):
    """A row that changes a record, which is None if it does not exist any more."""

    number: int
    record: models.Model | None
    cells: list[ShownChange]


class ChangedRows(NamedTuple):
    """Some of the rows that change records; ``following`` is where the next page starts, or None.

    ``losing`` are the rows that take something away, on the first page only; ``losses`` says how much all rows do.
    """

    losing: list[ChangedRow]
    losses: list[str]
    more_losing: int
    rows: list[ChangedRow]
    following: int | None


def changed_rows(run: ImportRun, after: str | None) -> ChangedRows:
    """Return the rows that change records, after a row number; from the first if the number is invalid."""
    start = int(after) if after and after.isdecimal() and len(after) < NUMBER else 0
    losses = losses_of(run) if run.kind == ImportRun.Kind.IMPORT else Losses()
    losing = [] if start else row_log.updates_in(run, losses.first)
    found, has_more = row_log.some_rows(run, action="update", after=start, limit=ROWS_PER_PAGE)
    others = [row for row in found if row.number not in losses.first]
    records = _records(run, [*losing, *others])
    return ChangedRows(
        [_changed(row, records) for row in losing],
        in_words(losses),
        losses.rows - len(losses.first),
        [_changed(row, records) for row in others],
        found[-1].number if has_more else None,
    )


def in_words(losses: Losses) -> list[str]:
    """Return what updates take away: ``3 values cleared``, ``1 tag lost``."""
    texts = [labels.cleared(losses.cells)] if losses.cells else []
    return [*texts, labels.lost_tags(losses.tags)] if losses.tags else texts


def _records(run: ImportRun, rows: list[row_log.LoggedRow]) -> dict[Any, models.Model]:
    """Return the records that rows change, with what their names are made of."""
    known = RESOURCES[run.entity]._meta.model._default_manager.filter(tenant=run.tenant)
    return known.in_bulk([row.record for row in rows if row.record and row.entity == run.entity])


def _changed(row: row_log.LoggedRow, records: dict[Any, models.Model]) -> ChangedRow:
    cells = sorted(changes_of(row), key=lambda cell: not cell.takes_away)
    return ChangedRow(row.number, records.get(row.record), cells)


def changes_of(row: row_log.LoggedRow) -> list[ShownChange]:
    """Return the cells changed by a row, ready for display."""
    return [
        ShownChange(column, shown(before), shown(after), shown(lost_tags(row)) if column == TAGS else "")
        for column, before, after in row_log.shown_changes(row)
    ]


def lost_tags(row: row_log.LoggedRow) -> str:
    """Return the tags that a row's record loses."""
    was, now = (pair or [] for pair in row.changes[TAGS][:2])
    kept = {tag.lower() for tag in now}
    return ", ".join(tag for tag in was if tag.lower() not in kept)
