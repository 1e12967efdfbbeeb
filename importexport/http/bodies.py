"""Reading a request's body within bounds of time and size."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

HEAD = 16
#: Bytes of the body that are not the file: boundaries, headers, other form fields (which are read and forgotten).
BESIDES = 64 * 1024


def read_body(environ: dict[str, Any], size: int) -> bytes:
    """Return the next bytes of the body, at most ``size`` of them and never more than the Content-Length says."""
    if environ.get("wsgi.input_terminated"):
        return environ["wsgi.input"].read(size)
    left = environ.setdefault("rally.body_left", int(environ.get("CONTENT_LENGTH") or 0))
    data = environ["wsgi.input"].read(min(size, left)) if left else b""
    environ["rally.body_left"] = left - len(data)
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
