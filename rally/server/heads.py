"""A first look at the head of a request: when it needs a thread, and who sent it.

gunicorn's parser remains the authority and rejects invalid requests itself. If the two disagree about the body, the
thread finds nothing to read, and does not wait for it.
"""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from django.conf import settings

#: The maximum size of a head. Valid requests exceed gunicorn's own limits on lines and their number much earlier.
LIMIT = 64 * 1024
#: The size of a first line from which gunicorn rejects the request.
LINE_LIMIT = 8192
END = b"\r\n\r\n"
#: Paths of requests with an API key, and of responses that are the same for everybody.
API, STATIC = "/api/", "/static/"
#: Admin pages that accept files. They check the user before they read the body, and have deadlines.
IMPORT_PAGE = re.compile(r"/admin/[^/]+/[^/]+/import/")
#: Files that are made while they are downloaded: exports, rejected rows, and the rows of an import.
DOWNLOAD = re.compile(
    r"/api/(?:v1/)?importexport/(?:[^/]+/export(?:/excel)?|imports/[^/]+/rejected|exports/[^/]+/file)/?"
    r"|/admin/[^/]+/[^/]+/(?:export/file|[^/]+/rejected|[^/]+/rows)/"
)
#: Files that are there already, of which clients can ask for a part.
PREPARED = re.compile(r"/api/(?:v1/)?importexport/exports/[^/]+/file/?")
#: A file as well if the query asks for CSV; otherwise a page of rows.
ROWS = re.compile(r"/api/(?:v1/)?importexport/imports/[^/]+/rows/?")

_FIELDS = re.compile(rb"\r\n(content-length|transfer-encoding|x-api-key|cookie|expect):[ \t]*([^\r\n]*)", re.IGNORECASE)
_ORIGIN = re.compile(rb"\A[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")


class Refusal(Exception):
    """A request rejected without using a thread: an HTTP status and a message for the client."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Head:
    """The relevant parts of a request's head."""

    #: The request target without the query string, as sent and decoded.
    target: bytes = b""
    path: str = ""
    #: The length of the body; 0 if it is chunked or invalid.
    length: int = 0
    expects_continue: bool = False
    #: A digest of the API key or session; None without either.
    caller: bytes | None = None
    #: Whether the response is a file that is made while it is sent.
    is_download: bool = False


#: The head of a request that has not arrived yet.
NONE = Head()


def find_end(data: bytearray, start: int = 0) -> int:
    """Return the end of the head, or -1 if it is incomplete; raise Refusal(431) if it is too large.

    Searches only what arrived after ``start``. Data that can never become a valid head ends at the end of the data, so
    that gunicorn's parser reports the error.
    """
    end = data.find(END, max(start - 3, 0))
    if end >= 0:
        return end + len(END)
    if _is_hopeless(data, start):
        return len(data)
    if len(data) > LIMIT:
        raise Refusal(431, "The headers are too large.")
    return -1


def _is_hopeless(data: bytearray, start: int) -> bool:
    """Whether there is a bare line feed, or a first line that is too long."""
    if data.count(b"\n", start) != data.count(b"\r\n", max(start - 1, 0)):
        return True
    return len(data) > LINE_LIMIT and b"\r\n" not in data[:LINE_LIMIT]


def read_head(data: bytes) -> Head:
    """Parse a complete head."""
    line = data[: data.find(b"\r\n", 2)].lstrip(b"\r\n")
    target, query = _target(line)
    fields: dict[bytes, bytes] = {name.lower(): value.strip() for name, value in _FIELDS.findall(data)}
    path = unquote(target.decode("latin-1"))
    length = fields.get(b"content-length", b"")
    return Head(
        target=target,
        path=path,
        length=int(length) if length.isdigit() and len(length) < 20 and b"transfer-encoding" not in fields else 0,
        expects_continue=fields.get(b"expect", b"").lower() == b"100-continue" and line.endswith(b" HTTP/1.1"),
        caller=caller_of(path, fields),
        is_download=line.startswith(b"GET ") and is_download(path, query),
    )


def is_download(path: str, query: bytes) -> bool:
    """Whether the response to a GET is a file that is made while it is sent."""
    if ROWS.fullmatch(path):
        return "csv" in parse_qs(query.decode("latin-1")).get("format", ())
    return DOWNLOAD.fullmatch(path) is not None


def _target(line: bytes) -> tuple[bytes, bytes]:
    parts = line.split(b" ", 2)
    target = parts[1] if len(parts) == 3 else b""
    if not target.startswith(b"/"):
        target = _ORIGIN.sub(b"", target, count=1)
    target, _, query = target.partition(b"#")[0].partition(b"?")
    return target, query


def caller_of(path: str, fields: dict[bytes, bytes]) -> bytes | None:
    """Return a digest that identifies the sender: the API key for the API, otherwise the session."""
    if path.startswith(STATIC):
        return None
    given = fields.get(b"x-api-key") if path.startswith(API) else _session(fields.get(b"cookie", b""))
    return hashlib.sha256(given).digest() if given else None


def _session(cookies: bytes) -> bytes | None:
    name = settings.SESSION_COOKIE_NAME.encode()
    for cookie in cookies.split(b";"):
        if cookie.strip().startswith(name + b"="):
            return cookie.strip()
    return None


def body_to_read(head: Head) -> int:
    """Return the number of bytes of the body to read before using a thread; raise Refusal(413) if it is too long.

    The API checks the key before it reads the body, and has deadlines. Elsewhere Django reads the body as needed, which
    would block its thread; of a file in the admin, only if it is small is it read for somebody who is not signed in.
    Django treats a chunked body as empty.
    """
    is_small = head.length <= (limit := settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    if head.path.startswith(API) or (IMPORT_PAGE.fullmatch(head.path) and not is_small):
        return 0
    if not is_small:
        raise Refusal(413, f"The body has more than {limit} bytes.")
    return head.length
