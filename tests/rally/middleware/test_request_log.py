"""Each request has an id and one line in the log."""

import re

import pytest

RANDOM_ID = re.compile(r"[0-9a-f]{16}")


@pytest.mark.parametrize("given", ["a", "6f9619ff-8b86-d011-b42d-00c04fc964ff", "A.b_c-9", "x" * 128])
def test_a_clients_request_id_is_returned(server, given):
    assert server.get("/healthz", X_Request_Id=given).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a;b", "caf\xe9", '"'])
def test_a_bad_request_id_is_replaced(server, given):
    assert RANDOM_ID.fullmatch(server.get("/healthz", X_Request_Id=given).headers["X-Request-Id"])


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/nowhere", "/api/nowhere", "/static/nothing.css"])
def test_every_response_has_a_request_id(server, path):
    assert RANDOM_ID.fullmatch(server.get(path).headers["X-Request-Id"])


def test_a_request_is_one_line_of_json(server):
    assert server.get("/nowhere", X_Request_Id="one-line").status == 404
    [line] = server.lines_with('"one-line"')
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
    server.get(forged, X_Request_Id="honest")
    [line] = server.lines_with('"honest"')
    assert line["path"] == '/nowhere\n{"level":"CRITICAL","request_id":"forged"}\x1b[31m\u2028'
    assert "\x1b" not in server.log_text()
