"""An installation with a separate embedded PostgreSQL, and faults to cause in it."""

import contextlib
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg

from rally.postgres import embedded
from tests.support.installation import ROOT, Installation, environment, free_port
from tests.support.waiting import moments


class Site(Installation):
    """gunicorn with a separate embedded PostgreSQL. Use as a context manager."""

    def __init__(self, home: Path | None = None, *, prepared: Path | None = None, **env: str) -> None:
        # Outside pytest's directories, which the account of the server cannot access.
        self._folder = Path(tempfile.mkdtemp(prefix="rally-faults-"))
        self.home = home or self._folder / "home"
        if prepared:
            copy(prepared, self.home)
        self.port, self.log = free_port(), self._folder / "log"
        self.url = f"http://127.0.0.1:{self.port}"
        own = {"PORT": str(self.port), "RALLY_RATE_LIMIT": "1000000", "RALLY_WORKER": "1", "RALLY_LEASE": "3"}
        super().__init__("", environment(self.home, **own | env))

    def __enter__(self) -> "Site":
        try:
            with self.log.open("wb") as output:
                self.process = subprocess.Popen(
                    [sys.executable, "manage.py", "serve", "--verbosity", "0"], cwd=ROOT, env=self.env,
                    stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0,
                )  # fmt: skip
            assert any(self.is_up() for _ in moments(60)), self.log_text()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "process"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)
        self.wait_until_stopped()
        shutil.rmtree(self._folder, ignore_errors=True)

    def wait_until_stopped(self) -> None:
        """Wait for the keeper, which stops PostgreSQL when it has no users."""
        assert any(not embedded.has_keeper(self.home) for _ in moments(90)), "the keeper does not end"

    def is_up(self) -> bool:
        """Whether the server responds."""
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/healthz", timeout=5):
            return True
        return False

    def log_text(self) -> str:
        """Return gunicorn's log so far."""
        return self.log.read_text()

    def connect(self) -> psycopg.Connection:
        """Return a connection to the database, which may be recovering."""
        for _ in moments(60, 0.05):
            with contextlib.suppress(psycopg.OperationalError):
                return embedded.connect(self.home, embedded.NAME)
        raise TimeoutError("PostgreSQL did not come back.")

    def kept_connection(self) -> psycopg.Connection:
        """A new connection, because a fault may end any that is kept, and a context that closes it."""
        return self.connect()

    def takes_connections(self) -> bool:
        """Whether PostgreSQL accepts connections."""
        try:
            with embedded.connect(self.home, embedded.NAME) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def workers(self) -> list[psutil.Process]:
        """Return gunicorn's workers."""
        return psutil.Process(self.process.pid).children()

    def postmaster(self) -> int:
        """Return the process id of the PostgreSQL server."""
        return int((self.home / "postgres" / "postmaster.pid").read_text().split()[0])


def copy(folder: Path, to: Path) -> None:
    """Copy a data folder that no process uses. Its files still belong to the account of PostgreSQL."""
    subprocess.run(["cp", "-a", str(folder), str(to)], check=True, timeout=60)


# --- faults: each function returns whether there was a process to affect ---------------------------------------------


def pick_backend(connection: psycopg.Connection, chance: random.Random) -> int | None:
    """Return a session of the product, preferably an active one."""
    found = connection.execute(
        "SELECT pid, xact_start IS NOT NULL FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid"
    ).fetchall()
    at_work = [pid for pid, is_at_work in found if is_at_work]
    return chance.choice(at_work or [pid for pid, _ in found] or [None])


def end_session(site: Site, chance: random.Random) -> bool:
    """Terminate one session with pg_terminate_backend. The others are not affected."""
    with site.connect() as connection:
        pid = pick_backend(connection, chance)
        return pid is not None and bool(connection.execute("SELECT pg_terminate_backend(%s)", [pid]).fetchone())


def kill_backend(site: Site, chance: random.Random) -> bool:
    """Kill a session's process with SIGKILL: PostgreSQL ends all sessions and restarts."""
    with site.connect() as connection:
        pid = pick_backend(connection, chance)
        return pid is not None and kill(pid, connection)


def kill_postmaster(site: Site, chance: random.Random) -> bool:
    """Kill the PostgreSQL server with SIGKILL."""
    with site.connect() as connection:
        return kill(site.postmaster(), connection)


def restart(site: Site, chance: random.Random) -> bool:
    """Stop PostgreSQL as for a restart. The next process that needs it starts it."""
    with site.connect() as connection:
        return kill(site.postmaster(), connection, signal.SIGINT)


def kill_worker(site: Site, chance: random.Random) -> bool:
    """Kill one of gunicorn's workers with SIGKILL."""
    workers = site.workers()
    if workers:
        chance.choice(workers).kill()
    return bool(workers)


def kill(pid: int, witness: psycopg.Connection, number: int = signal.SIGKILL) -> bool:
    """Send a signal to a PostgreSQL process, and wait until an observing session has been lost."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    with contextlib.suppress(psycopg.OperationalError):
        for _ in moments(30, 0.01):
            witness.execute("SELECT 1")
    return True


Harm = Callable[[Site, random.Random], bool]
HARMS: list[Harm] = [kill_backend, end_session, kill_worker, restart, kill_postmaster]


def new_key() -> str:
    """Return an Idempotency-Key."""
    return secrets.token_hex(8)
