"""Common fixtures: real servers with empty, migrated databases."""

import contextlib
import fcntl
import gc
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
from django.conf import settings
from django.contrib import admin
from django.db import connections
from django.test import TransactionTestCase

from crm.models.tenant import create_tenant
from rally import storage
from rally.postgres.embedded import socket_directory
from tests.support.api import Api
from tests.support.installation import (
    ROOT,
    Installation,
    Server,
    environment,
    free_port,
    url_of,
    urls_of,
    wait_until_up,
)
from tests.support.migrating import FormerDatabases
from tests.support.pool import Pool
from tests.support.real import RealTenant
from tests.support.staff import sign_in
from tests.support.waiting import wait_until

#: The empty, migrated database that all processes of a test run copy.
TEMPLATE = f"rally_template_{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}"

#: A machine that is busy fails no test.
hypothesis.settings.register_profile("rally", deadline=None)
hypothesis.settings.load_profile("rally")


def pytest_configure() -> None:
    """Move to an embedded server of the tests' own, next to the developer's."""
    database = connections["default"].settings_dict
    if home := database.get("EMBEDDED_IN"):
        own = Path(home, "tests")
        database.update(EMBEDDED_IN=str(own), HOST=str(socket_directory(own)))


#: Directories whose tests take longest. They come first, so that no process is left alone with them at the end.
LONGEST = ("tests/faults/", "tests/browser/", "tests/rally/server/")


def pytest_collection_finish() -> None:
    """Leave what is loaded out of garbage collection, and collect less often: this takes 7 % less time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest tests first; otherwise, the order stays."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


#: Deleting some rows is ten times faster than truncating the table. All constraints are checked when nothing is left.
EMPTY = """
DO $$
DECLARE
    found record;
BEGIN
    SET CONSTRAINTS ALL DEFERRED;
    FOR found IN
        SELECT oid::regclass AS name, pg_relation_size(oid) > 500000 AS is_large FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
        AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
    LOOP
        EXECUTE format(CASE WHEN found.is_large THEN 'TRUNCATE %s CASCADE' ELSE 'DELETE FROM %s' END, found.name);
    END LOOP;
END $$
"""


def _empty_tables(_: TransactionTestCase) -> None:
    """Empty all tables but those that migrations have filled. Django's flush would take a hundred times longer, and then
    recreate content types and permissions."""
    with connections["default"].cursor() as cursor:
        cursor.execute(EMPTY)


@pytest.fixture(scope="session", autouse=True)
def _settings_of_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Load the admin as servers do, do not require collectstatic for pages rendered in the test process, nor look
    through what was collected for every client, keep uploads in a folder of the tests' own, and use a fast password
    hash."""
    TransactionTestCase._fixture_teardown = _empty_tables
    admin.autodiscover()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STATIC_ROOT = tmp_path_factory.mktemp("static")
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        "uploads": storage.folder(tmp_path_factory.mktemp("uploads")),
    }


