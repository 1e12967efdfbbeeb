"""A look at a request's head: what decides when a thread is taken, and whose request it is.

gunicorn's parser remains the authority: what it refuses is refused, whatever is seen here. Where the two disagree about
a body, the thread finds nothing to read, and does not wait for it.
"""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import unquote

from django.conf import settings

#: Bytes of a head; gunicorn's own limits, for its lines and their number, are met long before in any honest one.
LIMIT = 64 * 1024
#: Bytes of a first line that gunicorn refuses, whatever follows.
LINE_LIMIT = 8192
END = b"\r\n\r\n"
#: Paths whose requests carry a program's key, and those which are the same for everybody.
API, STATIC = "/api/", "/static/"
#: The admin's pages that take files. They look at who is signed in before they read one, and they have deadlines.
IMPORT_PAGE = re.compile(r"/admin/[^/]+/[^/]+/import/")

_FIELDS = re.compile(rb"\r\n(content-length|transfer-encoding|x-api-key|cookie|expect):[ \t]*([^\r\n]*)", re.IGNORECASE)
_ORIGIN = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")


class Refusal(Exception):
    """A request that is answered without a thread: a status, and a sentence for whoever reads the answer."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Head:
    """What a head says of the request."""

    #: Its target up to the query, as it was sent; and decoded, as views see it.
    target: bytes = b""
    path: str = ""
    #: Bytes of its body; 0 where it comes in chunks, or is malformed.
    length: int = 0
    expects_continue: bool = False
    #: A digest of the key or the session that it came with; None where it belongs to nobody.
    caller: bytes | None = None


#: The head of a request that has not come yet.
NONE = Head()


def find_end(data: bytearray, start: int = 0) -> int:
    """Return where the head ends, -1 where it goes on. Looks at what came since ``start``; raises a 431 Refusal.

    Of what will never be a head, its end is that of the data: for gunicorn's parser to say what is wrong.
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
    """Whether there is a bare line feed, or a first line without an end."""
    if data.count(b"\n", start) != data.count(b"\r\n", max(start - 1, 0)):
        return True
    return len(data) > LINE_LIMIT and b"\r\n" not in data[:LINE_LIMIT]


def read_head(data: bytes) -> Head:
    """Return what a whole head says."""
    line = data[: data.find(b"\r\n", 2)].lstrip(b"\r\n")
    target = _target(line)
    fields: dict[bytes, bytes] = {name.lower(): value.strip() for name, value in _FIELDS.findall(data)}
    path = unquote(target.decode("latin-1"))
    length = fields.get(b"content-length", b"")
    return Head(
        target=target,
        path=path,
        length=int(length) if length.isdigit() and len(length) < 20 and b"transfer-encoding" not in fields else 0,
        expects_continue=fields.get(b"expect", b"").lower() == b"100-continue" and line.endswith(b" HTTP/1.1"),
        caller=caller_of(path, fields),
    )


def _target(line: bytes) -> bytes:
    parts = line.split(b" ", 2)
    target = parts[1] if len(parts) == 3 else b""
    if not target.startswith(b"/"):
        target = _ORIGIN.sub(b"", target, count=1)
    return re.split(rb"[?#]", target, maxsplit=1)[0]


def caller_of(path: str, fields: dict[bytes, bytes]) -> bytes | None:
    """Return a digest of what a request says of who sends it: of the API its key, elsewhere the session."""
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
    """Return how many bytes of a body are read before a thread is taken; raise a 413 Refusal where they are too many.

    The API judges the key before it reads, and has deadlines. Everywhere else Django reads as it needs, and would wait
    in its thread. A body in chunks is an empty one to Django.
    """
    if head.path.startswith(API) or IMPORT_PAGE.fullmatch(head.path):
        return 0
    if head.length > (limit := settings.DATA_UPLOAD_MAX_MEMORY_SIZE):
        raise Refusal(413, f"The body has more than {limit} bytes.")
    return head.length
