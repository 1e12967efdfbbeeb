"""Work that outlives the request that began it: a thread per file, taken up by whoever asks where one died.

Two things make that safe. A session lock of PostgreSQL says whether somebody is at work, and goes with the process
that held it. And the transaction that stores an import also says that it is done: it is never done twice.
"""

import logging
import threading
import time
import uuid
import zlib
from contextlib import closing
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, connections
from django.utils import timezone

from importexport import faults, service
from importexport.engine import Progress
from importexport.models import ImportRun

logger = logging.getLogger("rally.jobs")
#: The first half of a job's lock; any number that nobody else uses. Imports' own locks begin with a tenant's id.
LOCK = -7_625_772
#: Files at work in this process at once; more of them wait their turn.
AT_ONCE = threading.BoundedSemaphore(4)
#: Seconds between two notes of progress.
PACE = 0.25
#: What a check finds out.
CHECKED_FIELDS = ["status", "finished_at", "total_rows", "imported", "skipped", "header", "groups", "sample"]
_here: set[uuid.UUID] = set()
_guard = threading.Lock()


def start(run_id: uuid.UUID) -> None:
    """Begin to check or import a file in the background, unless this process is at it."""
    with _guard:
        if run_id in _here:
            return
        _here.add(run_id)
    # A daemon: a server that stops need not wait, for an import left undone is taken up again.
    threading.Thread(target=_work, args=[run_id], name=f"import {run_id}", daemon=True).start()


def wait(run_id: uuid.UUID, *, seconds: float) -> bool:
    """Return whether this process is done with a file, having waited for it at most so long."""
    end = time.monotonic() + seconds
    while run_id in _here and time.monotonic() < end:
        time.sleep(0.02)
    return run_id not in _here


def _work(run_id: uuid.UUID) -> None:
    try:
        with AT_ONCE, closing(connection.copy()) as aside:
            if _lock(aside, run_id):
                _carry_out(run_id, aside)
    except (OperationalError, InterfaceError) as error:
        # The database went away: it is still said to be at work, and will be taken up.
        logger.error("database", exc_info=error)  # noqa: TRY400 - the formatter wants it so
    finally:
        connections.close_all()
        with _guard:
            _here.discard(run_id)


def _lock(aside: Any, run_id: uuid.UUID) -> bool:
    with aside.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, zlib.crc32(run_id.bytes) >> 1])
        return bool(cursor.fetchone()[0])


def _carry_out(run_id: uuid.UUID, aside: Any) -> None:
    """Do what the run's status says is to be done."""
    run = ImportRun.objects.select_related("tenant").filter(pk=run_id).first()
    if run is None or not run.is_at_work:
        return
    run.started_at = timezone.now()
    ImportRun.objects.filter(pk=run_id).update(started_at=run.started_at, rows_done=0, bytes_done=0)
    try:
        _import(run, aside)
    except faults.FileFault:
        return  # Which service has kept.
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.error("bug", exc_info=error)  # noqa: TRY400 - the formatter wants it so
        _give_up(run)


def _import(run: ImportRun, aside: Any) -> None:
    is_check = run.status == ImportRun.Status.CHECKING
    with run.open_upload() as file:
        service.import_file(
            run.entity,
            tenant=run.tenant,
            file=file,
            dry_run=is_check,
            progress=progress_of(run, aside),
            max_bytes=settings.RALLY_IMPORT_MAX_BYTES,
            run=run,
            aside=aside if is_check else None,
        )
    if is_check:
        _keep_check(run)


def _keep_check(run: ImportRun) -> None:
    run.status, run.finished_at = ImportRun.Status.CHECKED, timezone.now()
    found = {name: getattr(run, name) for name in CHECKED_FIELDS}
    if not ImportRun.objects.filter(pk=run.pk, status=ImportRun.Status.CHECKING).update(**found):
        run.skipped_rows.all().delete()  # It was discarded meanwhile.


def progress_of(run: ImportRun, aside: Any) -> Progress:
    """Return what notes progress where others see it, a few times a second."""
    last = 0.0

    def note(rows: int, size: int) -> None:
        nonlocal last
        if time.monotonic() - last < PACE:
            return
        last = time.monotonic()
        with aside.cursor() as cursor:
            table = ImportRun._meta.db_table
            cursor.execute(f"UPDATE {table} SET rows_done = %s, bytes_done = %s WHERE id = %s", [rows, size, run.pk])

    return note


def _give_up(run: ImportRun) -> None:
    try:
        ImportRun.objects.filter(pk=run.pk).update(
            status=ImportRun.Status.REFUSED,
            fault="Something went wrong on our side. Nothing was stored.",
            finished_at=timezone.now(),
        )
    except DatabaseError as error:
        logger.error("database", exc_info=error)  # noqa: TRY400 - the formatter wants it so
