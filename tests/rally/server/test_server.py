"""The server apart from its views: logs, health checks and limits."""

import json
import re
import signal
import socket
import subprocess
import sys

import pytest

from tests.support.installation import ROOT, Installation, Server, free_port, wait_until_up, waiting_sessions
from tests.support.waiting import Background, wait_until


def send(server: Server, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(data)
        with client.makefile("rb") as answer:
            return answer.read()


def test_every_line_of_the_log_is_json(server):
    server.get("/healthz", Host="evil.example")
    send(server, b"nonsense\r\n\r\n")
    assert [json.loads(line) for line in server.log_text().splitlines()]


def test_health_checks_accept_any_host_and_are_not_logged(server):
    for path in ("/healthz", "/readyz"):
        response = server.get(path, Host="10.0.0.7:8000", X_Request_Id="probe")
        assert (response.status, response.headers["Content-Type"]) == (200, "application/json")
    server.get("/nowhere", X_Request_Id="after-probe")
    assert server.lines_with('"after-probe"')
    assert '"probe"' not in server.log_text()


def test_ready_names_missing_migrations(start_server, installation: Installation):
    with installation.connect() as connection:
        connection.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    server = start_server(over=installation)
    response = server.get("/readyz")
    assert (response.status, response.headers["Content-Type"]) == (503, "application/problem+json")
    assert json.loads(response.body)["detail"] == "1 migration(s) not applied."
    assert server.get("/healthz").status == 200


def test_ready_without_a_database(start_server):
    server = start_server(DATABASE_URL="postgresql://nobody@/nothing?host=/nonexistent")
    response = server.get("/readyz")
    assert (response.status, json.loads(response.body)["detail"]) == (503, "The database cannot be reached.")
    assert "nonexistent" not in response.body.decode()
    assert server.get("/healthz").status == 200


@pytest.mark.parametrize(("path", "kind"), [("/api/docs", "application/problem+json"), ("/admin/", "text/html")])
def test_an_unknown_host_is_400_without_a_warning(server, path, kind):
    response = server.get(path, Host="evil.example", X_Request_Id="strange-host")
    assert response.status == 400
    assert response.headers["Content-Type"].startswith(kind)
    assert {line["level"] for line in server.lines_with('"strange-host"')} == {"INFO"}


def test_admin_login_over_plain_http(server):
    page = server.get("/admin/login/")
    assert page.status == 200
    assert b"/static/rally/rally." in page.body
    style = re.search(rb'href="(/static/rally/rally\.[^"]+)"', page.body)[1].decode()
    assert server.get(style).status == 200


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
def test_an_invalid_request_is_a_client_error(server, request_, status):
    assert send(server, request_).split()[1] == status


def test_clients_that_disconnect_leave_no_traceback(server):
    before = len(server.log_text())
    for data in (
        b"GET /admin/login/ HTTP/1.1\r\nHo",
        (
            b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nabc"
        ),
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
            client.sendall(data)
    server.get("/nowhere", X_Request_Id="after-leaving")
    assert server.lines_with('"after-leaving"')
    assert "Traceback" not in server.log_text()[before:]


def test_stalled_clients_do_not_occupy_threads(start_server):
    server = start_server(WEB_CONCURRENCY="1", RALLY_THREADS="2", RALLY_UPLOAD_IDLE_TIMEOUT="1")
    stalled = []
    for _ in range(6):
        client = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: loc")
        stalled.append(client)
    assert server.get("/healthz").status == 200
    for client in stalled:
        client.close()
    assert "Traceback" not in server.log_text()


def test_a_stop_lets_requests_finish(start_server, installation):
    server = start_server(over=installation)
    assert server.get("/readyz").status == 200
    with installation.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE django_migrations IN ACCESS EXCLUSIVE MODE")
        waiting = Background(server.get, "/readyz")
        wait_until(lambda: waiting_sessions(connection), "the request waits for a lock")
        server.process.send_signal(signal.SIGTERM)
    assert waiting.outcome().status == 200
    assert server.process.wait(30) == 0


@pytest.mark.parametrize("path", ["", "/nowhere"])
def test_it_can_be_started_in_any_directory(installation, tmp_path, path):
    """A relative data directory is relative to that directory."""
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
    page = server.get("/admin/login/")
    style = re.search(rb'href="(/static/rally/rally\.[^"]+)"', page.body)[1].decode()
    assert server.get(style).status == 200
    assert (tmp_path / "data" / "static").is_dir()
    assert server.stop() == 0
