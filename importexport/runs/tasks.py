"""Work on runs, by a worker or at once. If a process dies, a worker resumes its runs (see rescue).

This is safe for two reasons. A process holds a lease while it works on a run, which ends soon after the process does.
And the transaction that stores an import also marks it as done, so it is never done twice.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from psycopg import sql

from importexport import errors, services
from importexport.db import (
    UNAVAILABLE,
    Busy,
    Lease,
    current_patience,
    end_sessions,
    leased,
    name_transaction,
    second_connection,
    session_name,
)
from importexport.engine.observers import Observer, Progress, ProgressObserver
from importexport.engine.report import Report
from importexport.history import plan_check, suggestions, uploads
from importexport.history.losses import note_losses
from importexport.history.recorder import Settled, Stopped, mark_failed, note_interrupted
from importexport.history.row_log import clear_row_log
from importexport.history.undo import undo
from importexport.models import ImportRun
from importexport.models import Lease as LeaseRow
from importexport.webhooks.events import announce_end

logger = logging.getLogger("rally.jobs")
#: Seconds between two updates of the progress.
PACE = 0.25
#: Seconds without a statement after which PostgreSQL ends a transaction, to release the locks of a frozen process.
IDLE = 120
#: The fields that planning sets.
PLAN_FIELDS = [
    "status",
    "finished_at",
    "total_rows",
    "imported",
    "skipped",
    "options",
    "header",
    "reading",
    "groups",
    "warnings",
    "warning_count",
    "sample",
    "counts",
    "references",
    "plan_digest",
    "parent_id",
    "suggestions",
    "losses",
    "kept_bytes",
]


@dataclass(frozen=True)
class Hold:
    """What a process has that works on a run: the lease, and a second connection, for what a rollback must not undo."""

    lease: Lease
    aside: Any


class Interruption(Exception):
    """The process has to stop. Raised by the ``progress`` of a run, which keeps its status and is resumed later."""


def do_now(run: ImportRun, *, observers: Sequence[Observer] = (), progress: Progress | None = None) -> Report | None:
    """Plan or apply a run in this thread; return None for an undo, or if another process has finished the run.

    ``observers`` receive the batches of an import; ``progress`` is also called for an undo. Raises FileError,
    PlanChanged, and Stopped if somebody cancels the run, which are also stored with the run; OperationalError if the
    database is unavailable, in which case the run is resumed later; and Busy if another process works on the run, or
    blocks it, for too long (see ``db.patience``).
    """
    with held(run, wait=current_patience().wait) as hold:
        if hold is None:
            raise Busy(errors.RUN_BUSY)
        return carry_out(run.pk, hold, observers=observers, progress=progress)


@contextmanager
def held(
    run: ImportRun, *, wait: float | None = 0.0, try_again: Callable[[], bool] = lambda: False
) -> Iterator[Hold | None]:
    """Hold a run in this context; the value is None if another process still works on it after ``wait`` seconds.

    A ``wait`` of None has no end. ``try_again`` is called every few milliseconds after that, and returns whether to go
    on.
    """
    with leased(run.tenant_id, run.lease_name, wait=wait, try_again=try_again) as lease:
        if lease is None:
            yield None
            return
        if lease.was_left:
            # Its transaction may go on without it: it was cut off from a network, and PostgreSQL has not noticed yet.
            # What it has sent last arrives when the network is back.
            end_sessions(str(run.pk))
        with closing(second_connection(name=session_name(str(run.pk)))) as aside:
            yield Hold(lease, aside)


def unattended() -> list[ImportRun]:
    """Return the unfinished runs that no process works on, and that do not wait in the queue, oldest first."""
    return list(ImportRun.objects.raw(UNATTENDED.as_string(), {"life": settings.RALLY_LEASE}))


UNATTENDED = sql.SQL("""
SELECT run.id, run.tenant_id, run.status, run.entity, run.kind, run.parent_id, run.size FROM {runs} AS run
WHERE run.status IN ('planning', 'applying', 'running')
AND NOT EXISTS (
    SELECT FROM {leases} AS lease WHERE lease.tenant_id = run.tenant_id AND lease.name = 'run ' || run.id
    AND lease.seen_at > clock_timestamp() - make_interval(secs => %(life)s)
)
AND NOT EXISTS (
    SELECT FROM procrastinate_jobs AS job WHERE job.status IN ('todo', 'doing') AND job.args ->> 'run_id' = run.id::text
)
ORDER BY run.created_at
""").format(runs=sql.Identifier(ImportRun._meta.db_table), leases=sql.Identifier(LeaseRow._meta.db_table))


def settle_interrupted() -> None:
    """Note which imports were interrupted, without waiting for a worker."""
    for run in unattended():
        if run.status == ImportRun.Status.RUNNING:
            note_interrupted(run.pk)


def carry_out(
    run_id: uuid.UUID, hold: Hold, *, observers: Sequence[Observer] = (), progress: Progress | None = None
) -> Report | None:
    """Plan or apply a run that this process holds, depending on its status; return None if it is done.

    Raises like ``do_now``.
    """
    run = ImportRun.objects.select_related("tenant").filter(pk=run_id).first()
    if run is None or not run.is_at_work:
        return None
    if run.status == ImportRun.Status.RUNNING:
        # Its process is gone, and the file with it.
        note_interrupted(run_id)
        return None
    if run.cancelled_by:
        stop(run, errors.cancelled(run.cancelled_by))
        return None
    run.started_at = timezone.now()
    ImportRun.objects.filter(pk=run_id).update(started_at=run.started_at, rows_done=0, bytes_done=0)
    with suppress(Settled), noted(run):
        if run.kind == ImportRun.Kind.IMPORT:
            return _import(run, hold, observers=observers, progress=progress)
        _undo(run, hold, progress=progress)
    return None


@contextmanager
def noted(run: ImportRun) -> Iterator[None]:
    """Note with a run what ends the work on it, unless the service has: FileError, or that another process is done."""
    try:
        yield
    except (errors.FileError, Settled, Interruption):
        raise
    except plan_check.PlanChanged as change:
        _store_differences(run, change)
        raise
    except Stopped as why:
        stop(run, str(why))
        raise
    except UNAVAILABLE:
        # Of a run that is cancelled, the statement is cancelled that it waits for.
        if by := ImportRun.objects.filter(pk=run.pk).values_list("cancelled_by", flat=True).first():
            stop(run, errors.cancelled(by))
            raise Stopped(errors.cancelled(by)) from None
        raise
    except Exception:
        doing = "planning" if run.status == ImportRun.Status.PLANNING else "applying"
        logger.exception("Bug while %s an %s of %s", doing, run.kind, run.entity, extra={"fields": log_fields(run)})
        _mark_failed(run)
        raise


def stop(run: ImportRun, sentence: str) -> None:
    """Note that a run has ended before its time, and why. A plan that was being applied is one again."""
    is_plan = run.status == ImportRun.Status.APPLYING and run.plan_digest
    status = ImportRun.Status.PLANNED if is_plan else ImportRun.Status.FAILED
    ended = {"status": status, "error": sentence, "finished_at": timezone.now()}
    if is_plan:
        ended["cancelled_by"] = ""
    with transaction.atomic():
        is_ended = ImportRun.objects.filter(pk=run.pk, status=run.status).update(**ended)
        if is_ended and not is_plan:
            announce_end(ImportRun.objects.get(pk=run.pk))
    if run.status == ImportRun.Status.PLANNING:
        clear_row_log(run, connection)


def _store_differences(run: ImportRun, change: plan_check.PlanChanged) -> None:
    """Store how the result would differ from the plan, which is kept."""
    same = {name: getattr(run, name) for name in ("tenant", "entity", "kind", "parent", "options", "channel")}
    now = ImportRun(pk=uuid.uuid4(), **same)
    with closing(second_connection()) as aside:
        try:
            if run.kind == ImportRun.Kind.UNDO:
                undo(now, aside=aside)
            else:
                with uploads.opened(run) as file:
                    services.import_file(now, file, dry_run=True, aside=aside, fixed_like=run)
            change.differences, change.count = plan_check.differences(run, now)
        finally:
            clear_row_log(now, aside)
    ImportRun.objects.filter(pk=run.pk, status=ImportRun.Status.APPLYING).update(
        status=ImportRun.Status.PLANNED, error=plan_check.sentence(change), finished_at=timezone.now()
    )


def _import(run: ImportRun, hold: Hold, *, observers: Sequence[Observer], progress: Progress | None) -> Report:
    is_plan = run.status == ImportRun.Status.PLANNING
    with uploads.opened(run) as file:
        report = services.import_file(
            run,
            file,
            dry_run=is_plan,
            aside=hold.aside if is_plan else None,
            observers=[ProgressObserver(saving_progress(run, hold, progress)), *observers],
        )
    if is_plan:
        _keep_plan(run, hold)
    return report


def _undo(run: ImportRun, hold: Hold, *, progress: Progress | None) -> None:
    is_plan = run.status == ImportRun.Status.PLANNING
    undo(run, aside=hold.aside if is_plan else None, progress=saving_progress(run, hold, progress))
    if is_plan:
        _keep_plan(run, hold)


def _keep_plan(run: ImportRun, hold: Hold) -> None:
    run.status, run.finished_at = ImportRun.Status.PLANNED, timezone.now()
    if run.kind == ImportRun.Kind.IMPORT:
        run.suggestions = suggestions.suggestions(run)
        note_losses(run)
    found = {name: getattr(run, name) for name in PLAN_FIELDS}
    hold.lease.check()
    with transaction.atomic():
        name_transaction(str(run.pk))
        if not ImportRun.objects.filter(pk=run.pk, status=ImportRun.Status.PLANNING).update(**found):
            clear_row_log(run, connection)  # The plan was discarded in the meantime.


def saving_progress(run: ImportRun, hold: Hold, progress: Progress | None) -> Progress:
    """Return a callback that saves the progress for other processes, a few times a second, and passes it on.

    It raises LeaseLost if another process may have taken over the run, and Stopped if somebody has cancelled it.
    """
    last = 0.0

    def save(rows: int, size: int) -> None:
        nonlocal last
        hold.lease.check()
        if progress:
            progress(rows, size)
        if time.monotonic() - last < PACE:
            return
        last = time.monotonic()
        with hold.aside.cursor() as cursor:
            cursor.execute(SAVE_PROGRESS, [rows, size, run.tenant_id, run.pk])
            for (by,) in cursor:
                if by:
                    raise Stopped(errors.cancelled(by))

    return save


SAVE_PROGRESS = sql.SQL(
    "UPDATE {} SET rows_done = %s, bytes_done = %s WHERE tenant_id = %s AND id = %s RETURNING cancelled_by"
).format(sql.Identifier(ImportRun._meta.db_table))


def _mark_failed(run: ImportRun) -> None:
    run.status, run.error, run.finished_at = ImportRun.Status.FAILED, errors.BUG, timezone.now()
    try:
        mark_failed(run)
    except DatabaseError:
        logger.exception("Could not mark a run with a bug as failed", extra={"fields": log_fields(run)})


def log_fields(run: ImportRun) -> dict[str, str]:
    """Return the fields that identify a run in the log."""
    return {"run": str(run.pk), "tenant": run.tenant.slug, "entity": run.entity}
