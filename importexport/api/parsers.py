"""The parser for multipart/form-data (RFC 7578), which reads the body as a stream."""

import contextlib
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping
from email.message import Message
from socket import socket
from typing import Any, BinaryIO, cast

import multipart
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser, DataAndFiles
from rest_framework.request import Request

from importexport import errors
from importexport.api.causes import Cause
from importexport.api.preferences import prefers_async
from importexport.api.problems import Problem
from importexport.errors import counted
from importexport.files.signatures import check_kind
from importexport.http.bodies import BESIDES, HEAD, deadline

FIELD = "file"
WRONG_BODY = f"The body must be multipart/form-data with the CSV file in the field '{FIELD}'."
#: The server blocks until it has as many bytes as were asked for, so the first reads are small: they show the file's
#: type early.
FIRST_CHUNK, CHUNK = 1024, 64 * 1024
#: Bytes of a file that are kept in memory; a larger file is written to disk.
IN_MEMORY = 512 * 1024
PARTS = 100
PLAIN_ENCODINGS = {"7bit", "8bit", "binary"}
#: The character sets of a file name in the extended form.
CHARSETS = {"utf-8", "iso-8859-1"}


class ReceivedFile(UploadedFile):
    """An uploaded file under the name that the client gave it; Django would change or reject some names."""

    name: str = ""
    file: BinaryIO


class UploadParser(BaseParser):
    """Reads the file and the fields of a form. Limits are checked before anything is buffered."""

    media_type = "multipart/form-data"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> DataAndFiles:
        """Return the form's file as the field FIELD, and its other fields; bytes that are not UTF-8 become surrogates.

        Raises Problem (400, 408), NotCsv as soon as the first bytes show another type of file, TooLarge as soon as the
        file exceeds RALLY_IMPORT_MAX_BYTES, or RALLY_IMPORT_MAX_BYTES_ASYNC if a worker will import it, and
        StorageUnavailable if the disk is full.
        """
        request = (parser_context or {}).get("request")
        connection = request.META.get("gunicorn.socket") if request else None
        is_async = is_for_worker(parser_context or {})
        limit = settings.RALLY_IMPORT_MAX_BYTES_ASYNC if is_async else settings.RALLY_IMPORT_MAX_BYTES
        whole = settings.RALLY_UPLOAD_TIMEOUT_ASYNC if is_async else settings.RALLY_UPLOAD_TIMEOUT
        upload = Upload(limit)
        try:
            with contextlib.closing(body_chunks(stream, connection, whole=whole)) as chunks:
                read_parts(chunks, boundary_of(media_type or ""), upload)
            return DataAndFiles(upload.fields(), MultiValueDict({FIELD: [upload.finish()]}))
        except multipart.MultipartError as error:
            upload.close()
            raise Problem(Cause.MALFORMED_BODY, f"The multipart body is malformed: {error}.") from None
        except BaseException:
            upload.close()
            raise


def is_for_worker(parser_context: Mapping[str, Any]) -> bool:
    """Whether a worker will import the file: the endpoint can do so, and the request prefers it."""
    request = parser_context.get("request")
    view = parser_context.get("view")
    return request is not None and getattr(view, "may_be_async", False) and prefers_async(request)


def read_parts(chunks: Iterable[bytes], boundary: str, upload: "Upload") -> None:
    """Feed the parts of a body to an upload; raise MultipartError if the body is malformed."""
    # Not strict: bytes before the first boundary and after the last must be ignored (RFC 2046, section 5.1.1).
    # Latin-1 decodes any bytes, whatever encoding the file's name is in.
    parser = multipart.PushMultipartParser(boundary, max_segment_count=PARTS, header_charset="latin-1")
    for chunk in chunks:
        upload.take_chunk(chunk)
        for event in parser.parse(chunk):
            upload.take(event)
    parser.close()


def received_file(request: Request) -> ReceivedFile:
    """Return the file uploaded with a request.

    Raises what ``UploadParser.parse`` raises, and Problem (415) if the body is not a form.
    """
    try:
        return cast(ReceivedFile, request.FILES[FIELD])
    except UnsupportedMediaType:
        raise Problem(Cause.UNSUPPORTED_MEDIA_TYPE, WRONG_BODY) from None


def boundary_of(content_type: str) -> str:
    """Return the boundary in a Content-Type; raise Problem (400) if there is no valid one."""
    _kind, options = multipart.parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if not boundary or len(boundary) > 200 or not boundary.isascii() or not boundary.isprintable():
        raise Problem(Cause.MALFORMED_BODY, "The Content-Type names no valid boundary.")
    return boundary


