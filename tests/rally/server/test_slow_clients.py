"""Clients that are slow to send a head or a body, or to read a response, do not affect others."""

import contextlib
import http.client
import json
import resource
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.rally.server.raw_client import FORM, IMPORT, PART, SCHEMA, UPLOAD, Client, get, post, static_file
from tests.support.installation import Server
from tests.support.waiting import moments, wait_until


@contextlib.contextmanager
def dawdling(server: Server, number: int, data: bytes, *, reads: bool = True):
    clients = [Client(server, data, reads=reads) for _ in range(number)]
    time.sleep(0.5)
    yield clients
    for client in clients:
        client.close()


def seconds_for(server: Server, path: str) -> float:
    start = time.monotonic()
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    with contextlib.closing(client):
        client.request("GET", path)
        answer = client.getresponse()
        answer.read()
    assert answer.status == 200
    return time.monotonic() - start


def assert_others_are_answered(server: Server) -> None:
    for path in ("/healthz", "/readyz", "/admin/login/", "/api/docs") * 3:
        assert seconds_for(server, path) < 1, path


# --- others are not affected----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "data"),
    [
        (500, b""),
        (500, b"GET /healthz HTTP/1.1\r\nHost: loc"),
        (80, post("/admin/login/", FORM, 1000) + b"username=a"),
        (80, post("/admin/login/", FORM, 2_000_000) + b"x" * 100_000),
        (80, post("/admin/login/", FORM, None) + b"3e8\r\nusername=a"),
        (80, post("/", FORM, 1000)),
        (80, post("/nowhere", FORM, 1000)),
        (80, post("/healthz", FORM, 1000)),
        (80, post("/static/nothing.css", FORM, 1000)),
        (80, post("/admin/crm/contact/import/", UPLOAD, 1000) + PART),
        (80, post("/admin/crm/contact/import/", UPLOAD, None) + b"64\r\n" + PART),
        (80, post("/api/nowhere", FORM, 1000)),
        (80, post("/api/docs", FORM, 1000)),
        (80, post(IMPORT, UPLOAD, 1000) + PART),
        (80, post(IMPORT, UPLOAD, None, "X-Api-Key: rk_live_" + "a" * 40) + b"64\r\n" + PART),
        (80, post(IMPORT, UPLOAD, 1000, "Expect: 100-continue")),
        (80, post("/admin/login/", FORM, 1000, "Expect: 100-continue")),
    ],
    ids=lambda value: value[:60].decode() if isinstance(value, bytes) else None,
)
def test_clients_that_stop_sending_do_not_delay_others(small, number, data):
    with dawdling(small, number, data):
        assert_others_are_answered(small)
    assert "Traceback" not in small.log_text()


def test_clients_that_send_slowly_do_not_delay_others(small):
    with dawdling(small, 80, post("/admin/login/", FORM, 1000)) as clients:
        for _ in range(3):
            for client in clients:
                client.send(b"x")
            assert_others_are_answered(small)


@pytest.mark.parametrize("path", ["swagger-ui-bundle", "schema"])
def test_clients_that_do_not_read_a_response_do_not_delay_others(small, path):
    data = SCHEMA * 40 if path == "schema" else get(static_file(small, path)) * 3
    with dawdling(small, 20, data, reads=False):
        wait_until(lambda: seconds_for(small, "/admin/login/") < 0.2, "pages are answered soon", seconds=30)
        assert_others_are_answered(small)


def test_clients_that_do_not_read_a_partial_file_do_not_delay_others(small):
    data = get(static_file(small, "swagger-ui-bundle"), "Range: bytes=1-") * 3
    with dawdling(small, 20, data, reads=False):
        assert_others_are_answered(small)


def test_clients_that_never_read_a_401_do_not_delay_others(small):
    with dawdling(small, 80, post(IMPORT, UPLOAD, 5_000_000) + PART + b"x" * 100_000, reads=False) as clients:
        for client in clients:
            client.socket.setblocking(False)
            with contextlib.suppress(OSError):
                client.socket.send(b"x" * 1_000_000)
        assert_others_are_answered(small)


# --- timeouts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\nHost: loc"])
def test_a_client_with_an_incomplete_head_is_disconnected(strict, data):
    start = time.monotonic()
    assert Client(strict, data).is_disconnected()
    assert 0.9 < time.monotonic() - start < 10


def test_a_head_sent_slowly_times_out_as_well(strict):
    client = Client(strict, b"GET / HTTP/1.1\r\n")
    client.socket.settimeout(0.2)
    for _ in moments(20):
        client.send(b"a")
        with contextlib.suppress(TimeoutError):
            assert client.socket.recv(1) == b""
            return
    pytest.fail("it is still waited for")


def test_a_form_that_stalls_is_408(strict):
    status, headers, body = Client(strict, post("/admin/login/", FORM, 1000) + b"a").answer()
    assert (status, headers["connection"]) == (408, "close")
    assert b"The body of the request did not arrive in time." in body


