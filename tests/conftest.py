"""Fixtures for everybody: real servers over real databases, each of them empty and migrated."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import hypothesis
import psycopg
import pytest
from django.conf import settings
from django.db import connections

ROOT = Path(__file__).resolve().parent.parent
#: A machine that is busy fails no test.
hypothesis.settings.register_profile("rally", deadline=None)
hypothesis.settings.load_profile("rally")

PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")


@dataclass
class Installation:
    """A database of its own, and the environment in which the product uses it."""

    database_url: str
    env: dict[str, str]

    def manage(self, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command of manage.py, as a shell would; what it prints is text unless text=False is given."""
        options = {"capture_output": True, "text": True, "timeout": 120} | options
        return subprocess.run([sys.executable, "manage.py", *args], cwd=ROOT, env=self.env, **options)

    def connect(self) -> psycopg.Connection:
        """Return a connection to the database, for a test that wants to see what is stored."""
        return psycopg.connect(self.database_url, autocommit=True)

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Take the database away for a while: nobody can connect, and whoever was connected is cut off."""
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
    """gunicorn with the product's own configuration."""

    url: str
    log: Path
    port: int
    process: subprocess.Popen[bytes] = field(repr=False)

    def signal(self, number: int) -> None:
        """Send a signal to gunicorn and all of its workers."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Kill -9 gunicorn and its workers, wherever they are."""
        self.signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """Stop gunicorn as a service manager does; return its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(45)
        finally:
            self.kill()

    def log_text(self) -> str:
        """Return what it has logged so far."""
        return self.log.read_text()


@pytest.fixture(scope="session", autouse=True)
def _plain_static_files() -> None:
    """Pages rendered in the tests' own process need no collectstatic; served ones have it."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


@pytest.fixture(scope="session")
def run_sql(django_db_blocker: Any) -> Callable[[str], None]:
    """Run a statement outside of any database: CREATE DATABASE and the like."""

    def run(statement: str) -> None:
        # Django's own way there, which starts the embedded server where it is the one.
        with django_db_blocker.unblock(), connections["default"]._nodb_cursor() as cursor:
            cursor.execute(statement)

    return run


def url_of(name: str) -> str:
    """Return the URL of a database on the server that the tests use."""
    options = connections["default"].settings_dict
    user, password = quote(options["USER"], safe=""), quote(options["PASSWORD"], safe="")
    query = {key: value for key, value in (("host", options["HOST"]), ("port", options["PORT"])) if value}
    login = f"{user}:{password}@" if password else f"{user}@" * bool(user)
    return f"postgresql://{login}/{name}?{urlencode(query | options.get('OPTIONS', {}), quote_via=quote)}"


def environment(data_dir: Path, **extra: str) -> dict[str, str]:
    """Return the environment of a command: little of ours, so that no setting of the developer's is tested."""
    inherited = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return inherited | {"RALLY_DATA_DIR": str(data_dir)} | extra


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of all servers of the tests: their secret key, their static files."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def template(run_sql: Callable[[str], None], data_dir: Path) -> Iterator[str]:
    """The name of a migrated, empty database, to be copied; static files are gathered on the way."""
    name = f"rally_template_{os.getpid()}"
    run_sql(f"CREATE DATABASE {name}")
    installation = Installation(url_of(name), environment(data_dir, DATABASE_URL=url_of(name)))
    for command in (["migrate"], ["collectstatic", "--noinput"]):
        done = installation.manage(*command, "--verbosity", "0")
        assert done.returncode == 0, done.stderr
    yield name
    run_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def new_installation(
    template: str, run_sql: Callable[[str], None], data_dir: Path
) -> Iterator[Callable[..., Installation]]:
    """Make an empty, migrated database, with the environment to use it: new_installation(LOG_LEVEL="DEBUG")."""
    names: list[str] = []

    def make(**env: str) -> Installation:
        names.append(f"rally_test_{os.getpid()}_{len(names)}")
        run_sql(f"CREATE DATABASE {names[-1]} TEMPLATE {template}")
        url = url_of(names[-1])
        return Installation(url, environment(data_dir, DATABASE_URL=url) | env)

    yield make
    for name in names:
        run_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def installation(new_installation: Callable[..., Installation]) -> Installation:
    """An empty, migrated database of the test's own, for commands; no server runs over it."""
    return new_installation()


@pytest.fixture(scope="session")
def launch(
    new_installation: Callable[..., Installation], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Server]:
    """Start gunicorn over a database of its own, and return when it answers; whoever asks stops it."""

    def start(over: Installation | None = None, **env: str) -> Server:
        over = over or new_installation()
        port, log = free_port(), tmp_path_factory.mktemp("server") / "log"
        env = over.env | {"PORT": str(port)} | env
        with log.open("wb") as output:
            command = [sys.executable, "-m", "gunicorn", "-c", "rally/server/config.py"]
            process = subprocess.Popen(
                command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0
            )
        server = Server(over.database_url, env, f"http://127.0.0.1:{port}", log, port, process)
        wait_until_up(server)
        return server

    return start


@pytest.fixture(scope="session")
def server(launch: Callable[..., Server]) -> Iterator[Server]:
    """One server for all tests that leave it well; each makes its own tenants."""
    server = launch()
    yield server
    server.stop()


@pytest.fixture
def start_server(launch: Callable[..., Server]) -> Iterator[Callable[..., Server]]:
    """Start servers of the test's own: start_server(RALLY_RATE_LIMIT="5"), or start_server(over=installation)."""
    servers: list[Server] = []

    def start(over: Installation | None = None, **env: str) -> Server:
        servers.append(launch(over, **env))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_until_up(server: Server) -> None:
    """Return when the server answers; fail, with its log, when it ends or never does."""
    for _ in until(60):
        if server.process.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{server.url}/healthz", timeout=5):
            return
    server.kill()
    pytest.fail(f"The server did not come up:\n{server.log_text()}")


def until(seconds: float) -> Iterator[None]:
    """Yield now and then, for so long at most."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.05)
