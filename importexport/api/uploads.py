"""The file of a multipart/form-data body (RFC 7578), read as a stream: limits hold before anything is buffered."""

import contextlib
import tempfile
from collections.abc import Generator
from email.message import Message
from typing import Any, BinaryIO, NamedTuple

import multipart
from django.conf import settings
from django.http import HttpRequest

from importexport import errors
from importexport.api.problems import Problem
from importexport.files.csv_reader import check_kind
from importexport.http.bodies import BESIDES, HEAD, deadline, read_body

FIELD = "file"
#: The server gives no less than it is asked for, so the first pieces are small: a file's kind shows at once.
FIRST_CHUNK, CHUNK = 1024, 64 * 1024
#: How much of a file is kept in memory; the rest of it waits on disk.
IN_MEMORY = 512 * 1024
PARTS = 100
PLAIN_ENCODINGS = {"7bit", "8bit", "binary"}
#: What a file's name in the extended form can be written in.
CHARSETS = {"utf-8", "iso-8859-1"}


class Received(NamedTuple):
    """An uploaded file, from its start and to be closed by whoever got it, and its name as the client gave it."""

    file: BinaryIO
    name: str


def receive_file(request: HttpRequest) -> Received:
    """Return the uploaded file and its name.

    Raises Problem (400, 408, 415), NotCsv as soon as the first bytes show another kind of file, and TooLarge as soon
    as there are more than RALLY_IMPORT_MAX_BYTES.
    """
    # Not strict: what stands before the first boundary and after the last is to be ignored (RFC 2046, section 5.1.1).
    # And in Latin-1, in which every byte means something, whatever the file's name is written in.
    parser = multipart.PushMultipartParser(boundary_of(request), max_segment_count=PARTS, header_charset="latin-1")
    upload = Upload()
    try:
        with contextlib.closing(body_chunks(request)) as chunks:
            for chunk in chunks:
                upload.take_chunk(chunk)
                for event in parser.parse(chunk):
                    upload.take(event)
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
    if kind != "multipart/form-data":
        raise Problem(415, f"The body must be multipart/form-data with the CSV file in the field '{FIELD}'.")
    boundary = options.get("boundary", "")
    if not boundary or len(boundary) > 200 or not boundary.isascii() or not boundary.isprintable():
        raise Problem(400, "The Content-Type names no valid boundary.")
    return boundary


class Upload:
    """Takes a parser's events and keeps the file among them."""

    def __init__(self) -> None:
        self._file: tempfile.SpooledTemporaryFile | None = None
        self._in_file = False
        self._name = ""
        self._head = b""
        self._size = 0
        self._besides = 0

    def take_chunk(self, chunk: bytes) -> None:
        """Count a piece of the body; what turns out to be the file's is counted off again."""
        if self._besides > BESIDES + CHUNK:
            raise Problem(413, f"The body has more than {BESIDES} bytes beside the file.")
        self._besides += len(chunk)

    def take(self, event: Any) -> None:
        """Take the start of a segment, some of its bytes, or its end (None)."""
        if isinstance(event, multipart.MultipartSegment):
            self._begin(event)
        elif event is not None and self._in_file:
            self._write(bytes(event))

    def finish(self) -> Received:
        """Return the file, from its start, and its name; raise a 400 where none came."""
        if self._file is None:
            raise Problem(400, f"There is no file. Send it as multipart/form-data in the field '{FIELD}', with a name.")
        self._file.seek(0)
        return Received(self._file, self._name)  # type: ignore[arg-type]

    def close(self) -> None:
        """Forget the file."""
        if self._file is not None:
            self._file.close()

    def _begin(self, segment: Any) -> None:
        name = file_name(segment) if segment.name == FIELD else ""
        self._in_file = bool(name)
        if not name:
            return
        if self._file is not None:
            raise Problem(400, f"There is more than one file in the field '{FIELD}'.")
        check_transfer_encoding(segment)
        self._name = name
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the caller closes it

    def _write(self, data: bytes) -> None:
        assert self._file is not None
        if len(self._head) < HEAD:
            self._head += data[:HEAD]
            check_kind(self._head)
        self._besides -= len(data)
        self._size += len(data)
        if self._size > settings.RALLY_IMPORT_MAX_BYTES:
            raise errors.TooLarge(settings.RALLY_IMPORT_MAX_BYTES)
        self._file.write(data)


def file_name(segment: Any) -> str:
    """Return the name of a part's file, "" where it has none; raise a 400 where it can only be guessed.

    The extended form, ``filename*=UTF-8''…`` (RFC 8187), may stand alone, though RFC 7578 advises against it, and
    counts where both are given; where it says nothing, the plain one counts (RFC 6266).
    """
    plain = (segment.filename or "").encode("latin-1").decode(errors="replace")
    try:
        return extended_name(dict(segment.headerlist).get("Content-Disposition", "")) or plain
    except (ValueError, TypeError):  # The parts of a name in pieces that contradict each other are a TypeError.
        if plain:
            return plain
        raise Problem(400, "The file's name is malformed: 'filename*' must begin with UTF-8''.") from None


def extended_name(disposition: str) -> str:
    """Return the ``filename*`` of a Content-Disposition, "" where it has none.

    Raises ValueError for a character set that RFC 8187 does not know: some of Python's make anything of a text.
    """
    message = Message()
    message["Content-Disposition"] = disposition
    for name, value in message.get_params([], "content-disposition"):
        if name.lower() == "filename" and isinstance(value, tuple):
            charset, _language, text = value
            if (charset or "utf-8").lower() not in CHARSETS:
                raise ValueError(charset)
            return text.encode("latin-1", "replace").decode(charset or "utf-8", "replace")
    return ""


def check_transfer_encoding(segment: Any) -> None:
    """Raise a 400 for a file in base64 or quoted-printable, which forms have not used since RFC 7578."""
    encoding = dict(segment.headerlist).get("Content-Transfer-Encoding", "binary").strip()
    if encoding.lower() not in PLAIN_ENCODINGS:
        raise Problem(400, f"The file comes in the Content-Transfer-Encoding '{encoding[:100]}'. Send it as it is.")


def body_chunks(request: HttpRequest) -> Generator[bytes]:
    """Yield the body, with or without a Content-Length, as it comes in.

    Django would take a body without a Content-Length (``Transfer-Encoding: chunked``) for an empty one, so the
    server's own stream is read. Raises a 408 when the client stands still or takes too long altogether.
    """
    whole, idle = settings.RALLY_UPLOAD_TIMEOUT, settings.RALLY_UPLOAD_IDLE_TIMEOUT
    with deadline(request.META.get("gunicorn.socket"), whole=whole, idle=idle) as is_over:
        size = FIRST_CHUNK
        while True:
            try:
                chunk = read_body(request.META, size)
            except TimeoutError:
                raise Problem(408, f"The body stood still for {idle} seconds.") from None
            except Exception:  # noqa: BLE001 - a server has errors of its own for a body that breaks off or is malformed
                raise Problem(400, "The body stopped before its end, or is malformed.") from None
            if is_over():
                raise Problem(408, f"The body took longer than {whole} seconds.")
            if not chunk:
                return
            yield chunk
            size = min(2 * size, CHUNK)
