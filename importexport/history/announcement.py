"""Makes new imports visible while they run.

A run is stored in the transaction of its import, so others cannot see it until the import ends. Therefore an import
that takes longer than a second, or waits for another one, is announced: a thread stores its run, and then its progress,
over a separate connection. Shorter imports cost nothing extra.

The process also holds a lease of the run. If it dies, the lease ends, and a worker records that the run was interrupted
(see runs.rescue).
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from queue import SimpleQueue

from django.db import Error, OperationalError, connection, transaction
from psycopg import sql

from importexport import errors
from importexport.db import UNAVAILABLE, Busy, Lease, directly, is_lock_timeout
from importexport.engine.observers import Observer
from importexport.engine.outcome import Outcome
from importexport.files.table import Table
from importexport.history.recorder import Stopped, check_not_cancelled, note_interrupted
from importexport.models import ImportRun

logger = logging.getLogger("rally.jobs")
#: Seconds before an import is announced, and between updates of its progress.
PACE = 1.0
#: PostgreSQL's lock_timeout for the announcer.
PATIENCE = "1s"
#: The fields of an announced run, besides its progress.
FIELDS = (
    *("id", "tenant_id", "entity", "options", "channel", "user_id", "key_id", "actor", "file_name"),
    *("created_at", "month"),
)


class Announcement(Observer):
    """The announcement of a new run. All methods except ``go_on`` are called in the import's thread.

    ``size`` is the size of the file in bytes, or None if it is not known yet.
    """

    def __init__(self, run: ImportRun, size: int | None) -> None:
        self.run = run
        self.size = size
        #: Whether the run may already be in the database.
        self.is_made = False
        self._progress = (0, 0)
        #: Held while the run is written, so that the threads do not wait for each other in the database.
        self._guard = threading.Lock()
        #: Whether the import's transaction has written the run, and whether the import has ended.
        self._is_saving = self._is_over = False
        self._lease: Lease | None = None
        #: Who has asked for the import to be cancelled; "" if nobody has.
        self._cancelled_by = ""

    # --- in the import's thread ---

    def begin(self, table: Table) -> None:
        self._table, self._progress, self._is_saving = table, (0, 0), False

    def add(self, outcome: Outcome) -> None:
        if self._cancelled_by:
            raise Stopped(errors.cancelled(self._cancelled_by))
        self._progress = self._progress[0] + outcome.rows, self._table.rows.bytes_read

    def save(self) -> None:
        """Store the run in the current transaction, replacing what was announced."""
        with self._guard:
            self._is_saving = True
        with transaction.atomic(savepoint=False):
            # The announcement may have been deleted.
            is_there = self.is_made and check_not_cancelled(self.run)
            self.run.save(force_insert=not is_there, force_update=is_there)

    def end_by(self, error: BaseException) -> None:
        """Record that the import was interrupted. If it only waited for too long, delete its run: the caller will
        retry."""
        with self._guard:
            self._is_saving = True
        if not self.is_made:
            return
        # If the database is unavailable, a worker does this later.
        with contextlib.suppress(Error):
            if is_too_busy(error):
                ImportRun.objects.filter(pk=self.run.pk, status=ImportRun.Status.RUNNING).delete()
            else:
                note_interrupted(self.run.pk, error=why_ended(error))

    def release(self) -> None:
        """Stop announcing the run."""
        with self._guard:
            self._is_over = True

    # --- in the announcer's thread ---

    def go_on(self) -> bool:
        """Announce the run, or update its progress; return whether to call this again."""
        with self._guard:
            if self._is_over:
                self.let_go()
            elif not self._is_saving:
                self._write()
            return not self._is_over

    def _write(self) -> None:
        is_made, self.is_made = self.is_made, True
        self._hold()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
            if is_made:
                cursor.execute(NOTE, [*self._progress, self.run.tenant_id, self.run.pk])
                self._cancelled_by = "".join(by for (by,) in cursor)
            else:
                self._insert()

    def _insert(self) -> None:
        rows, size = self._progress
        shown = {name: getattr(self.run, name) for name in FIELDS}
        run = ImportRun(status=ImportRun.Status.RUNNING, size=self.size, rows_done=rows, bytes_done=size, **shown)
        run.started_at = run.created_at
        run.save(force_insert=True)

    def _hold(self) -> None:
        """Take the run's lease, unless it is held; another process cannot have any business with it."""
        if self._lease is None:
            lease = Lease(self.run.tenant_id, self.run.lease_name)
            lease.take()
            self._lease = lease

    def let_go(self) -> None:
        """Give the lease back."""
        if self._lease is not None:
            self._lease.give_back()


def is_too_busy(error: BaseException) -> bool:
    """Whether an import failed because it waited for too long."""
    return isinstance(error, OperationalError) and (isinstance(error, Busy) or is_lock_timeout(error))


def why_ended(error: BaseException) -> str:
    """Return what is recorded as the error of an import that ended by an exception."""
    if isinstance(error, Stopped):
        return str(error)
    return errors.BUG if is_bug(error) else errors.INTERRUPTED


def is_bug(error: BaseException) -> bool:
    """Whether an import failed because of a bug, rather than an interruption or an unavailable database."""
    return isinstance(error, Exception) and not isinstance(error, UNAVAILABLE)


#: While the announcer's connection was lost, the run may have been recorded as interrupted.
NOTE = sql.SQL(
    "UPDATE {} SET status = 'running', fault = '', finished_at = NULL, rows_done = %s, bytes_done = %s"
    " WHERE tenant_id = %s AND id = %s AND status IN ('running', 'failed') RETURNING cancelled_by"
).format(sql.Identifier(ImportRun._meta.db_table))


class Announcer:
    """The thread that announces the imports of this process. Started by the first one."""

    def __init__(self) -> None:
        self._due: SimpleQueue[tuple[float, Announcement]] = SimpleQueue()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def watch(self, announcement: Announcement) -> None:
        """Announce an import unless it ends soon."""
        self._due.put((time.monotonic() + PACE, announcement))
        if self._thread is None or not self._thread.is_alive():
            self._start()

    def _start(self) -> None:
        with self._guard:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        # The import waits for this thread, which must not wait for a place in a pool that imports occupy.
        with directly():
            self._announce()

    def _announce(self) -> None:
        announced: set[Announcement] = set()
        while True:
            # All have the same delay, so they are due in the order in which they were added.
            due, announcement = self._due.get()
            time.sleep(max(due - time.monotonic(), 0))
            if is_going_on(announcement):
                announced.add(announcement)
                self._due.put((time.monotonic() + PACE, announcement))
            else:
                announced.discard(announcement)
            if not announced:
                connection.close()


def is_going_on(announcement: Announcement) -> bool:
    """Announce or update an import; return whether it continues. An error here does not fail the import."""
    try:
        return announcement.go_on()
    except UNAVAILABLE as error:
        logger.warning("Database unavailable while announcing an import: %s", error)
        connection.close_if_unusable_or_obsolete()
        return True
    except Exception:
        logger.exception("Bug while announcing an import")
        with contextlib.suppress(Exception):
            announcement.let_go()
        return False


ANNOUNCER = Announcer()


@contextlib.contextmanager
def announced(run: ImportRun, size: int | None) -> Iterator[Announcement]:
    """Context in which a new run is imported, and announced if that takes long."""
    announcement = Announcement(run, size)
    ANNOUNCER.watch(announcement)
    try:
        yield announcement
    except errors.FileError:
        raise  # Stored as the result of the run.
    except BaseException as error:
        announcement.end_by(error)
        raise
    finally:
        announcement.release()
