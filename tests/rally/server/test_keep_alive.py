"""Connections are kept after a response, and bytes may arrive in any pieces."""

import time

import pytest

from tests.rally.server.raw_client import FORM, IMPORT, SCHEMA, UPLOAD, Client, get, post, static_file


def test_a_connection_is_kept_after_each_kind_of_request(small):
    client = Client(small)
    form = b"username=a"
    asked = [
        (get("/healthz"), 200),
        (get("/readyz"), 200),
        (get("/admin/login/"), 200),
        (get("/nowhere"), 404),
        (get(static_file(small, "swagger-ui-bundle")), 200),
        (post("/admin/login/", FORM, len(form)) + form, 403),
        (post("/admin/login/", FORM, None) + b"a\r\nusername=a\r\n0\r\n\r\n", 403),
        (post("/admin/crm/contact/import/", UPLOAD, len(form)) + form, 302),
        (post(IMPORT, UPLOAD, len(form)) + form, 401),
        (post("/healthz", FORM, len(form)) + form, 200),
        (get("/static/nothing.css"), 404),
        (get("/healthz"), 200),
    ]
    for request, status in asked:
        client.send(request)
        found, headers, _ = client.answer()
        assert (found, headers["connection"]) == (status, "keep-alive"), request


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/admin/login/", "/nowhere", "/api/v1/schema"])
def test_a_head_request_gets_no_body(small, path):
    client = Client(small, get(path).replace(b"GET", b"HEAD"))
    assert client.answer("HEAD")[0] in {200, 404}
    client.send(get("/healthz"))
    assert client.answer()[0] == 200


def test_pipelined_requests_are_answered_in_order(small):
    form = b"username=a"
    login = post("/admin/login/", FORM, len(form)) + form
    client = Client(small, (get("/healthz") + login + get("/nowhere") + SCHEMA + get("/readyz")) * 5)
    assert [client.answer()[0] for _ in range(25)] == [200, 403, 404, 200, 200] * 5


def test_a_request_can_arrive_byte_by_byte(small):
    client = Client(small)
    for byte in post("/admin/login/", FORM, 10) + b"username=a":
        client.send(bytes([byte]))
    assert client.answer()[0] == 403


def test_a_form_can_arrive_in_two_pieces(small):
    client = Client(small, post("/admin/login/", FORM, 10) + b"user")
    time.sleep(0.3)
    client.send(b"name=a" + get("/healthz"))
    assert [client.answer()[0], client.answer()[0]] == [403, 200]


@pytest.mark.parametrize(("path", "status"), [("/admin/login/", 403), (IMPORT, 401)])
def test_a_client_that_expects_100_continue_gets_it_once(small, path, status):
    client = Client(small, post(path, FORM, 10, "Expect: 100-continue"))
    assert client.answer()[0] == 100
    client.send(b"username=a")
    assert client.answer()[0] == status


def test_the_connection_is_closed_if_a_body_is_not_sent(small):
    client = Client(small, post(IMPORT, UPLOAD, 1000))
    status, headers, _ = client.answer()
    assert (status, headers["connection"]) == (401, "close")


def test_a_client_can_close_the_connection(small):
    client = Client(small, get("/healthz", "Connection: close"))
    assert client.answer()[1]["connection"] == "close"
    assert client.is_disconnected()
