"""Lost connections raise errors of Django's, and are replaced."""

import contextlib
import time

import pytest
from django.db import OperationalError, ProgrammingError, connection, transaction
from psycopg import sql

from importexport import db
from tests.support.backends import backend_of, end_backend
from tests.support.real import RealTenant


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
    with contextlib.suppress(OperationalError), transaction.atomic():
        cursor = connection.chunked_cursor()
        cursor.execute("SELECT n FROM generate_series(1, 1000) AS n")
        end_backend(connection.connection.info.backend_pid)
        with pytest.raises(OperationalError):
            cursor.close()
    connection.close()


@pytest.mark.parametrize("in_transaction", [True, False])
def test_a_cursor_of_the_server_is_a_transactions(transactional_db, in_transaction):
    with transaction.atomic() if in_transaction else contextlib.nullcontext(), connection.chunked_cursor() as cursor:
        cursor.execute("SELECT n FROM generate_series(1, 1000) AS n")
        with connection.cursor() as other:
            other.execute("SELECT count(*) FROM pg_cursors WHERE NOT is_holdable AND name LIKE %s", ["_django%"])
            assert other.fetchone() == (int(in_transaction),)
        assert len(cursor.fetchmany(1000)) == 1000


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


# --- a real server ---------------------------------------------------------------------------------------------


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
