"""Parsing the head of a request: its end, its body, and its sender."""

import hashlib

import pytest

from rally.server.heads import Head, Refusal, body_to_read, find_end, read_head

KEY, SESSION = "rk_live_" + "a" * 40, "b" * 32


def head(first: str, *lines: str) -> bytes:
    return "\r\n".join([first, *lines, "", ""]).encode()


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /", 27),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", -1),
        (b"GET / HTTP/1.1\r\nHost: a\r", -1),
        (b"", -1),
        # Invalid heads end where the data ends.
        (b"GET / HTTP/1.1\nHost: a\n", 23),
        (b"GET /" + b"a" * 9000, 9005),
    ],
)
def test_the_end_of_a_head(data, end):
    assert find_end(bytearray(data)) == end


def test_the_end_can_arrive_byte_by_byte():
    data, whole = bytearray(), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    ends = []
    for i in range(len(whole)):
        data.append(whole[i])
        ends.append(find_end(data, i))
    assert ends == [-1] * 26 + [27]


def test_a_head_without_an_end_is_rejected():
    with pytest.raises(Refusal) as caught:
        find_end(bytearray(b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 10_000))
    assert caught.value.status == 431


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (head("GET / HTTP/1.1"), Head(target=b"/", path="/")),
        (head("GET /a%20b?c=d HTTP/1.1"), Head(target=b"/a%20b", path="/a b")),
        (head("GET http://a.example/b?c HTTP/1.1"), Head(target=b"/b", path="/b")),
        (head("POST / HTTP/1.1", "content-length:  12 "), Head(target=b"/", path="/", length=12)),
        (head("POST / HTTP/1.1", "Content-Length: -1"), Head(target=b"/", path="/")),
        (head("POST / HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked"), Head(target=b"/", path="/")),
        (head("PUT / HTTP/1.1", "Expect: 100-Continue"), Head(target=b"/", path="/", expects_continue=True)),
        (head("PUT / HTTP/1.0", "Expect: 100-continue"), Head(target=b"/", path="/")),
        (head("nonsense"), Head()),
        (b"\r\n\r\n", Head()),
    ],
)
def test_the_fields_of_a_head(data, found):
    assert read_head(data) == found


@pytest.mark.parametrize(
    ("request_line", "found"),
    [
        ("GET /api/v1/importexport/contacts/export", True),
        ("GET /api/importexport/contacts/export/?columns=email", True),
        ("GET /api/v1/importexport/deals/export/excel#a", True),
        ("GET /api/v1/importexport/contacts/%65xport", True),
        ("GET http://a.example/api/v1/importexport/contacts/export", True),
        ("GET /api/v1/importexport/imports/1/rejected?format=xlsx", True),
        ("GET /api/v1/importexport/imports/1/rows?action=create&format=%63sv", True),
        ("GET /api/v1/importexport/imports/1/rows", False),
        ("GET /api/v1/importexport/imports/1/rows?after=5", False),
        ("GET /admin/crm/contact/export/file/?records=all", True),
        ("GET /admin/importexport/importrun/1/rejected/", True),
        ("GET /admin/importexport/importrun/1/rows/", True),
        ("GET /admin/crm/contact/export/", False),
        ("GET /api/v1/importexport/contacts/template", False),
        ("HEAD /api/v1/importexport/contacts/export", False),
        ("POST /api/v1/importexport/contacts/export", False),
    ],
)
def test_what_is_a_download(request_line, found):
    assert read_head(head(f"{request_line} HTTP/1.1")).is_download == found


@pytest.mark.parametrize(
    ("path", "lines", "caller"),
    [
        ("/api/x", [f"X-Api-Key: {KEY}"], digest(KEY)),
        ("/api/x", [f"x-api-key:{KEY}", f"Cookie: sessionid={SESSION}"], digest(KEY)),
        ("/api/x", [f"Cookie: sessionid={SESSION}"], None),
        ("/admin/", [f"Cookie: a=b; sessionid={SESSION}; c=d"], digest(f"sessionid={SESSION}")),
        ("/admin/", [f"X-Api-Key: {KEY}"], None),
        ("/static/a.css", [f"Cookie: sessionid={SESSION}"], None),
        ("/admin/", [], None),
    ],
)
def test_the_sender_of_a_request(path, lines, caller):
    assert read_head(head(f"GET {path} HTTP/1.1", *lines)).caller == caller


@pytest.mark.parametrize(
    ("path", "length", "to_read"),
    [
        ("/admin/login/", 100, 100),
        ("/nowhere", 2_621_440, 2_621_440),
        ("/api/v1/importexport/contacts/import", 100, 0),
        ("/admin/crm/contact/import/", 10_000_000, 0),
    ],
)
def test_which_bodies_are_read_before_using_a_thread(path, length, to_read):
    assert body_to_read(Head(path=path, length=length)) == to_read


def test_a_form_that_is_too_long_is_rejected():
    with pytest.raises(Refusal) as caught:
        body_to_read(Head(path="/admin/login/", length=2_621_441))
    assert caught.value.status == 413
