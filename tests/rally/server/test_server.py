"""What the served product does around its views: request ids, logs, probes, limits of the server itself."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys

import pytest

from tests.support.installation import ROOT, Installation, Server, free_port, wait_until_up
from tests.support.waiting import Background, wait_until

RANDOM_ID = re.compile(r"[0-9a-f]{16}")


def get(server: Server, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(method, path, body=body, headers={name.replace("_", "-"): v for name, v in headers.items()})
    response = connection.getresponse()
    response.body = response.read()
    connection.close()
    return response


def send(server: Server, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(data)
        with client.makefile("rb") as answer:
            return answer.read()


def lines_with(server: Server, text: str) -> list[dict]:
    """Return the log lines that contain a text; a line is written once its answer has gone, so wait for one."""
    found = lambda: [json.loads(line) for line in server.log_text().splitlines() if text in line]  # noqa: E731
    return wait_until(found, f"{text} is in the log")


@pytest.mark.parametrize("given", ["a", "6f9619ff-8b86-d011-b42d-00c04fc964ff", "A.b_c-9", "x" * 128])
def test_a_clients_request_id_comes_back(server, given):
    assert get(server, "/healthz", X_Request_Id=given).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a;b", "caf\xe9", '"'])
def test_a_bad_request_id_is_replaced(server, given):
    assert RANDOM_ID.fullmatch(get(server, "/healthz", X_Request_Id=given).headers["X-Request-Id"])


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/nowhere", "/api/nowhere", "/static/nothing.css"])
def test_every_answer_has_a_request_id(server, path):
    assert RANDOM_ID.fullmatch(get(server, path).headers["X-Request-Id"])


def test_a_request_is_one_line_of_json(server):
    assert get(server, "/nowhere", X_Request_Id="one-line").status == 404
    [line] = lines_with(server, '"one-line"')
    assert line.pop("duration_ms") >= 0
    assert line.pop("time")
    assert line == {
        "level": "INFO",
        "logger": "rally.request",
        "request_id": "one-line",
        "message": "request",
        "method": "GET",
        "path": "/nowhere",
        "status": 404,
    }


def test_a_path_cannot_forge_a_line(server):
    forged = '/nowhere%0A{"level":"CRITICAL","request_id":"forged"}%1b[31m%E2%80%A8'
    get(server, forged, X_Request_Id="honest")
    [line] = lines_with(server, '"honest"')
    assert line["path"] == '/nowhere\n{"level":"CRITICAL","request_id":"forged"}\x1b[31m\u2028'
    assert "\x1b" not in server.log_text()


def test_every_line_of_the_log_is_json(server):
    get(server, "/healthz", Host="evil.example")
    send(server, b"nonsense\r\n\r\n")
    assert [json.loads(line) for line in server.log_text().splitlines()]


def test_probes_answer_to_any_host_and_leave_no_line(server):
    for path in ("/healthz", "/readyz"):
        response = get(server, path, Host="10.0.0.7:8000", X_Request_Id="probe")
        assert (response.status, response.headers["Content-Type"]) == (200, "application/json")
    get(server, "/nowhere", X_Request_Id="after-probe")
    assert lines_with(server, '"after-probe"')
    assert '"probe"' not in server.log_text()


def test_ready_names_what_is_missing(start_server, installation: Installation):
    with installation.connect() as connection:
        connection.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    server = start_server(over=installation)
    response = get(server, "/readyz")
    assert (response.status, response.headers["Content-Type"]) == (503, "application/problem+json")
    assert json.loads(response.body)["detail"] == "1 migration(s) not applied."
    assert get(server, "/healthz").status == 200


def test_ready_without_a_database(start_server):
    server = start_server(DATABASE_URL="postgresql://nobody@/nothing?host=/nonexistent")
    response = get(server, "/readyz")
    assert (response.status, json.loads(response.body)["detail"]) == (503, "The database cannot be reached.")
    assert "nonexistent" not in response.body.decode()
    assert get(server, "/healthz").status == 200


@pytest.mark.parametrize(("path", "kind"), [("/api/docs", "application/problem+json"), ("/admin/", "text/html")])
def test_a_strange_host_is_a_quiet_400(server, path, kind):
    response = get(server, path, Host="evil.example", X_Request_Id="strange-host")
    assert response.status == 400
    assert response.headers["Content-Type"].startswith(kind)
    assert {line["level"] for line in lines_with(server, '"strange-host"')} == {"INFO"}


def test_admin_login_over_plain_http(server):
    page = get(server, "/admin/login/")
    assert page.status == 200
    assert b"/static/rally/rally." in page.body
    style = re.search(rb'href="(/static/rally/rally\.[^"]+)"', page.body)[1].decode()
    assert get(server, style).status == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 20000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: a\r\n" * 200 + b"\r\n", b"431"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
    ],
)
def test_what_is_no_request_is_the_clients_fault(server, request_, status):
    assert send(server, request_).split()[1] == status


def test_clients_that_go_away_leave_no_traceback(server):
    for data in (
        b"GET /admin/login/ HTTP/1.1\r\nHo",
        (
            b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nabc"
        ),
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
            client.sendall(data)
    get(server, "/nowhere", X_Request_Id="after-leaving")
    assert lines_with(server, '"after-leaving"')
    assert "Traceback" not in server.log_text()


def test_clients_that_stand_still_hold_no_thread(start_server):
    server = start_server(WEB_CONCURRENCY="1", RALLY_THREADS="2", RALLY_UPLOAD_IDLE_TIMEOUT="1")
    stalled = []
    for _ in range(6):
        client = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: loc")
        stalled.append(client)
    assert get(server, "/healthz").status == 200
    for client in stalled:
        client.close()
    assert "Traceback" not in server.log_text()


def test_a_stop_lets_requests_finish(start_server, installation):
    server = start_server(over=installation)
    assert get(server, "/readyz").status == 200
    with installation.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE django_migrations IN ACCESS EXCLUSIVE MODE")
        waiting = Background(get, server, "/readyz")
        locks = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        wait_until(lambda: connection.execute(locks).fetchone()[0], "the request waits for a lock")
        server.process.send_signal(signal.SIGTERM)
    assert waiting.outcome().status == 200
    assert server.process.wait(30) == 0


@pytest.mark.parametrize("path", ["", "/nowhere"])
def test_it_may_be_started_in_any_directory(installation, tmp_path, path):
    """A data directory that is named relatively is there, too."""
    port = free_port()
    env = installation.env | {"RALLY_DATA_DIR": "data", "PORT": str(port)} | ({"PYTHONPATH": path} if path else {})
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, ROOT / "manage.py", "serve"],
            cwd=tmp_path,
            env=env,
            stdout=log,
            stderr=log,
            process_group=0,
        )
    server = Server(installation.database_url, env, f"http://127.0.0.1:{port}", tmp_path / "log", port, process)
    wait_until_up(server)
    page = get(server, "/admin/login/")
    style = re.search(rb'href="(/static/rally/rally\.[^"]+)"', page.body)[1].decode()
    assert get(server, style).status == 200
    assert (tmp_path / "data" / "static").is_dir()
    assert server.stop() == 0