class Upload:
    """Collects the file, of at most ``limit`` bytes, and the fields from a parser's events."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._file: tempfile.SpooledTemporaryFile | None = None
        self._fields: list[tuple[str, bytearray]] = []
        #: Takes the bytes of the current segment, if they are wanted.
        self._sink: Callable[[bytes], None] | None = None
        self._name = ""
        self._head = b""
        self._size = 0
        self._besides = 0

    def take_chunk(self, chunk: bytes) -> None:
        """Count a chunk of the body; the bytes that turn out to belong to the file are subtracted again."""
        if self._besides > BESIDES + CHUNK:
            raise Problem(Cause.FORM_TOO_LARGE, f"The body has more than {BESIDES} bytes beside the file.")
        self._besides += len(chunk)

    def take(self, event: Any) -> None:
        """Handle the start of a segment, some of its bytes, or its end (None)."""
        if isinstance(event, multipart.MultipartSegment):
            self._begin(event)
        elif event is not None and self._sink:
            self._sink(bytes(event))

    def fields(self) -> QueryDict:
        """Return the fields beside the file. Some clients give them a file name as well."""
        found = QueryDict(mutable=True)
        for name, value in self._fields:
            found.appendlist(name, value.decode(errors="surrogateescape"))
        return found

    def finish(self) -> ReceivedFile:
        """Return the file, rewound; raise Problem (400) if there is none."""
        if self._file is None:
            raise Problem(
                Cause.NO_FILE, f"There is no file. Send it as multipart/form-data in the field '{FIELD}', with a name."
            )
        self._file.seek(0)
        return ReceivedFile(self._file, self._name, size=self._size)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _begin(self, segment: Any) -> None:
        if segment.name != FIELD:
            value = bytearray()
            self._fields.append((segment.name.encode("latin-1").decode(errors="replace"), value))
            self._sink = value.extend
            return
        name = file_name(segment)
        self._sink = self._write if name else None
        if name:
            self._open(segment, name)

    def _open(self, segment: Any, name: str) -> None:
        if self._file is not None:
            raise Problem(Cause.SEVERAL_FILES, f"There is more than one file in the field '{FIELD}'.")
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
        if self._size > self._limit:
            raise errors.TooLarge(self._limit)
        try:
            self._file.write(data)
        except OSError as error:
            raise errors.StorageUnavailable(is_full=True) from error


def file_name(segment: Any) -> str:
    """Return the file name of a part, or "" if it has none; raise Problem (400) if it is malformed.

    The extended form, ``filename*=UTF-8''…`` (RFC 8187), may be given alone, though RFC 7578 advises against it. It
    wins over the plain one unless it is malformed or empty (RFC 6266).
    """
    plain = (segment.filename or "").encode("latin-1").decode(errors="replace")
    try:
        return extended_name(dict(segment.headerlist).get("Content-Disposition", "")) or plain
    except (ValueError, TypeError):  # Contradictory parts of a name in several parts raise TypeError.
        if plain:
            return plain
        raise Problem(
            Cause.INVALID_FILE_NAME, "The file's name is malformed: 'filename*' must begin with UTF-8''."
        ) from None


def extended_name(disposition: str) -> str:
    """Return the ``filename*`` of a Content-Disposition, or "" if it has none.

    Raises ValueError for a character set that RFC 8187 does not allow: some of Python's codecs are not character sets.
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
    """Raise Problem (400) for a file in base64 or quoted-printable, which RFC 7578 deprecated for forms."""
    encoding = dict(segment.headerlist).get("Content-Transfer-Encoding", "binary").strip()
    if encoding.lower() not in PLAIN_ENCODINGS:
        raise Problem(
            Cause.TRANSFER_ENCODING,
            f"The file comes in the Content-Transfer-Encoding '{encoding[:100]}'. Send it as it is.",
        )


def body_chunks(stream: Any, connection: socket | None, *, whole: int | None = None) -> Generator[bytes]:
    """Yield a body as it arrives; raise Problem (408) if the client stalls, or takes longer than ``whole`` seconds,
    by default RALLY_UPLOAD_TIMEOUT."""
    whole = settings.RALLY_UPLOAD_TIMEOUT if whole is None else whole
    idle = settings.RALLY_UPLOAD_IDLE_TIMEOUT
    with deadline(connection, whole=whole, idle=idle) as is_over:
        size = FIRST_CHUNK
        while True:
            try:
                chunk = stream.read(size)
            except TimeoutError:
                raise Problem(Cause.UPLOAD_STALLED, f"The body stood still for {counted(idle, 'second')}.") from None
            except Exception:  # noqa: BLE001 - servers raise errors of their own for a truncated or malformed body
                raise Problem(Cause.MALFORMED_BODY, "The body stopped before its end, or is malformed.") from None
            if is_over():
                raise Problem(Cause.UPLOAD_TOO_SLOW, f"The body took longer than {counted(whole, 'second')}.")
            if not chunk:
                return
            yield chunk
            size = min(2 * size, CHUNK)
