"""Records an import: its rejected rows, row log and result (see models.ImportRun)."""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import chain
from json.encoder import encode_basestring_ascii as quoted
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from importexport import errors
from importexport.db import ensure_months
from importexport.engine.groups import Groups
from importexport.engine.observers import Observer
from importexport.engine.outcome import Outcome, Rejection, Stretch
from importexport.engine.report import Report
from importexport.engine.resource import EntityResource
from importexport.files.source import Measured, printable
from importexport.files.table import Table
from importexport.history import repairs
from importexport.history.kept import REJECTED_ROWS, log_bytes
from importexport.history.plan_check import PlanChanged, PlanDigest
from importexport.history.row_log import clear_row_log, copy_rows, write_row_log
from importexport.models import BY_MONTH, ImportRun, RejectedRow
from importexport.resources import RESOURCES
from importexport.webhooks.events import announce_end

#: The number of records in a preview.
SAMPLE_ROWS = 20
#: The number of rows used to find the import that a file corrects.
REPEATS = 200


class Settled(Exception):
    """Another process has completed the run in the meantime."""


class Stopped(Exception):
    """A run was cancelled, or took too long. The text is for the user."""


class Recorder:
    """Records the rows of a run in its own transaction, so that the record is correct even after a crash.

    A plan is rolled back, so its record is written over a second connection, ``aside``. Applying a plan raises
    PlanChanged if the result differs from the plan.
    """

    def __init__(self, run: ImportRun, *, aside: Any = None, save: Callable[[], None] | None = None) -> None:
        self.run = run
        self.is_plan = aside is not None
        self.to = aside or connection
        self._save = save or run.save
        self._digest = PlanDigest() if self.is_plan or run.plan_digest else None
        self._has_log = False

    def begin(self) -> None:
        """Delete the record of an earlier attempt or plan; raise Settled if the run is already done.

        A process may lose the connection that marks the run as its own, but keep the one it imports with. Another
        process then takes over the run; the one that gets the entity's lock second ends here.
        """
        if not self.is_plan and ImportRun.objects.filter(pk=self.run.pk, status=ImportRun.Status.DONE).exists():
            raise Settled
        # Created ahead, but no import shall fail because nobody did.
        ensure_months(BY_MONTH, [self.run.month])
        clear_row_log(self.run, self.to)

    def add(self, outcome: Outcome, *, written: str = "") -> None:
        """Record an outcome, except for rows of the action ``written``, which are already in the row log."""
        if self._digest:
            self._digest.add(outcome)
        self._has_log = self._has_log or bool(outcome.rejected or outcome.changes or written)
        write_row_log(self.run, outcome.without(written), to=self.to, is_plan=self.is_plan)

    def end(self) -> None:
        """Mark the run as planned or done; raise PlanChanged if the result differs from the plan."""
        self.run.kept_bytes = self._kept_bytes()
        digest = self._digest.hexdigest() if self._digest else ""
        if self.is_plan:
            self.run.plan_digest = digest
            return
        if digest != self.run.plan_digest:
            raise PlanChanged
        if not self.run._state.adding:
            check_not_cancelled(self.run)
        self.run.status, self.run.finished_at = ImportRun.Status.DONE, timezone.now()
        self._save()
        announce_end(self.run)

    def _kept_bytes(self) -> int:
        """Return the size of what is kept of the run. A file that was stored is, also when it has been imported."""
        upload = (self.run.size or 0) if self.run.has_upload else 0
        return upload + (log_bytes(self.run, self.to) if self._has_log else 0)


def check_not_cancelled(run: ImportRun) -> bool:
    """Raise Stopped if somebody has asked for a run to be cancelled; return whether it is in the database.

    In a transaction, nobody can until its end.
    """
    found = ImportRun.objects.select_for_update(no_key=True).filter(pk=run.pk).values_list("cancelled_by", flat=True)
    for by in found:
        if by:
            raise Stopped(errors.cancelled(by))
    return bool(found)


