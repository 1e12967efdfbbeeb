"""Real servers and databases in separate environments."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import psycopg
import pytest
from django.db import connections

from tests.support.waiting import moments, wait_until

ROOT = Path(__file__).resolve().parents[2]
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")


#: URL of a database → the connection that is kept, the last used one at the end; and how many are: many more servers
#: are started than PostgreSQL takes connections.
KEPT: dict[str, psycopg.Connection] = {}
MOST_KEPT = 4
#: Held while somebody asks over one of them.
IN_USE = threading.Lock()


@dataclass
class Answer:
    """A response, and the time it took in seconds."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    seconds: float


@dataclass
class Installation:
    """A separate database, and the environment to use it."""

    database_url: str
    env: dict[str, str]

    def manage(self, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command of manage.py like a shell. Its output is text unless text=False is given."""
        options = {"capture_output": True, "text": True, "timeout": 120} | options
        return subprocess.run([sys.executable, "manage.py", *args], cwd=ROOT, env=self.env, **options)

    def connect(self) -> psycopg.Connection:
        """Return a connection to the database, for tests that check what is stored."""
        return psycopg.connect(self.database_url, autocommit=True)

    @contextlib.contextmanager
    def kept_connection(self) -> Iterator[psycopg.Connection]:
        """Context with a connection that stays open for the next to ask: PostgreSQL starts a process for each. While
        another thread uses it, with a connection of one's own."""
        if not IN_USE.acquire(blocking=False):
            with self.connect() as own:
                yield own
            return
        try:
            kept = KEPT.pop(self.database_url, None)
            KEPT[self.database_url] = kept if kept and is_alive(kept) else self.connect()
            while len(KEPT) > MOST_KEPT:
                KEPT.pop(next(iter(KEPT))).close()
            yield KEPT[self.database_url]
        finally:
            IN_USE.release()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Make the database unavailable: terminate all connections, and reject new ones."""
        name = urlsplit(self.database_url).path[1:]
        with psycopg.connect(self.database_url, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            try:
                yield
            finally:
                connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@dataclass
class Server(Installation):
    """gunicorn with the product's configuration."""

    url: str
    log: Path
    port: int
    process: subprocess.Popen[bytes] = field(repr=False)

    def signal(self, number: int) -> None:
        """Send a signal to gunicorn and all of its workers."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Kill gunicorn and its workers with SIGKILL."""
        self.signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """Stop gunicorn like a service manager; return the exit status."""
        self.process.terminate()
        try:
            return self.process.wait(45)
        finally:
            self.kill()

    def log_text(self) -> str:
        """Return the log so far."""
        return self.log.read_text()

    def lines_with(self, text: str) -> list[dict[str, Any]]:
        """Wait for log lines that contain a text, and return them. Lines are written after the response is sent."""
        found = lambda: [json.loads(line) for line in self.log_text().splitlines() if text in line]  # noqa: E731
        return wait_until(found, f"{text} is in the log")

    def get(self, path: str, **headers: str) -> "Answer":
        """Request a page; ``_`` in header names is replaced by ``-``."""
        start = time.monotonic()
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(client):
            client.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = client.getresponse()
            return Answer(answer.status, answer.headers, answer.read(), time.monotonic() - start)


def is_alive(connection: psycopg.Connection) -> bool:
    """Whether the server still answers on a connection."""
    with contextlib.suppress(psycopg.OperationalError):
        connection.execute("")
        return True
    return False


def urls_of(name: str) -> dict[str, str]:
    """Return the environment of commands that use a database on the server that the tests use."""
    usual = connections["default"].settings_dict
    if "DIRECT" not in usual:
        return {"DATABASE_URL": url_of(name)}
    return {"DATABASE_URL": url_with(usual, name), "RALLY_DIRECT_DATABASE_URL": url_of(name)}


def url_of(name: str) -> str:
    """Return the URL of a database on the server that the tests use; past the pool, where there is one."""
    usual = connections["default"].settings_dict
    return url_with(usual | usual.get("DIRECT", {}), name)


def url_with(options: dict[str, Any], name: str) -> str:
    """Return the URL of a database with Django's settings of another one."""
    user, password = quote(options["USER"], safe=""), quote(options["PASSWORD"], safe="")
    query = {key: value for key, value in (("host", options["HOST"]), ("port", options["PORT"])) if value}
    login = f"{user}:{password}@" if password else f"{user}@" * bool(user)
    return f"postgresql://{login}/{name}?{urlencode(query | options.get('OPTIONS', {}), quote_via=quote)}"


def environment(data_dir: Path, **extra: str) -> dict[str, str]:
    """Return a minimal environment for a command, without the developer's settings. Servers have a worker beside them
    only with RALLY_WORKER=1, because one takes a second to start."""
    inherited = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return inherited | {"RALLY_DATA_DIR": str(data_dir), "RALLY_WORKER": "0"} | extra


#: Of pg_locks, those of the database that is asked: the server may have others, which others use.
OF_THIS_DATABASE = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"


def waiting_sessions(connection: psycopg.Connection) -> int:
    """Return the number of sessions in a connection's database that wait for a table or advisory lock."""
    [(found,)] = connection.execute(f"SELECT count(*) FROM pg_locks WHERE NOT granted AND {OF_THIS_DATABASE}")
    return found


def free_port() -> int:
    """Return an unused port on 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_until_up(server: Server) -> None:
    """Wait until the server responds; fail with its log if it ends or does not respond in time."""
    for _ in moments(60, 0.02):
        if server.process.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{server.url}/healthz", timeout=5):
            return
    server.kill()
    pytest.fail(f"The server did not come up:\n{server.log_text()}")
