"""Responses to pages, API clients and health checks while the database is unavailable, and afterwards."""

import json
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.db import OperationalError, connection, connections

from rally.health import what_is_missing
from rally.sessions import SessionStore
from tests.support.real import RealTenant

EXPORT = "/api/v1/importexport/contacts/export"
LOGIN = "/admin/login/"
SIGNED_IN = {"Cookie": f"sessionid={'a' * 32}"}
#: Requests that surely meet a connection which was in use before.
MANY = 40


def test_requests_fail_with_503_while_it_is_unavailable_and_recover(start_server, installation):
    server = start_server(over=installation)
    key = {"X-Api-Key": RealTenant(server).secret}
    for _ in range(MANY):
        assert server.get(EXPORT, **key).status == 200
    with installation.away():
        asked = [(EXPORT, key, "application/problem+json"), ("/admin/", SIGNED_IN, "text/html")]
        for path, headers, kind in asked:
            response = server.get(path, **headers)
            assert (response.status, response.headers["Content-Type"].split(";")[0]) == (503, kind)
            assert response.headers["Retry-After"] == "5"
            assert b"Traceback" not in response.body
        response = server.get("/readyz")
        assert (response.status, json.loads(response.body)["detail"]) == (503, "The database cannot be reached.")
        assert server.get("/healthz").status == 200
    assert server.get("/readyz").status == 200
    for _ in range(MANY):
        assert server.get(EXPORT, **key).status == 200
        assert server.get(LOGIN).status == 200


def test_a_page_explains_that_the_database_is_unavailable(start_server, installation):
    server = start_server(over=installation)
    with installation.away():
        response = server.get("/admin/", **SIGNED_IN)
    assert "The database cannot be reached at the moment." in response.body.decode()
    assert "An import in progress will continue automatically." in response.body.decode()


def test_a_read_only_database_is_not_ready(start_server, installation, run_sql):
    server = start_server(over=installation)
    key = {"X-Api-Key": RealTenant(server).secret}
    name = urlsplit(installation.database_url).path[1:]
    assert server.get(EXPORT, **key).status == 200
    run_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with installation.away():
        pass
    response = server.get("/readyz")
    assert (response.status, json.loads(response.body)["detail"]) == (
        503,
        "The database takes no changes at the moment.",
    )
    assert server.get(EXPORT, **key).status == 503
    run_sql(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    for _ in range(MANY):
        assert server.get("/readyz").status == 200
        # The connection to the read-only server was closed.
        assert server.get(EXPORT, **key).status == 200


def cut_off():
    """Terminate the backend of the test's connection."""
    with closing(connections.create_connection("default")) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [connection.connection.info.backend_pid])


@pytest.fixture
def lost(transactional_db):
    """Cut the test's connection."""
    connection.ensure_connection()
    cut_off()
    yield
    connection.close()


def test_a_session_that_cannot_be_saved_is_not_reported_as_deleted(transactional_db):
    session = SessionStore()
    session.create()
    session["a"] = 1
    cut_off()
    with pytest.raises(OperationalError):
        session.save()
    connection.close()


def test_a_deleted_session_is_reported(transactional_db):
    session = SessionStore()
    session.create()
    SessionStore(session.session_key).delete()
    with pytest.raises(UpdateError):
        session.save()


def test_a_health_check_replaces_a_lost_connection(lost):
    assert what_is_missing() is None
