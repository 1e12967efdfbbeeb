"""Reading a request's body within bounds of time and size."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

HEAD = 16
#: Bytes of the body that are not the file: boundaries, headers, other form fields (which are read and forgotten).
BESIDES = 64 * 1024


class Body:
    """A request's body as it comes in, with or without a Content-Length.

    Django takes a body without one (``Transfer-Encoding: chunked``) for an empty one, so the server's own stream is
    read.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        self._environ = environ
        self._left: int | None = None

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most ``size`` of them and never more than the Content-Length says."""
        stream = self._environ["wsgi.input"]
        if self._environ.get("wsgi.input_terminated"):
            return stream.read(size)
        if self._left is None:
            self._left = int(self._environ.get("CONTENT_LENGTH") or 0)
        data = stream.read(min(size, self._left)) if self._left else b""
        self._left -= len(data)
        return data


@contextlib.contextmanager
def deadline(connection: socket.socket | None, *, whole: float, idle: float) -> Iterator[Callable[[], bool]]:
    """Bound the seconds of reading from a connection, of each step and of the whole; gives "is the whole over?".

    A single read can go on for ever, a byte at a time and each in time, so a timer ends it: by then the connection
    seems to have no more to read.
    """
    over = threading.Event()
    if connection is None:
        yield over.is_set
        return

    def end() -> None:
        over.set()
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RD)

    before = connection.gettimeout()
    connection.settimeout(idle)
    timer = threading.Timer(whole, end)
    timer.daemon = True
    timer.start()
    try:
        yield over.is_set
    finally:
        timer.cancel()
        connection.settimeout(before)
