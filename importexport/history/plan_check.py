"""Checks that an import does what its plan said, by comparing digests of what each does to every row."""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from django.db import transaction

from importexport.db import copy_block
from importexport.engine.fixes import ACTION as FIX
from importexport.engine.outcome import Change, Outcome
from importexport.errors import counted
from importexport.history import row_log
from importexport.history.row_log import LoggedRow, shown_changes
from importexport.models import ImportRun

#: Patterns in changes as PostgreSQL formats JSON: the timestamp, which always differs, and a reference. Neither matches
#: inside a text, because JSON escapes quotes there.
STAMP = re.compile(r'"updated_at": \[[^][]*+\]')
REFERENCE = '_id": ['


class PlanChanged(Exception):
    """A plan cannot be applied because the result would differ; ``differences`` describes how, in sentences."""

    def __init__(self, differences: list[str] | None = None, count: int = 0) -> None:
        super().__init__()
        self.differences = differences or []
        #: How many rows differ.
        self.count = count


class PlanDigest:
    """A digest of the outcome of each row. It does not depend on how rows are divided into batches, nor on the ids of
    new records."""

    PARTS = ("create", "values", "unchanged", "changes", "reject")

    def __init__(self) -> None:
        self._parts = {part: hashlib.sha256() for part in self.PARTS}

    def add(self, outcome: Outcome) -> None:
        """Add a batch."""
        for action, stretches in outcome.stretches.items():
            rows = [row for stretch in stretches for row in stretch.rows()]
            self._take("create" if action == "create" else "unchanged", action, [number for number, _ in rows])
            if action != "create":
                self._take("unchanged", "", [record for _, record in rows])
        if outcome.values and outcome.values[0]:
            self._parts["values"].update(copy_block(outcome.values))
        self._take("changes", "", [comparable(change) for change in outcome.changes])
        self._take("reject", "", [rejection.message for rejection in outcome.rejected])

    def _take(self, part: str, label: str, items: list[Any]) -> None:
        if items:
            text = "".join(f"{label}{item}\n" for item in items)
            self._parts[part].update(text.encode(errors="surrogatepass"))

    def hexdigest(self) -> str:
        """Return the digest."""
        return hashlib.sha256("".join(part.hexdigest() for part in self._parts.values()).encode()).hexdigest()


def comparable(change: Change) -> str:
    """Return a change without the ids and times that differ each time."""
    record = 0 if change.action == "create" else change.record
    values = without_ids(change.changes) if REFERENCE in change.changes else STAMP.sub("", change.changes)
    return f"{change.number} {change.action} {change.entity} {record} {values} {change.note}"


def without_ids(changes: str) -> str:
    """Return changes, as JSON, with the names of references instead of their ids: the records may not exist yet."""
    values = {
        name: value if len(value) < 4 else [value[0], value[3]]
        for name, value in json.loads(changes).items()
        if name != "updated_at"
    }
    return json.dumps(values)


#: The maximum number of differences to describe.
NAMED = 10
#: Row numbers with their entries in a row log.
Rows = Iterator[tuple[int, list[LoggedRow]]]


@transaction.atomic
def differences(plan: ImportRun, now: ImportRun) -> tuple[list[str], int]:
    """Return sentences about the first rows that differ between two row logs, and the number of rows that differ."""
    sentences: list[str] = []
    count = 0
    for number, before, after in side_by_side(row_log.grouped(row_log.rows(plan)), row_log.grouped(row_log.rows(now))):
        was, would = [said(row) for row in before], [said(row) for row in after]
        if was != would:
            count += 1
            if len(sentences) < NAMED:
                sentences.append(
                    f"Row {number} was to {', '.join(was) or 'do nothing'}; now: {', '.join(would) or 'nothing'}"
                )
    return sentences, count


def side_by_side(one: Rows, other: Rows) -> Iterator[tuple[int, list[LoggedRow], list[LoggedRow]]]:
    """Yield the entries of two row logs for each row."""
    left, right = next(one, None), next(other, None)
    while left or right:
        number = min(side[0] for side in (left, right) if side)
        has_left, has_right = left and left[0] == number, right and right[0] == number
        yield number, left[1] if left and has_left else [], right[1] if right and has_right else []
        left = next(one, None) if has_left else left
        right = next(other, None) if has_right else right


def said(row: LoggedRow) -> str:
    """Return the outcome of a row in words."""
    if row.action == "reject":
        return f"be rejected ({'; '.join(sentence for _, _, sentence in row.errors)})"
    if row.action == "unchanged":
        return f"leave record {row.record} as it is"
    if row.action == "create":
        return "create a record" if not row.changes else f"make {row.changes['name'][1]!r} ({row.entity})"
    if row.action == FIX:
        return f"take {', '.join(f'{name} {before!r} as {after!r}' for name, before, after in shown_changes(row))}"
    shown = ", ".join(f"{name} '{before}' → '{after}'" for name, before, after in shown_changes(row))
    return f"{row.action} record {row.record} ({shown})"


def sentence(change: PlanChanged) -> str:
    """Return why a plan cannot be applied."""
    if not change.count:
        return (
            "The plan no longer holds: what its rows would store has changed, because a setting of the tenant, a"
            " pipeline or a stage has changed. Nothing was stored; plan the file again."
        )
    rest = change.count - len(change.differences)
    more = f" And {counted(rest, 'more row')}." if rest > 0 else ""
    return f"The plan no longer holds. {'. '.join(change.differences)}.{more} Nothing was stored; plan the file again."
