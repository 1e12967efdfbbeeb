"""Database access without Django's cursor: it is in one module, and handles lost connections and held locks."""

import ast
import time
from contextlib import closing

import psycopg
import pytest
from django.db import IntegrityError, OperationalError, ProgrammingError, connection, connections, transaction
from psycopg import sql

from importexport import db
from tests.support.api import one_row, problem
from tests.support.installation import ROOT
from tests.support.real import RealTenant, contacts, wait_until_blocked
from tests.support.waiting import Background

#: Where psycopg is called, and why.
ALLOWED = {
    "importexport/db/__init__.py",  # under Django's wrapper
    "rally/database.py",  # reads DATABASE_URL
    "rally/postgres/embedded.py",  # looks for the embedded server before there is a connection of Django's
    "rally/postgres/base.py",  # Django's own connection
}


def calls_past_django(tree):
    """Yield the lines of a module that import psycopg or access one of its connections.

    Composing statements with ``from psycopg import sql`` is allowed everywhere.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
            is_psycopg = any(name.partition(".")[0] in {"psycopg", "_psycopg"} for name in names)
            if is_psycopg and names != ["psycopg", "sql"]:
                yield node.lineno
        if isinstance(node, ast.Attribute):
            owner = node.value
            is_raw = node.attr == "connection" and getattr(owner, "id", getattr(owner, "attr", "")) == "connection"
            is_copy = node.attr == "copy" and getattr(owner, "id", getattr(owner, "attr", "")) == "cursor"
            if is_raw or is_copy or node.attr in {"pgconn", "exec_params"}:
                yield node.lineno


def test_psycopg_is_called_in_one_place():
    modules = [path for app in ("crm", "importexport", "rally") for path in (ROOT / app).rglob("*.py")]
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in modules
        for line in calls_past_django(ast.parse(path.read_text()))
        if str(path.relative_to(ROOT)) not in ALLOWED
    }
    assert found == set()


def test_calls_that_bypass_django_are_found():
    code = [
        "import psycopg",
        "from psycopg.pq import X",
        "with cursor.copy(sql): pass",
        "connection.connection.pgconn",
        "from psycopg import errors, sql",
        "from psycopg import sql",
    ]
    assert set(calls_past_django(ast.parse("\n".join(code)))) == {1, 2, 3, 4, 5}


def backend_of(over):
    with over.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def end_backend(pid):
    """Terminate a backend, and wait until it has ended."""
    with closing(connections.create_connection("default")) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])


@pytest.fixture
def lost(transactional_db):
    """Terminate the test's connection."""
    end_backend(backend_of(connection))
    yield
    connection.close()


def test_a_query_replaces_a_connection_that_was_lost_while_unused(lost):
    assert db.ask(b"SELECT $1::text, NULL", "a") == ["a", None]


def test_a_copy_over_a_lost_connection_raises_an_error_of_django(lost):
    with pytest.raises(OperationalError):
        db.copy_in("crm_tenant", ["slug"], [["acme"]])
    assert connection.errors_occurred


def test_a_connection_lost_during_an_export_raises_an_error_of_django(transactional_db):
    def read():
        endless = sql.SQL("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)")
        with db.copy_out(endless, [], style="csv") as rows:
            for count, _ in enumerate(rows):
                if count == 10:
                    end_backend(connection.connection.info.backend_pid)

    with pytest.raises(OperationalError):
        read()
    connection.close()


def test_closing_a_server_side_cursor_over_a_lost_connection_raises_an_error_of_django(transactional_db):
    cursor = connection.chunked_cursor()
    cursor.execute("SELECT n FROM generate_series(1, 1000) AS n")
    end_backend(connection.connection.info.backend_pid)
    with pytest.raises(OperationalError):
        cursor.close()
    connection.close()


def test_an_invalid_query_is_not_retried(transactional_db):
    pid = backend_of(connection)
    with pytest.raises(ProgrammingError, match="nothing_like_it"):
        db.ask(b"SELECT nothing_like_it, $1::text", "a")
    assert backend_of(connection) == pid


