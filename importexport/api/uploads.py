"""The file of a multipart/form-data body (RFC 7578), read as a stream: limits hold before anything is buffered."""

import contextlib
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

import multipart
from django.conf import settings
from django.http import HttpRequest

from importexport import faults
from importexport.api.problems import Problem
from importexport.reading import check_kind

FIELD = "file"
CHUNK = 64 * 1024
#: How much of a file is kept in memory; the rest of it waits on disk.
IN_MEMORY = 512 * 1024
HEAD = 16
#: Bytes of form fields other than the file, which are read and forgotten.
OTHER_FIELDS = 64 * 1024
#: What is read of a refused body, lest the connection be reset before the client has read the answer.
DRAIN_SECONDS, DRAIN_BYTES = 5, 256 * 1024 * 1024


def receive_file(request: HttpRequest) -> BinaryIO:
    """Return the uploaded file, to be closed by the caller.

    Raises Problem (400, 408, 415), NotCsv as soon as the first bytes show another kind of file, and TooLarge as soon
    as there are more than RALLY_IMPORT_MAX_BYTES.
    """
    parser = multipart.PushMultipartParser(boundary_of(request), max_segment_count=100, strict=True)
    upload = Upload()
    try:
        for chunk in body_chunks(request):
            for event in parser.parse(chunk):
                upload.take(event)
            if parser.closed:
                break
        parser.close()
        return upload.finish()
    except multipart.MultipartError as error:
        upload.close()
        raise Problem(400, f"The multipart body is malformed: {error}.") from None
    except BaseException:
        upload.close()
        raise


def boundary_of(request: HttpRequest) -> str:
    """Return the boundary that the Content-Type names; raise a 415 for another type, a 400 where there is none."""
    kind, options = multipart.parse_options_header(request.META.get("CONTENT_TYPE", ""))
    if kind.strip().lower() != "multipart/form-data":
        raise Problem(415, "The body must be multipart/form-data with the CSV file in the field 'file'.")
    boundary = options.get("boundary", "")
    if not boundary or len(boundary) > 200 or not boundary.isascii() or not boundary.isprintable():
        raise Problem(400, "The Content-Type names no valid boundary.")
    return boundary


class Upload:
    """Takes a parser's events and keeps the file among them."""

    def __init__(self) -> None:
        self._file: tempfile.SpooledTemporaryFile | None = None
        self._segment: Any = None
        self._head = b""
        self._size = 0
        self._others = 0

    def take(self, event: Any) -> None:
        """Take the start of a segment, some of its bytes, or its end (None)."""
        if isinstance(event, multipart.MultipartSegment):
            self._begin(event)
        elif event is not None and self._is_file():
            self._write(bytes(event))
        elif event is not None:
            self._others += len(event)
            if self._others > OTHER_FIELDS:
                raise Problem(400, "The form fields other than the file are too large.")

    def finish(self) -> BinaryIO:
        """Return the file, from its start; raise a 400 where none came."""
        if self._file is None:
            raise Problem(400, f"There is no file. Send it as multipart/form-data in the field '{FIELD}'.")
        self._file.seek(0)
        return self._file  # type: ignore[return-value]

    def close(self) -> None:
        """Forget the file."""
        if self._file is not None:
            self._file.close()

    def _begin(self, segment: Any) -> None:
        self._segment = segment
        if not self._is_file():
            return
        if self._file is not None:
            raise Problem(400, f"There is more than one file in the field '{FIELD}'.")
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the caller closes it

    def _is_file(self) -> bool:
        return self._segment.name == FIELD and bool(self._segment.filename)

    def _write(self, data: bytes) -> None:
        assert self._file is not None
        if len(self._head) < HEAD:
            self._head += data[:HEAD]
            check_kind(self._head)
        self._size += len(data)
        if self._size > settings.RALLY_IMPORT_MAX_BYTES:
            raise faults.TooLarge(settings.RALLY_IMPORT_MAX_BYTES)
        self._file.write(data)


def body_chunks(request: HttpRequest) -> Iterator[bytes]:
    """Yield the body, with or without a Content-Length, as it comes in.

    Django would take a body without a Content-Length (``Transfer-Encoding: chunked``) for an empty one, so the
    server's own stream is read. Raises a 408 when the client stands still or takes too long altogether.
    """
    with deadline(request.META.get("gunicorn.socket")) as is_over:
        while True:
            try:
                chunk = read_body(request.META, CHUNK)
            except TimeoutError:
                raise Problem(408, "The body stood still for too long.") from None
            except (OSError, ValueError):  # The client went away, or its chunks are malformed.
                raise Problem(400, "The body stopped before its end, or is malformed.") from None
            if is_over():
                raise Problem(408, f"The body took longer than {settings.RALLY_UPLOAD_TIMEOUT} seconds.")
            if not chunk:
                return
            yield chunk


def read_body(environ: dict[str, Any], size: int) -> bytes:
    """Return the next bytes of the body, at most ``size`` of them and never more than the Content-Length says."""
    if environ.get("wsgi.input_terminated"):
        return environ["wsgi.input"].read(size)
    left = environ.setdefault("rally.body_left", int(environ.get("CONTENT_LENGTH") or 0))
    data = environ["wsgi.input"].read(min(size, left)) if left else b""
    environ["rally.body_left"] = left - len(data)
    return data


@contextlib.contextmanager
def deadline(connection: socket.socket | None) -> Iterator[Any]:
    """Bound the time of reading from a connection: each step, and the whole; gives "is the whole over?"."""
    over = threading.Event()
    if connection is None:
        yield over.is_set
        return

    def end() -> None:
        over.set()
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RD)

    before = connection.gettimeout()
    connection.settimeout(settings.RALLY_UPLOAD_IDLE_TIMEOUT)
    timer = threading.Timer(settings.RALLY_UPLOAD_TIMEOUT, end)
    timer.daemon = True
    timer.start()
    try:
        yield over.is_set
    finally:
        timer.cancel()
        connection.settimeout(before)


def has_body(environ: dict[str, Any]) -> bool:
    """Whether a request announces a body."""
    return environ.get("CONTENT_LENGTH", "") not in {"", "0"} or "HTTP_TRANSFER_ENCODING" in environ


def drain(environ: dict[str, Any]) -> None:
    """Read what is left of a body after its answer was sent, within bounds; hang up where there is more.

    Closing a connection with unread data resets it, and the reset can overtake the answer.
    """
    connection = environ.get("gunicorn.socket")
    if connection is None:
        return
    end, left = time.monotonic() + DRAIN_SECONDS, DRAIN_BYTES
    connection.settimeout(DRAIN_SECONDS)
    with contextlib.suppress(OSError, ValueError):
        while left > 0 and time.monotonic() < end:
            data = read_body(environ, CHUNK)
            if not data:
                connection.settimeout(None)
                return
            left -= len(data)
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
