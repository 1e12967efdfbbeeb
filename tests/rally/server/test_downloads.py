"""Downloads of a real server: how many there may be of a tenant and of all, what frees a place, and who is not affected.

The server has four threads for downloads, a place for each tenant, and four places to wait for each of them.
"""

import json
import time

import pytest

from tests.rally.server.raw_client import Client, get
from tests.rally.server.test_shares import assert_quick, locked, wait_for_answers, wait_for_waiting
from tests.support.real import RealTenant
from tests.support.waiting import Background, wait_until

ENTITY = "/api/v1/importexport/contacts"
EXPORT, EXCEL, TEMPLATE = f"{ENTITY}/export", f"{ENTITY}/export/excel", f"{ENTITY}/template"
#: Other tests have databases on the same PostgreSQL.
END_COPY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE 'COPY (SELECT%'
"""
#: So much that neither the server nor the network has room for it.
MANY_ROWS = 20_000


@pytest.fixture(scope="module")
def server(launch):
    server = launch(WEB_CONCURRENCY="1", RALLY_THREADS="8")
    yield server
    server.stop()


def new_tenant(server):
    """Return a tenant that the server knows by its key."""
    tenant = RealTenant(server)
    assert_quick(server, TEMPLATE, X_Api_Key=tenant.secret)
    return tenant


def add_contacts(tenant, number):
    """Add contacts with notes of a kilobyte, which a workbook cannot compress by more than half."""
    tenant.sql(
        "WITH made AS ("
        "INSERT INTO crm_contact (tenant_id, first_name, last_name, email, email_key, phone, mobile, title, department,"
        " address, city, state, country, postal_code, lifecycle_stage, lead_source, tags, notes)"
        " SELECT %s, 'Ada', 'Lovelace', n || '@example.com', n || '@example.com', '', '', '', '', '', '', '', '', '',"
        " 'lead', '', '{}', (SELECT string_agg(md5(concat(n, i)), '') FROM generate_series(1, 32) AS i)"
        " FROM generate_series(1, %s) AS n RETURNING 1)"
        " SELECT count(*) FROM made",
        tenant.pk, number,
    )  # fmt: skip


def ask(server, tenant, path=EXPORT):
    """Ask for a download in the background."""
    return Background(server.get, path, X_Api_Key=tenant.secret)


def slow_client(server, tenant, path=EXPORT):
    """Return a client that has received the first byte of a large file, and reads no further."""
    client = Client(server, get(path, f"X-Api-Key: {tenant.secret}"), reads=False)
    assert client.socket.recv(1)
    return client


def assert_is_refused(answer):
    assert answer.status == 503
    assert json.loads(answer.body) == {
        "type": "/api/docs/problems#too-many-downloads",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "Too many files are being downloaded at this moment. Try again in a few seconds.",
    }
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["X-RateLimit-Remaining"].isdigit()


# --- limits ----------------------------------------------------------------------------------------------------


def test_a_tenant_has_a_place_and_a_short_queue_and_the_rest_is_503(server):
    busy, other = new_tenant(server), new_tenant(server)
    with locked(server, "crm_contact") as connection:
        asked = [ask(server, busy, path) for path in (EXPORT, EXCEL) * 6]
        wait_for_waiting(connection, 1)
        wait_for_answers(asked, 7)
        for tenant in (busy, other):
            assert_quick(server, TEMPLATE, X_Api_Key=tenant.secret)
    answers = sorted((each.outcome() for each in asked), key=lambda answer: answer.status)
    assert [answer.status for answer in answers] == [200] * 5 + [503] * 7
    for answer in answers[5:]:
        assert_is_refused(answer)


def test_a_process_has_so_many_places_and_whoever_waits_too_long_gets_503(server):
    tenants = [new_tenant(server) for _ in range(5)]
    with locked(server, "crm_contact") as connection:
        asked = [ask(server, tenant) for tenant in tenants]
        wait_for_waiting(connection, 4)
        for tenant in tenants:
            assert_quick(server, TEMPLATE, X_Api_Key=tenant.secret)
        wait_for_answers(asked, 1)
    answers = sorted((each.outcome() for each in asked), key=lambda answer: answer.status)
    assert [answer.status for answer in answers] == [200] * 4 + [503]
    assert_is_refused(answers[4])


def test_what_is_no_file_needs_no_place(server):
    tenant = new_tenant(server)
    with locked(server, "crm_contact") as connection:
        made = ask(server, tenant)
        wait_for_waiting(connection, 1)
        status, headers, _ = Client(
            server, get(EXPORT, f"X-Api-Key: {tenant.secret}").replace(b"GET", b"HEAD", 1)
        ).answer("HEAD")
        assert (status, headers["content-type"]) == (200, "text/csv; charset=utf-8")
        assert server.get(EXPORT).status == 401
        assert server.get(EXPORT, X_Api_Key="rk_live_" + "a" * 40).status == 401
        assert server.get("/admin/crm/contact/export/file/").status == 302
    assert made.outcome().status == 200


def test_what_a_refused_request_asks_for_is_checked_first(server):
    tenant = new_tenant(server)
    with locked(server, "crm_contact") as connection:
        asked = [ask(server, tenant) for _ in range(5)]
        wait_for_waiting(connection, 1)
        time.sleep(0.5)
        assert server.get(f"{EXPORT}?shoe=1", X_Api_Key=tenant.secret).status == 400
        assert server.get(EXPORT, X_Api_Key=tenant.secret, Accept="image/png").status == 406
        assert_is_refused(server.get(EXPORT, X_Api_Key=tenant.secret))
    assert [each.outcome().status for each in asked] == [200] * 5


# --- what frees a place ----------------------------------------------------------------------------------------


@pytest.fixture
def large(server):
    """A tenant with more contacts than fit into the buffers."""
    tenant = new_tenant(server)
    add_contacts(tenant, MANY_ROWS)
    return tenant


@pytest.mark.parametrize("path", [EXPORT, EXCEL])
def test_a_client_that_disconnects_frees_its_place(server, large, path):
    for _ in range(3):
        client = slow_client(server, large, path)
        waiting = ask(server, large, f"{EXPORT}?columns=email")
        time.sleep(0.5)
        assert not waiting.is_done
        client.close()
        assert waiting.outcome().status == 200


def test_an_error_in_the_middle_of_a_download_frees_its_place(server, large):
    client = slow_client(server, large)
    with server.connect() as connection:
        wait_until(lambda: connection.execute(END_COPY).fetchone(), "the COPY is ended")
    waiting = ask(server, large, f"{EXPORT}?columns=email")
    # Read on: the server notices once the client accepts more.
    client.file.read()
    assert waiting.outcome().status == 200
    client.close()


def test_clients_that_do_not_read_do_not_hold_up_the_downloads_of_others(server, large):
    others = [new_tenant(server) for _ in range(2)]
    for tenant in others:
        add_contacts(tenant, MANY_ROWS)
    clients = [slow_client(server, tenant) for tenant in (large, others[0])]
    answer = server.get(EXPORT, X_Api_Key=others[1].secret)
    assert (answer.status, answer.body.count(b"\r\n")) == (200, MANY_ROWS + 1)
    for client in clients:
        client.close()


def test_downloads_at_the_same_moment_are_complete(server):
    tenants = [new_tenant(server) for _ in range(4)]
    for tenant in tenants:
        add_contacts(tenant, 3000)
    asked = [ask(server, tenant) for tenant in tenants]
    assert [each.outcome().body.count(b"\r\n") for each in asked] == [3001] * 4


def test_a_connection_can_be_used_again_after_a_download(server):
    tenant = new_tenant(server)
    add_contacts(tenant, 2000)
    key = f"X-Api-Key: {tenant.secret}"
    client = Client(server, get(EXPORT, key) + get(TEMPLATE, key) + get(EXPORT, key))
    assert [body.count(b"\r\n") for _, _, body in (client.answer() for _ in range(3))] == [2001, 1, 2001]
    client.close()
