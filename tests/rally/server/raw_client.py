"""Requests written byte by byte, and a client that can send and read them slowly."""

import contextlib
import http.client
import re
import socket

from tests.support.installation import Server

FORM = "Content-Type: application/x-www-form-urlencoded"
UPLOAD = "Content-Type: multipart/form-data; boundary=b"
IMPORT = "/api/v1/importexport/contacts/import"
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
SCHEMA = b"GET /api/v1/schema HTTP/1.1\r\nHost: localhost\r\n\r\n"


def post(path: str, kind: str, length: int | None, *lines: str) -> bytes:
    framing = f"Content-Length: {length}" if length is not None else "Transfer-Encoding: chunked"
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: localhost", kind, framing, *lines, "", ""]).encode()


def get(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


class Client:
    """A raw connection that can parse responses."""

    def __init__(self, server: Server, data: bytes = b"", *, reads: bool = True) -> None:
        self.socket = socket.socket()
        if not reads:
            # Set before connecting, so that only little of the response is in transit.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.socket.settimeout(30)
        self.socket.connect(("127.0.0.1", server.port))
        self.socket.sendall(data)
        self.file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """Read one response: the status, the headers by lower-case name, and the body."""
        status = int(self.file.readline().split()[1])
        headers = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        return status, headers, self._body(headers) if method != "HEAD" and status >= 200 else b""

    def _body(self, headers: dict[str, str]) -> bytes:
        if "transfer-encoding" not in headers:
            return self.file.read(int(headers["content-length"]))
        body = b""
        while size := int(self.file.readline(), 16):
            body += self.file.read(size)
            self.file.readline()
        self.file.readline()
        return body

    def is_disconnected(self) -> bool:
        """Wait until the server sends more or disconnects; return whether it has disconnected."""
        with contextlib.suppress(ConnectionResetError):
            return self.file.read(1) == b""
        return True

    def close(self) -> None:
        self.file.close()
        self.socket.close()


def static_file(server: Server, pattern: str) -> str:
    """Return the path of a static file used by the API's documentation page."""
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    with contextlib.closing(client):
        client.request("GET", "/api/docs")
        page = client.getresponse().read().decode()
    return re.search(rf'"(/static/[^"]*{pattern}[^"]*\.js)"', page)[1]
