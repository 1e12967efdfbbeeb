"""The row log of an import, written in batches and read by row or by record."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby, islice
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from psycopg import sql

from importexport.db import copy_in
from importexport.engine.fixes import ACTION as FIX
from importexport.engine.outcome import Change, Outcome, Stretch
from importexport.files.workbooks.numbers import shown_cell
from importexport.models import BY_MONTH, ImportRun, RejectedRow, RowChange, RowLogPage
from importexport.resources import RESOURCES

#: The possible outcomes of a row. Only an undo deletes records and has conflicts. A row that was changed in the preview
#: has an entry about that besides.
ACTIONS = ("create", "update", "unchanged", "reject", "delete", "conflict", FIX)
OF_PAGES = {"create", "unchanged", "delete"}
OF_CHANGES = {"create", "update", "delete", "conflict", FIX}


# --- writing --------------------------------------------------------------------------------------------------


def clear_row_log(run: ImportRun, to: Any) -> None:
    """Delete the row log of a run over a given connection."""
    with to.cursor() as cursor:
        cursor.execute(CLEAR.format(sql.Identifier(RowLogPage._meta.db_table)), [run.tenant_id, run.pk])
        for table in BY_MONTH:
            cursor.execute(CLEAR_MONTH.format(sql.Identifier(table)), [run.tenant_id, run.pk, run.month])


CLEAR = sql.SQL("DELETE FROM {} WHERE tenant_id = %s AND run_id = %s")
CLEAR_MONTH = sql.SQL("DELETE FROM {} WHERE tenant_id = %s AND run_id = %s AND month = %s")


def write_row_log(run: ImportRun, outcome: Outcome, *, to: Any, is_plan: bool) -> None:
    """Save the outcome of a batch's rows over a given connection. A plan's new records have no ids."""
    pages = []
    for action, stretches in outcome.stretches.items():
        if stretches:
            unknown = is_plan and action == "create"
            pages.append(page_texts(action, [s._replace(id=0) for s in stretches] if unknown else stretches))
    if pages:
        names = ["action", "first_number", "last_number", "first_id", "last_id", "numbers", "ids", "counts"]
        copy_rows(RowLogPage, run, names, [list(column) for column in zip(*pages, strict=True)], to=to)
    if outcome.changes:
        kept = [c._replace(record=0) if is_plan and c.action == "create" else c for c in outcome.changes]
        texts = [[str(value) for value in column] for column in zip(*kept, strict=True)]
        copy_rows(RowChange, run, list(Change._fields), texts, to=to)


def page_texts(action: str, stretches: Sequence[Stretch]) -> list[str]:
    """Return a page of the row log as COPY texts."""
    lists = ["{" + ",".join(map(str, column)) + "}" for column in zip(*stretches, strict=True)]
    bounds = [
        min(s.number for s in stretches),
        max(s.number + s.count - 1 for s in stretches),
        min(s.id for s in stretches),
        max(s.id + s.count - 1 if s.id else 0 for s in stretches),
    ]
    return [action, *map(str, bounds), *lists]


def copy_rows(
    model: type[models.Model], run: ImportRun, columns: list[str], texts: list[list[str]], *, to: Any
) -> None:
    """Write a run's rows, given as a list of COPY texts per column, over a given connection."""
    owner: dict[str, Any] = {"tenant_id": run.tenant_id, "run_id": run.pk}
    if model._meta.db_table in BY_MONTH:
        owner["month"] = run.month
    same = ([str(value)] * len(texts[0]) for value in owner.values())
    copy_in(model._meta.db_table, [*owner, *columns], [*same, *texts], over=to)


# --- reading, by row ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LoggedRow:
    """The outcome of a row. ``record`` is None if it has none; ``changes`` has the format of RowChange."""

    number: int
    action: str
    entity: str
    record: int | None
    changes: dict[str, list[Any]] = field(default_factory=dict)
    note: str = ""
    #: Only for a rejected row: its cells, and its errors as ``[column, code, sentence]``.
    cells: list[str] = field(default_factory=list)
    errors: list[list[str]] = field(default_factory=list)


def rows(run: ImportRun, *, action: str | None = None, after: int = 0) -> Iterator[LoggedRow]:
    """Yield the outcomes of the rows with a number greater than ``after``, in order; of many rows in a transaction."""
    sources = []
    if action is None or action in OF_PAGES:
        sources.append(_paged(run, action, after))
    if action is None or action in OF_CHANGES:
        sources.append(_changed(run, action, after))
    if action in {None, "reject"}:
        sources.append(_rejected(run, after))
    return heapq.merge(*sources, key=lambda row: row.number)


@transaction.atomic
def some_rows(run: ImportRun, *, action: str | None, after: int, limit: int) -> tuple[list[LoggedRow], bool]:
    """Return the first ``limit`` entries, and whether more follow. All entries of the last row are included."""
    found = rows(run, action=action, after=after)
    page = list(islice(found, limit))
    for row in found:
        if row.number != page[-1].number:
            return page, True
        page.append(row)
    return page, False


def updates_in(run: ImportRun, numbers: Sequence[int]) -> list[LoggedRow]:
    """Return the updates of records of the run's entity by some rows, in order."""
    found = RowChange.objects.of(run).filter(entity=run.entity, action="update", number__in=numbers)
    return [_logged(change, run) for change in found.order_by("number", "id")] if numbers else []