class ImportRecorder(Observer):
    """The observer that records an import, or a plan if ``aside`` is given (see Recorder); ``save`` saves the run."""

    def __init__(
        self, run: ImportRun, source: Measured, *, aside: Any = None, save: Callable[[], None] | None = None
    ) -> None:
        self.run = run
        run.started_at = run.started_at or timezone.now()
        self._source = source
        self._recorder = Recorder(run, aside=aside, save=save)
        self._groups = Groups()
        self._counts: Counter[str] = Counter()
        self._references: Counter[str] = Counter()
        self._first: list[int] = []
        self._repeats: list[tuple[int, str]] = []

    def begin(self, table: Table) -> None:
        """Record the header, and delete the record of an earlier attempt or plan."""
        self.run.header = describe_header(table, RESOURCES[self.run.entity])
        self._recorder.begin()

    def add(self, outcome: Outcome) -> None:
        if outcome.rejected:
            self._groups.add(chain.from_iterable(rejection.errors for rejection in outcome.rejected))
            self._copy_rejections(outcome.rejected[: max(REJECTED_ROWS - self._counts["reject"], 0)])
        self._note_first(outcome.stretches.get("create", ()))
        self._recorder.add(outcome)
        self._count(outcome)
        if len(self._repeats) < REPEATS:
            self._repeats.extend(outcome.repeats[:REPEATS])

    def end(self, report: Report) -> None:
        """Record the counts. The run is done when the import's transaction commits."""
        run = self.run
        run.size, run.sha256 = self._source.size, self._source.sha256
        run.total_rows, run.imported, run.skipped = report.total_rows, report.imported, report.skipped
        run.counts, run.references = dict(self._counts), dict(self._references)
        run.groups = self._groups.listed()
        run.warnings, run.warning_count = report.warnings, report.warning_count
        run.header |= {"ignored_cells": report.ignored_cells}
        run.parent = run.parent or repairs.find_corrected(run, self._repeats)
        run.rows_done, run.bytes_done = run.total_rows, run.size
        if self._recorder.is_plan:
            run.sample = sample_rows(RESOURCES[run.entity](run.tenant), self._first)
        self._recorder.end()

    def _count(self, outcome: Outcome) -> None:
        for action in outcome.stretches:
            self._counts[action] += outcome.count(action)
        for change in outcome.changes:
            if change.action == "create":
                self._references[change.entity] += 1
            else:
                self._counts[change.action] += 1
        self._counts["reject"] += len(outcome.rejected)
        if left_out := sum(rejection.is_left_out for rejection in outcome.rejected):
            self._counts["left_out"] += left_out

    def _copy_rejections(self, rejected: list[Rejection]) -> None:
        if not rejected:
            return
        texts = [
            [str(rejection.number) for rejection in rejected],
            [json_list(map(quoted, rejection.cells)) for rejection in rejected],
            [
                json_list(json_list(map(quoted, (column, error.code, error))) for column, error in rejection.errors)
                for rejection in rejected
            ],
        ]
        copy_rows(RejectedRow, self.run, ["number", "cells", "faults"], texts, to=self._recorder.to)

    def _note_first(self, stretches: Iterable[Stretch]) -> None:
        for stretch in stretches:
            room = SAMPLE_ROWS - len(self._first)
            self._first.extend(range(stretch.id, stretch.id + min(stretch.count, room)))


def json_list(items: Iterable[str]) -> str:
    """Return a JSON list of JSON texts. For short lists, json.dumps takes three times as long."""
    return f"[{', '.join(items)}]"


def describe_header(table: Table, resource: type[EntityResource]) -> dict[str, Any]:
    """Return the recognised header (see ImportRun.header)."""
    header = table.header
    column_at = {position: name for name, position in header.positions.items()}
    return {
        "cells": header.cells,
        "columns": [column_at.get(position) for position in range(header.width)],
        "ignored": header.ignored,
        "missing": header.missing(resource.column_names()),
        "delimiter": table.rows.delimiter,
        "mark": table.rows.has_mark,
    }


def sample_rows(resource: EntityResource, ids: list[int]) -> list[list[str]]:
    """Return records as an export would format them, as lists of cells."""
    records = resource.get_queryset().filter(pk__in=ids).select_related(*resource.relations())
    return [[column.widget.render(column.get_value(record)) for column in resource.columns] for record in records]


def note_failed(
    run: ImportRun, error: errors.FileError, source: Measured | None = None, *, save: Callable[[], None] | None = None
) -> None:
    """Record that a whole file failed, and why. ``save`` saves a new run, which may not be in the database yet.

    There is no ``source`` if the file is not what it was when it was measured.
    """
    if source and not isinstance(error, errors.TooLarge) and not run.sha256 and source.seekable():
        source.read_on()
        run.size, run.sha256 = source.size, source.sha256
    run.status, run.finished_at = ImportRun.Status.FAILED, timezone.now()
    run.error = printable(str(error))
    if save:
        with transaction.atomic():
            save()
            announce_end(run)
        return
    mark_failed(run)
    clear_row_log(run, connection)


@transaction.atomic
def mark_failed(run: ImportRun) -> None:
    """Store that a run has failed. save() would recreate one that was discarded in the meantime."""
    failed = {"status": run.status, "finished_at": run.finished_at, "error": run.error}
    if ImportRun.objects.filter(pk=run.pk).update(**failed):
        announce_end(run)


def note_interrupted(run_id: UUID, *, error: str = errors.INTERRUPTED) -> None:
    """Record that a run ended before its import did, so that nothing of it was stored."""
    interrupted = {"status": ImportRun.Status.FAILED, "finished_at": timezone.now(), "error": error}
    with transaction.atomic():
        running = ImportRun.objects.filter(pk=run_id, status=ImportRun.Status.RUNNING)
        if running.update(**interrupted):
            announce_end(ImportRun.objects.get(pk=run_id))
