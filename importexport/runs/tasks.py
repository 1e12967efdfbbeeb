"""Work on runs, in the background or not. If a process dies, another one resumes its runs (see caretaker).

This is safe for two reasons. A process holds a PostgreSQL session lock while it works on a run, which is released when
it dies. And the transaction that stores an import also marks it as done, so it is never done twice.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from django.db import DatabaseError, connection, connections
from django.utils import timezone
from psycopg import sql

from importexport import errors, services
from importexport.db import UNAVAILABLE, Busy, advisory_lock, held_locks, patience, release_lock
from importexport.engine.observers import Observer, Progress, ProgressObserver
from importexport.engine.report import Report
from importexport.history import plan_check, suggestions, uploads
from importexport.history.recorder import Settled, note_interrupted
from importexport.history.row_log import clear_row_log
from importexport.history.undo import undo
from importexport.models import ImportRun
from importexport.models.import_run import LOCK, lock_of
from importexport.runs.background import Queue

logger = logging.getLogger("rally.jobs")
#: Seconds between two updates of the progress.
PACE = 0.25
#: Seconds between two attempts to get a lock that is about to be released.
MOMENT = 0.01
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
    "kept_bytes",
]


def start(run: ImportRun) -> None:
    """Plan or apply a run in the background, unless this process already does."""
    _here.add(run.pk, (run.tenant_id, run.entity))


def do_now(run_id: uuid.UUID, *, observers: Sequence[Observer] = (), progress: Progress | None = None) -> Report | None:
    """Plan or apply a run in this thread; return None for an undo, or if another process has finished the run.

    ``observers`` receive the batches of an import; ``progress`` is also called for an undo. Raises FileError and
    PlanChanged, which are also stored with the run; OperationalError if the database is unavailable, in which case the
    run is resumed later; and Busy if another process works on the run, or blocks it, for too long (see
    ``db.patience``).
    """
    with held(run_id, wait=True) as aside:
        return carry_out(run_id, aside, observers=observers, progress=progress)


@contextmanager
def held(run_id: uuid.UUID, *, wait: bool = False, try_again: Callable[[], bool] = lambda: False) -> Iterator[Any]:
    """Hold a run's lock; yield the connection that has it, or None if another process works on the run.

    With ``wait``, raises Busy if that takes too long (see ``db.patience``). ``try_again`` is called every few
    milliseconds while another process holds the lock, and returns whether to try again.
    """
    lock = lock_of(run_id)
    with closing(connection.copy()) as aside:
        while not (is_held := advisory_lock(lock, session=True, wait=wait, over=aside)) and try_again():
            time.sleep(MOMENT)
        if wait and not is_held:
            raise Busy(errors.RUN_BUSY)
        try:
            yield aside if is_held else None
        finally:
            if is_held:
                release_lock(lock, over=aside)


def unattended() -> set[uuid.UUID]:
    """Return the unfinished runs that no process works on."""
    runs = ImportRun.objects.filter(status__in=ImportRun.AT_WORK).values_list("pk", flat=True)
    if not (found := {run_id for run_id in runs if run_id not in _here}):
        return found
    attended = held_locks(LOCK)
    return {run_id for run_id in found if lock_of(run_id)[1] not in attended}


def settle_interrupted() -> None:
    """Note which imports were interrupted, without waiting for the caretaker of a server."""
    left = ImportRun.objects.filter(pk__in=unattended(), status=ImportRun.Status.RUNNING)
    for run_id in left.values_list("pk", flat=True):
        with held(run_id) as aside:
            if aside:
                carry_out(run_id, aside)


def wait(run_id: uuid.UUID, *, seconds: float) -> bool:
    """Wait until this process has finished a run; return False if that takes longer than ``seconds``."""
    end = time.monotonic() + seconds
    while run_id in _here and time.monotonic() < end:
        time.sleep(0.02)
    return run_id not in _here


def _work(run_id: uuid.UUID) -> None:
    fields: dict[str, str] = {"run": str(run_id)}
    try:
        if run := ImportRun.objects.select_related("tenant").filter(pk=run_id).first():
            fields = log_fields(run)
        _work_held(run_id)
    except UNAVAILABLE:
        # The run keeps its status, and is resumed later.
        logger.exception("Database unavailable during a background run", extra={"fields": fields})
    except Exception:  # noqa: BLE001, S110 - carry_out has logged it and stored it with the run
        pass
    finally:
        connections.close_all()


_here = Queue(_work)


def _work_held(run_id: uuid.UUID) -> None:
    with held(run_id) as aside, patience(idle=IDLE):
        if aside:
            carry_out(run_id, aside)


def carry_out(
    run_id: uuid.UUID, aside: Any, *, observers: Sequence[Observer] = (), progress: Progress | None = None
) -> Report | None:
    """Plan or apply a run, depending on its status; return None if it is done. Its lock must be held over ``aside``.

    Raises like ``do_now``.
    """
    run = ImportRun.objects.select_related("tenant").filter(pk=run_id).first()
    if run is None or not run.is_at_work:
        return None
    if run.status == ImportRun.Status.RUNNING:
        # Its process is gone, and the file with it.
        note_interrupted(run_id)
        return None
    run.started_at = timezone.now()
    ImportRun.objects.filter(pk=run_id).update(started_at=run.started_at, rows_done=0, bytes_done=0)
    try:
        if run.kind == ImportRun.Kind.IMPORT:
            return _import(run, aside, observers=observers, progress=progress)
        _undo(run, aside, progress=progress)
    except errors.FileError:
        raise  # The service has recorded it.
    except plan_check.PlanChanged as change:
        _store_differences(run, change)
        raise
    except UNAVAILABLE:
        raise
    except Settled:
        return None
    except Exception:
        doing = "planning" if run.status == ImportRun.Status.PLANNING else "applying"
        logger.exception("Bug while %s an %s of %s", doing, run.kind, run.entity, extra={"fields": log_fields(run)})
        _mark_failed(run)
        raise
    return None


def _store_differences(run: ImportRun, change: plan_check.PlanChanged) -> None:
    """Store how the result would differ from the plan, which is kept."""
    same = {name: getattr(run, name) for name in ("tenant", "entity", "kind", "parent", "options", "channel")}
    now = ImportRun(pk=uuid.uuid4(), **same)
    with closing(connection.copy()) as aside:
        try:
            if run.kind == ImportRun.Kind.UNDO:
                undo(now, aside=aside)
            else:
                with uploads.opened(run) as file:
                    services.import_file(now, file, dry_run=True, aside=aside)
            change.differences, change.count = plan_check.differences(run, now)
        finally:
            clear_row_log(now, aside)
    ImportRun.objects.filter(pk=run.pk, status=ImportRun.Status.APPLYING).update(
        status=ImportRun.Status.PLANNED, error=plan_check.sentence(change), finished_at=timezone.now()
    )


def _import(run: ImportRun, aside: Any, *, observers: Sequence[Observer], progress: Progress | None) -> Report:
    is_plan = run.status == ImportRun.Status.PLANNING
    with uploads.opened(run) as file:
        report = services.import_file(
            run,
            file,
            dry_run=is_plan,
            aside=aside if is_plan else None,
            observers=[ProgressObserver(saving_progress(run, aside, progress)), *observers],
        )
    if is_plan:
        _keep_plan(run)
    return report


def _undo(run: ImportRun, aside: Any, *, progress: Progress | None) -> None:
    is_plan = run.status == ImportRun.Status.PLANNING
    undo(run, aside=aside if is_plan else None, progress=saving_progress(run, aside, progress))
    if is_plan:
        _keep_plan(run)


def _keep_plan(run: ImportRun) -> None:
    run.status, run.finished_at = ImportRun.Status.PLANNED, timezone.now()
    if run.kind == ImportRun.Kind.IMPORT:
        run.suggestions = suggestions.suggestions(run)
    found = {name: getattr(run, name) for name in PLAN_FIELDS}
    if not ImportRun.objects.filter(pk=run.pk, status=ImportRun.Status.PLANNING).update(**found):
        clear_row_log(run, connection)  # The plan was discarded in the meantime.


def saving_progress(run: ImportRun, aside: Any, progress: Progress | None) -> Progress:
    """Return a callback that saves the progress for other processes, a few times a second, and passes it on."""
    last = 0.0

    def save(rows: int, size: int) -> None:
        nonlocal last
        if progress:
            progress(rows, size)
        if time.monotonic() - last < PACE:
            return
        last = time.monotonic()
        with aside.cursor() as cursor:
            cursor.execute(SAVE_PROGRESS, [rows, size, run.tenant_id, run.pk])

    return save


SAVE_PROGRESS = sql.SQL("UPDATE {} SET rows_done = %s, bytes_done = %s WHERE tenant_id = %s AND id = %s").format(
    sql.Identifier(ImportRun._meta.db_table)
)


def _mark_failed(run: ImportRun) -> None:
    try:
        ImportRun.objects.filter(pk=run.pk).update(
            status=ImportRun.Status.FAILED,
            error=errors.BUG,
            finished_at=timezone.now(),
        )
    except DatabaseError:
        logger.exception("Could not mark a run with a bug as failed", extra={"fields": log_fields(run)})


def log_fields(run: ImportRun) -> dict[str, str]:
    """Return the fields that identify a run in the log."""
    return {"run": str(run.pk), "tenant": run.tenant.slug, "entity": run.entity}