def _paged(run: ImportRun, action: str | None, after: int) -> Iterator[LoggedRow]:
    """Yield the rows of pages. Pages may overlap if the row numbers of a corrected file are not in order."""
    pages = RowLogPage.objects.of(run).filter(last_number__gt=after).order_by("first_number")
    waiting: list[tuple[int, int, str]] = []
    for page in (pages if action is None else pages.filter(action=action)).iterator(chunk_size=20):
        while waiting and waiting[0][0] < page.first_number:
            yield _plain_row(run, *heapq.heappop(waiting))
        for number, record in chain.from_iterable(stretch.rows() for stretch in page.stretches()):
            if number > after:
                heapq.heappush(waiting, (number, record, page.action))
    while waiting:
        yield _plain_row(run, *heapq.heappop(waiting))


def _plain_row(run: ImportRun, number: int, record: int, action: str) -> LoggedRow:
    return LoggedRow(number, action, run.entity, record or None)


def _changed(run: ImportRun, action: str | None, after: int) -> Iterator[LoggedRow]:
    found = RowChange.objects.of(run).filter(number__gt=after)
    for change in (found if action is None else found.filter(action=action)).iterator(chunk_size=500):
        yield _logged(change, run)


def _logged(change: RowChange, run: ImportRun) -> LoggedRow:
    entity = change.entity or run.entity
    return LoggedRow(change.number, change.action, entity, change.record or None, change.changes, change.note)


def _rejected(run: ImportRun, after: int) -> Iterator[LoggedRow]:
    for row in RejectedRow.objects.of(run).filter(number__gt=after).order_by("number", "id").iterator(chunk_size=500):
        cells = [*map(shown_cell, row.cells)]
        yield LoggedRow(row.number, "reject", run.entity, None, cells=cells, errors=row.errors)


def cell_of(row: LoggedRow, column: str, run: ImportRun) -> str | None:
    """Return a rejected row's cell in a column, as the file has it; None where the file lacks the column."""
    columns = run.header.get("columns", [])
    if column not in columns:
        return None
    position = columns.index(column)
    return row.cells[position] if position < len(row.cells) else ""


def shown_changes(row: LoggedRow) -> Iterator[tuple[str, str, str]]:
    """Yield the columns that a row changes, in template order, with the exported cells before and after. A new stage
    only has a name. Of a fix, they are the cells of the file before and after."""
    if row.action == FIX or row.entity not in RESOURCES:
        yield from ((name, before or "", after) for name, (before, after) in row.changes.items())
        return
    for column in RESOURCES[row.entity].accepted.values():
        values = [] if column.finds else row.changes.get(column.stores, [])
        if len(values) == 4:
            yield column.column_name, values[2] or "", values[3] or ""
        elif values:
            before, after = map(column.widget.render_kept, values)
            yield column.column_name, before, after


# --- reading, by record ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trace:
    """The import and row that created or updated a record. The row number is 0 if it is unknown."""

    run: ImportRun
    number: int
    action: str

    @property
    def text(self) -> str:
        """The origin of a record, such as ``row 34 of contacts.csv, 12 May 2026, key ci``."""
        run = self.run
        row = f"row {self.number} of " if self.number else ""
        day = (run.finished_at or run.created_at).astimezone(run.tenant.zone)
        who = f"key {run.actor}" if run.channel == ImportRun.Channel.API else run.actor
        what = f"the undo of {run.file_name}" if run.kind == ImportRun.Kind.UNDO else run.file_name
        return f"{row}{what}, {day.day} {day:%b %Y}, {who}"


def traces(record: Any, entity: str) -> list[Trace]:
    """Return the imports that created or updated a record, latest first."""
    done = {"run__tenant": record.tenant_id, "run__status": ImportRun.Status.DONE}
    pages = RowLogPage.objects.filter(holds(record.pk), action="create", run__entity=entity, **done)
    found = [
        Trace(page.run, number, "create")
        for page in pages.select_related("run__tenant")
        if (number := number_in(page, record.pk)) is not None
    ]
    changes = (
        RowChange.objects.filter(record=record.pk, entity=entity, month=models.F("run__month"), **done)
        .exclude(action="delete")
        .exclude(action="conflict")
    )
    found += [Trace(change.run, change.number, change.action) for change in changes.select_related("run__tenant")]
    # Imports of the same records finish in the order in which they stored them, but may have waited for each other.
    return sorted(found, key=lambda trace: trace.run.finished_at or trace.run.created_at, reverse=True)


def holds(record: int) -> Q:
    """Return the condition that a page may contain a record, in the form that the index supports."""
    spans = models.Func(
        models.F("first_id"),
        models.F("last_id"),
        models.Value("[]"),
        function="int8range",
        output_field=models.TextField(),
    )
    return Q(
        models.Func(
            spans, models.Value(record), template="%(expressions)s::bigint", arg_joiner=" @> ",
            output_field=models.BooleanField(),
        )
    )  # fmt: skip


def number_in(page: RowLogPage, record: int) -> int | None:
    """Return the row number of a record in a page, or None if the page does not contain it."""
    for number, first, count in page.stretches():
        if first and first <= record < first + count:
            return number + record - first if number else 0
    return None


def grouped(found: Iterator[LoggedRow]) -> Iterator[tuple[int, list[LoggedRow]]]:
    """Yield each row number with its entries. A row can change several records."""
    for number, same in groupby(found, key=lambda row: row.number):
        yield number, list(same)
