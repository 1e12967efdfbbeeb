"""Requests as clients send them, well-behaved and others."""

import contextlib
import http.client
import json
import socket
from dataclasses import dataclass, field
from typing import Any

from tests.support.installation import Server
from tests.support.openapi import check_answer

TEMPLATE = "/api/v1/importexport/contacts/template"
IMPORT = "/api/v1/importexport/contacts/import"
EXPORT = "/api/v1/importexport/contacts/export"
BOUNDARY = "----a-boundary"
CONTACTS = b"first_name,last_name,email\r\nAda,Lovelace,ada@example.com\r\n"


@dataclass
class Answer:
    """What a server said."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        return self.json["detail"]


@dataclass
class Form:
    """A multipart/form-data body: parts of (name, file name or None, content)."""

    parts: list[tuple[str, str | None, bytes]]
    boundary: str = BOUNDARY
    end: bytes = b"--\r\n"
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.headers = {"Content-Type": f"multipart/form-data; boundary={self.boundary}"}

    @property
    def body(self) -> bytes:
        pieces = []
        for name, filename, content in self.parts:
            disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
            pieces.append(
                f"--{self.boundary}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"
            )
        return b"".join(pieces) + f"--{self.boundary}".encode() + self.end


def form(content: bytes, *, name: str = "file", filename: str | None = "contacts.csv") -> Form:
    return Form([(name, filename, content)])


class Api:
    """A running server, as its clients see it."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def request(
        self,
        method: str,
        path: str,
        *,
        key: str = "",
        headers: dict[str, str] | None = None,
        body: Any = None,
        chunked: bool = False,
    ) -> Answer:
        """Ask as a well-behaved client does."""
        sent = ({"X-Api-Key": key} if key else {}) | (headers or {})
        client = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        with contextlib.closing(client):
            client.request(method, path, headers=sent, body=body, encode_chunked=chunked)
            answer = read_answer(client.getresponse())
        check_answer(method, path, status=answer.status, headers=answer.headers, body=answer.body)
        return answer

    def upload(self, path: str, sent: Form, *, key: str, headers: dict[str, str] | None = None) -> Answer:
        """Post a form."""
        return self.request("POST", path, key=key, headers=sent.headers | (headers or {}), body=sent.body)

    def open(self) -> socket.socket:
        """Return a bare connection."""
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=60)


def read_answer(response: http.client.HTTPResponse) -> Answer:
    return Answer(response.status, response.headers, response.read())


def answer_on(connection: socket.socket, method: str = "POST") -> Answer:
    """Read the one answer that a bare connection has for us."""
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    return read_answer(response)


def head(path: str, *, key: str = "", **headers: str) -> bytes:
    """Return the head of a POST request; ``_`` in a header's name stands for ``-``."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"X-Api-Key: {key}"] if key else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()
