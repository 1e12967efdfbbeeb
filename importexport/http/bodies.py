"""Reads request bodies within limits on time and size."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

HEAD = 16
#: The maximum size of the body apart from the file: boundaries, headers, and other form fields.
BESIDES = 64 * 1024


class Body:
    """A request body, with or without a Content-Length.

    Django treats a body without one (``Transfer-Encoding: chunked``) as empty, so this reads the server's stream.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        self._environ = environ
        self._left: int | None = None

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most ``size`` and never beyond the Content-Length."""
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
    """Limit the seconds for each read from a connection, and for all. Yields a function: has the total been exceeded?

    A single read can last forever if each byte arrives in time, so a timer shuts the connection down for reading, which
    then seems to have ended.
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