@pytest.mark.parametrize(
    ("provoke", "statement"),
    [
        ("SET LOCAL idle_in_transaction_session_timeout = '50ms'; SELECT pg_sleep(0)", None),
        ("SET LOCAL transaction_read_only = on", "CREATE TABLE nothing_like_it ()"),
    ],
)
def test_a_terminated_or_read_only_session_is_a_lost_connection(transactional_db, provoke, statement):
    before = backend_of(connection)
    with pytest.raises(OperationalError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(provoke)
        if statement is None:
            time.sleep(0.5)
        cursor.execute(statement or "SELECT 1")
    connection.close_if_unusable_or_obsolete()
    assert backend_of(connection) != before


# --- waiting ----------------------------------------------------------------------------------------------------


@pytest.fixture
def hold(transactional_db, tenant):
    """Hold the lock of the tenant's contacts like the import with a name: hold("name")."""
    other = connections.create_connection("default")

    def take(name):
        cursor = other.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT set_config('application_name', %s, true)", [f"{db.NAMED}{name}"])
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", db.entity_lock(tenant, "contacts"))

    yield take
    other.close()


def test_waiting_too_long_names_the_running_import(tenant, hold):
    hold("7f3c5e0a-0000-4000-8000-000000000000")
    sentence = "Another import of contacts is running: 7f3c5e0a-0000-4000-8000-000000000000. Try again later."
    with pytest.raises(db.Busy) as raised, db.patience(wait=0.1), transaction.atomic():
        db.lock_entities(tenant, ["contacts"])
    assert str(raised.value) == sentence


def test_an_import_that_waits_too_long_is_503_and_stores_nothing(api, hold, settings):
    settings.RALLY_IMPORT_WAIT = 0.1
    hold("")
    response = api.post_file("contacts", one_row("contacts"))
    assert problem(response) == (503, "Another import of contacts is running. Try again later.")
    assert response["Retry-After"] == "5"
    assert api.look("imports")["count"] == 0
    assert api.import_csv("companies", one_row("companies"))["imported"] == 1


def test_a_plan_that_waits_too_long_is_unchanged(api, hold, settings):
    settings.RALLY_IMPORT_WAIT = 0.1
    plan = api.plan("contacts", one_row("contacts"))
    hold("")
    sentence = "Another import of contacts is running. Try again later."
    assert problem(api.post_file("contacts", one_row("contacts"), to="plan")) == (503, sentence)
    assert problem(api.post(f"imports/{plan['id']}/apply")) == (503, sentence)
    [left] = api.look("imports")["results"]
    assert (left["id"], left["status"]) == (plan["id"], "planned")


def test_a_manual_edit_that_blocks_for_too_long_is_503(start_server):
    server = start_server(RALLY_IMPORT_WAIT="1")
    tenant = RealTenant(server)
    with psycopg.connect(server.database_url) as by_hand:
        by_hand.execute("LOCK TABLE crm_contact IN ACCESS EXCLUSIVE MODE")
        status, body = tenant.post("contacts", contacts(range(3)))
        by_hand.rollback()
    sentence = "Somebody else is changing the same records at this moment. Try again later."
    assert (status, body["detail"]) == (503, sentence)
    assert tenant.post("contacts", contacts(range(3)))[1]["imported"] == 3


def test_a_running_import_is_named_in_the_error(start_server):
    server = start_server()
    hasty, tenant = start_server(over=server, RALLY_IMPORT_WAIT="1"), RealTenant(server)
    _, plan = tenant.post("companies", b"name\nGlobex\n", to="plan")
    with psycopg.connect(server.database_url) as by_hand:
        by_hand.execute("LOCK TABLE crm_company IN ACCESS EXCLUSIVE MODE")
        first = Background(tenant.send, f"imports/{plan['id']}/apply")
        wait_until_blocked(tenant, by_hand)
        status, body = tenant.post("companies", b"name\nAcme\n", server=hasty)
        by_hand.rollback()
    assert (status, body["detail"]) == (503, f"Another import of companies is running: {plan['id']}. Try again later.")
    assert first.outcome() == (200, {"totalRows": 1, "imported": 1, "skipped": 0, "errors": []})


# --- advisory locks -------------------------------------------------------------------------------------------

KEY = (7, 11)


@pytest.fixture
def other(transactional_db):
    """Another connection."""
    with closing(connections.create_connection("default")) as over:
        yield over


@pytest.mark.parametrize("key", [KEY, (2**62,)])
@pytest.mark.parametrize("session", [True, False])
def test_a_held_lock_is_not_acquired(other, session, key):
    assert db.advisory_lock(key, session=True, over=other)
    with transaction.atomic():
        assert not db.advisory_lock(key, session=session, wait=False)
    let_go(other)
    with transaction.atomic():
        assert db.advisory_lock(key, session=session, wait=False)
    let_go(connection)


def let_go(over):
    with over.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock_all()")


def test_a_transaction_lock_ends_with_it_and_a_session_lock_does_not(other):
    with transaction.atomic():
        assert db.advisory_lock(KEY)
        assert not db.advisory_lock(KEY, wait=False, over=other)
    assert db.advisory_lock(KEY, wait=False, over=other)
    with db.session_lock((1, 2)):
        with transaction.atomic():
            transaction.set_rollback(True)
        assert not db.advisory_lock((1, 2), session=True, wait=False, over=other)
    assert db.advisory_lock((1, 2), session=True, wait=False, over=other)


def test_the_limit_of_waiting_for_a_session_lock_applies_to_nothing_else(other):
    assert db.advisory_lock(KEY, session=True, over=other)
    with db.patience(wait=0.1):
        assert not db.advisory_lock(KEY, session=True)
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


def test_a_transaction_continues_after_waiting_in_vain_for_a_lock(other):
    assert db.advisory_lock(KEY, session=True, over=other)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '100ms'")
        assert not db.advisory_lock(KEY)
        assert backend_of(connection)


def test_a_session_lock_that_was_not_acquired_is_not_released(other):
    assert db.advisory_lock(KEY, session=True, over=other)
    with db.session_lock(KEY, wait=False) as is_held:
        assert not is_held
    assert not db.advisory_lock(KEY, session=True, wait=False)


def test_a_session_lock_is_released_when_its_connection_is_lost(other):
    with db.session_lock(KEY):
        end_backend(backend_of(connection))
    assert db.advisory_lock(KEY, session=True, wait=False, over=other)
    assert backend_of(connection)


# --- retries ---------------------------------------------------------------------------------------------------


class Attempts:
    """A function that raises each of some errors, then returns the number of calls."""

    def __init__(self, *failures):
        self.failures, self.count = list(failures), 0

    def __call__(self):
        self.count += 1
        if self.failures:
            raise self.failures.pop(0)
        return self.count


def test_a_clash_is_retried_and_the_last_one_raised():
    assert db.retry(Attempts(IntegrityError("a"), IntegrityError("b")), when=db.is_clash) == 3
    stubborn = Attempts(*map(IntegrityError, "abcd"))
    with pytest.raises(IntegrityError, match="c"):
        db.retry(stubborn, when=db.is_clash)
    assert stubborn.count == db.TRIES == 3


def test_other_errors_are_raised_immediately():
    for error in (OperationalError("away"), ValueError("bug")):
        attempts = Attempts(error)
        with pytest.raises(type(error)):
            db.retry(attempts, when=db.is_clash)
        assert attempts.count == 1


def test_a_deadlock_is_retried_only_in_its_own_transaction(transactional_db):
    error = OperationalError()
    error.__cause__ = psycopg.errors.DeadlockDetected()
    assert db.is_tie(error)
    assert not db.is_tie(OperationalError())
    with transaction.atomic():
        assert not db.is_tie(error)


# --- real servers ----------------------------------------------------------------------------------------------


def test_all_responses_are_correct_after_a_backend_has_died(server):
    tenant = RealTenant(server)
    for _ in range(40):  # Enough for a connection in most threads.
        assert tenant.export("contacts").startswith("first_name")
    with server.connect() as by_hand:
        by_hand.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    for _ in range(40):
        assert tenant.export("contacts").startswith("first_name")