@pytest.fixture(scope="session")
def run_sql(django_db_blocker: Any) -> Callable[[str], None]:
    """Run a statement outside a transaction, such as CREATE DATABASE; past the pool, where there is one."""

    def run(statement: str) -> None:
        with psycopg.connect(url_of("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    if connections["default"].settings_dict.get("EMBEDDED_IN"):
        # Django starts the embedded server.
        with django_db_blocker.unblock(), connections["default"]._nodb_cursor():
            pass
        # These rows need not survive a power cut. Waiting for the disk would take a third of the time.
        for setting in ("fsync", "full_page_writes"):
            run(f"ALTER SYSTEM SET {setting} = off")
        run("SELECT pg_reload_conf()")
    return run


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of all test servers, with their secret key and static files."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all processes of a test run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def migrated(run_folder: Path, run_sql: Callable[[str], None], data_dir: Path) -> Iterator[None]:
    """The database to copy: the first process that needs it migrates it, and the last one drops it."""
    with users_of(run_folder / "template") as users:
        if not users:
            run_sql(f"CREATE DATABASE {TEMPLATE}")
            manage(data_dir, "migrate")
        users.append(os.getpid())
    yield
    with users_of(run_folder / "template") as users:
        users.remove(os.getpid())
        if not users:
            run_sql(f"DROP DATABASE {TEMPLATE} WITH (FORCE)")


@contextlib.contextmanager
def users_of(path: Path) -> Iterator[list[int]]:
    """Context with the ids of the processes that use something, while no other process changes them."""
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        users = [int(line) for line in file]
        yield users
        file.truncate(0)
        file.write("".join(f"{user}\n" for user in users))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, migrated: None, request: pytest.FixtureRequest
) -> None:
    """Copy the test database as well. Migrations find nothing to do in it.

    With RALLY_TEST_POOL=1, all that is tested connects through a pool; what the tests look up themselves is asked of
    PostgreSQL.
    """
    database = connections["default"].settings_dict
    database["TEST"]["TEMPLATE"] = TEMPLATE
    if os.environ.get("RALLY_TEST_POOL") == "1":
        pool = request.getfixturevalue("pool")
        direct = {name: database[name] for name in ("HOST", "PORT")}
        database.update(HOST="127.0.0.1", PORT=str(pool.port), DIRECT=direct)


@pytest.fixture(scope="session")
def pool(run_sql: Callable[[str], None]) -> Iterator[Pool]:
    """A connection pool in front of PostgreSQL."""
    database = connections["default"].settings_dict
    pool = Pool({name.lower(): database[name] for name in ("HOST", "PORT", "USER", "PASSWORD")})
    yield pool
    pool.stop()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Leave the test database without sessions, with which it cannot be dropped."""
    yield
    # The thread that renews leases notices soon that there are none.
    wait_until(lambda: not any(thread.name == "lease renewer" for thread in threading.enumerate()), "no lease is held")
    database = connections["default"].settings_dict
    connections["default"].close()
    database.update(database.pop("DIRECT", {}))
    # A pool keeps some.
    with psycopg.connect(url_of("postgres"), autocommit=True) as connection:
        ended = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s"
        connection.execute(ended, [database["NAME"]])


@pytest.fixture(scope="session")
def template(django_db_setup: None, migrated: None, data_dir: Path, run_folder: Path) -> str:
    """The name of an empty, migrated database, to be copied. Also provides static files."""
    shutil.copytree(collect_static(run_folder / "collected"), data_dir / "static", dirs_exist_ok=True)
    return TEMPLATE


def manage(home: Path, *command: str) -> None:
    """Run a command that prepares the tests."""
    url = url_of(TEMPLATE)
    done = Installation(url, environment(home, DATABASE_URL=url)).manage(*command, "--verbosity", "0")
    assert done.returncode == 0, done.stderr


def collect_static(home: Path) -> Path:
    """Collect static files unless another process of the tests has; return their directory."""
    home.mkdir(exist_ok=True)
    static = home / "static"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (static / "staticfiles.json").exists():
            manage(home, "collectstatic", "--noinput")
    return static


@pytest.fixture(scope="session")
def new_installation(
    template: str, run_sql: Callable[[str], None], data_dir: Path
) -> Iterator[Callable[..., Installation]]:
    """Create an empty, migrated database and the environment to use it: new_installation(LOG_LEVEL="DEBUG")."""
    names: list[str] = []

    def make(**env: str) -> Installation:
        names.append(f"rally_test_{os.getpid()}_{len(names)}")
        run_sql(f"CREATE DATABASE {names[-1]} TEMPLATE {template}")
        url = url_of(names[-1])
        return Installation(url, environment(data_dir, **urls_of(names[-1])) | env)

    yield make
    for name in names:
        run_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def installation(new_installation: Callable[..., Installation]) -> Installation:
    """An empty, migrated database for commands, without a server."""
    return new_installation()


@pytest.fixture(scope="session")
def launch(
    new_installation: Callable[..., Installation], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Server]:
    """Start gunicorn with a new database, and wait until it responds. The caller has to stop it."""

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
    """A server with a worker, shared by tests that do not disturb it. Each test creates its own tenants."""
    server = launch(RALLY_WORKER="1")
    yield server
    server.stop()


@pytest.fixture
def start_server(launch: Callable[..., Server]) -> Iterator[Callable[..., Server]]:
    """Start servers for a test: start_server(RALLY_RATE_LIMIT="5") or start_server(over=installation).

    They have one process, which starts in half the time, and a worker beside it with RALLY_WORKER="1".
    """
    servers: list[Server] = []

    def start(over: Installation | None = None, **env: str) -> Server:
        servers.append(launch(over, **{"WEB_CONCURRENCY": "1"} | env))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def tenant(db):
    return create_tenant(slug="acme", name="Acme Inc")


@pytest.fixture
def other_tenant(db):
    """Another tenant."""
    return create_tenant(slug="globex", name="Globex")


@pytest.fixture
def superuser(db):
    """A client signed in as a superuser."""
    return sign_in()


@pytest.fixture
def api(tenant):
    """An API client of the tenant with an admin key."""
    return Api(tenant)


@pytest.fixture
def other_api(other_tenant):
    """An API client of another tenant."""
    return Api(other_tenant)


@pytest.fixture
def real_tenant(server):
    """A tenant on the shared server."""
    return RealTenant(server)


@pytest.fixture
def folder_of_uploads(settings, tmp_path):
    """Uploads are in a folder of the test's own, which is returned."""
    settings.STORAGES = settings.STORAGES | {"uploads": storage.folder(tmp_path / "uploads")}
    return tmp_path / "uploads"


@pytest.fixture(scope="session")
def former_databases(template: str, run_sql: Callable[[str], None]) -> Iterator[FormerDatabases]:
    found = FormerDatabases(run_sql, template)
    yield found
    found.drop()


@pytest.fixture
def database_of(transactional_db: None, former_databases: FormerDatabases) -> Iterator[Callable[..., Any]]:
    """Have a test of migrations use a database of its own in a state, database_of(("crm", "0004_matching_keys")), or in
    that of today; returns the models of then."""
    yield former_databases.use
    former_databases.end()


@pytest.fixture(scope="session")
def s3():
    """An S3-compatible server."""
    # Here, because it takes a second, which most tests need not wait for.
    from tests.support.s3 import S3

    server = S3()
    yield server
    server.stop()


@pytest.fixture
def bucket_of_uploads(settings, s3, tmp_path):
    """Uploads are in an empty bucket, whose server is returned."""
    s3.empty()
    settings.STORAGES = settings.STORAGES | {"uploads": storage.from_environment(url=s3.url, home=tmp_path)}
    yield s3
    if not s3.is_up:
        s3.start()