def test_a_form_sent_slowly_is_408(strict):
    client = Client(strict, post("/admin/login/", FORM, 1000))
    client.socket.settimeout(0.2)
    for _ in moments(20):
        client.send(b"a")
        with contextlib.suppress(TimeoutError):
            assert b" 408 " in client.socket.recv(100)
            return
    pytest.fail("it is still waited for")


def test_an_incomplete_form_is_400(small):
    client = Client(small, post("/admin/login/", FORM, 1000) + b"a")
    client.socket.shutdown(socket.SHUT_WR)
    assert client.answer()[0] == 400


def test_a_form_that_is_too_large_is_413_immediately(small):
    client = Client(small, post("/admin/login/", FORM, 3_000_000))
    status, headers, body = client.answer()
    assert (status, headers["connection"]) == (413, "close")
    assert b"The body has more than 2621440 bytes." in body
    assert client.is_disconnected()


def test_an_early_response_reaches_a_client_that_is_still_sending(small):
    client = Client(small, post("/admin/login/", FORM, 50_000_000))
    client.send(b"x" * 50_000_000)
    assert client.answer()[0] == 413


def test_a_large_unread_body_is_discarded(small):
    body = b"x" * 2_600_000
    client = Client(small, post("/nowhere", FORM, len(body)) + body + get("/healthz"))
    assert [client.answer()[0], client.answer()[0]] == [404, 200]


def test_a_head_without_an_end_is_431(small):
    client = Client(small, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: b\r\n" * 10_000)
    assert client.answer()[0] == 431


def test_a_client_that_does_not_read_the_rest_of_a_response_is_disconnected(strict):
    client = Client(strict, SCHEMA * 60, reads=False)
    time.sleep(4)
    received = 0
    with contextlib.suppress(ConnectionResetError):
        while data := client.file.read1(1 << 20):
            received += len(data)
    assert received < 60 * 80_000


# --- slow clients get complete responses, in order-------------------------------------------------------------


def test_a_response_read_late_is_complete_and_the_next_one_follows(small):
    expected = Client(small, SCHEMA).answer()[2]
    client = Client(small, (SCHEMA + get("/healthz")) * 40, reads=False)
    time.sleep(1)
    for _ in range(40):
        assert client.answer()[2] == expected
        assert json.loads(client.answer()[2]) == {"status": "ok"}
    client.send(get("/healthz"))
    assert client.answer()[0] == 200


def test_a_file_read_late_is_complete_and_the_next_response_follows(small):
    path = static_file(small, "swagger-ui-bundle")
    expected = Client(small, get(path)).answer()[2]
    client = Client(small, (get(path) + get("/healthz")) * 4, reads=False)
    time.sleep(1)
    for _ in range(4):
        assert client.answer()[2] == expected
        assert json.loads(client.answer()[2]) == {"status": "ok"}


# --- connections ---------------------------------------------------------------------------------------------


def test_the_slowest_client_makes_room_for_new_ones(start_server):
    server = start_server(WEB_CONCURRENCY="1", RALLY_THREADS="4", GUNICORN_CMD_ARGS="--worker-connections 20")
    with dawdling(server, 60, b"GET / HTTP/1.1\r\nHost: loc") as clients:
        assert_others_are_answered(server)
        assert clients[0].is_disconnected()
        clients[-1].send(b"alhost\r\n\r\n")
        assert clients[-1].answer()[0] == 302


def test_memory_for_waiting_data_is_limited(start_server):
    server = start_server(WEB_CONCURRENCY="1", RALLY_THREADS="4")
    with dawdling(server, 40, post("/admin/login/", FORM, 2_500_000) + b"x" * 2_499_999) as clients:
        assert_others_are_answered(server)
        assert clients[0].is_disconnected()
        clients[-1].send(b"x")
        assert clients[-1].answer()[0] == 403


def test_a_process_without_free_files_keeps_serving(start_server):
    server = start_server(WEB_CONCURRENCY="1", RALLY_THREADS="4")
    assert_others_are_answered(server)
    [worker] = children_of(server.process.pid)
    files = len(list(Path(f"/proc/{worker}/fd").iterdir()))
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (files + 20, files + 20))
    with dawdling(server, 60, b"GET / HTTP/1.1\r\nHost: loc"):
        assert_others_are_answered(server)
    assert children_of(server.process.pid) == [worker]


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_server_can_open_many_files(small):
    [worker] = children_of(small.process.pid)
    soft, hard = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    assert soft >= min(hard, 8192)


def test_a_stop_waits_for_a_form_and_not_for_a_head(start_server):
    server = start_server(WEB_CONCURRENCY="1", RALLY_THREADS="4")
    form = Client(server, post("/admin/login/", FORM, 10) + b"user")
    idle, begun = Client(server, get("/healthz")), Client(server, b"GET / HTTP/1.1\r\nHost: loc")
    assert idle.answer()[0] == 200
    time.sleep(0.5)
    server.process.send_signal(signal.SIGTERM)
    assert idle.is_disconnected()
    assert begun.is_disconnected()
    form.send(b"name=a")
    status, headers, _ = form.answer()
    assert (status, headers["connection"]) == (403, "close")
    form.close()
    assert server.process.wait(20) == 0
