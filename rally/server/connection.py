"""One client's connection: what has come of its next request, and where it stands."""

import html
import socket
import time
from collections.abc import Callable
from enum import Enum
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn.http.body import LengthReader
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn

from rally.server import heads
from rally.server.heads import Refusal
from rally.server.shares import Turn
from rally.server.sockets import PatientSocket

#: Bytes that are asked of a socket at once.
RECEIVED = 64 * 1024
#: Steps, and bytes of each, in which a body is skipped that nobody wanted and that has come: in chunks, of which each
#: may be one byte, it takes longer.
SKIP, SKIP_CHUNKED = (4, 1024 * 1024), (1, 64 * 1024)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
PAGE = "<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{sentence}</p></body></html>\n"
NEVER = float("inf")


class Phase(Enum):
    """What a connection waits for."""

    #: The next request: its head, its body.
    HEAD = "head"
    BODY = "body"
    #: Its tenant's other requests, and being answered by a thread.
    LINE = "line"
    WORK = "work"
    #: The client: to take the rest of an answer, and to stop sending after the last one.
    FLUSH = "flush"
    LINGER = "linger"


#: Phases in which it is the client that keeps us waiting.
DAWDLING = {Phase.HEAD, Phase.BODY, Phase.FLUSH, Phase.LINGER}


class PatientRequest(Request):
    """A request whose connection is closed after it where somebody would have to wait for the rest of its body."""

    _is_read: bool | None = None

    def should_close(self) -> bool:
        """Whether no other request can follow; asked when the answer is ready to be sent, which says so."""
        return super().should_close() or not self._has_been_read()

    def _has_been_read(self) -> bool:
        if self._is_read is None:
            self._is_read = self._skip_rest()
        return self._is_read

    def _skip_rest(self) -> bool:
        """Forget what has come of the body; return whether that was the rest."""
        steps, size = SKIP if isinstance(self.body.reader, LengthReader) else SKIP_CHUNKED
        try:
            for _ in range(steps):
                if self.body.failed or len(self.body.read(size)) < size:
                    return not self.body.failed
        except Exception:  # noqa: BLE001 - gunicorn has many errors for a malformed body, which nobody wanted anyway
            return False
        return False


class PatientParser(RequestParser):
    """gunicorn's parser, making requests of ours."""

    mesg_class = PatientRequest


class Connection(TConn):
    """A connection, as the loop and, in turns, one thread see it."""

    def __init__(
        self, cfg: Any, connection: socket.socket, client: Any, server: Any, *, patience: float, on_event: Callable
    ) -> None:
        super().__init__(cfg, PatientSocket(connection, patience=patience), client, server)
        # For gunicorn, which would read the first bytes in a thread.
        self.initialized = self.data_ready = True
        self.parser = PatientParser(cfg, self.sock, client)
        self.on_event = partial(on_event, self)
        #: What the poller tells of it (selectors.EVENT_*), 0 for nothing.
        self.watched = 0
        self.enter(Phase.HEAD, NEVER)
        self.turn: Turn | None = None
        #: Whether another request may follow the present one.
        self.is_kept = True
        #: Until when (time.monotonic) its body, or the rest of its answer, has to be through.
        self.end = NEVER
        #: Bytes that are read and forgotten at most.
        self.allowance = 0
        self.start_anew()

    def enter(self, phase: Phase, seconds: float) -> None:
        """Begin to wait for something, for so long at most."""
        self.phase = phase
        self.since = time.monotonic()
        self.due = self.since + seconds

    def start_anew(self, rest: bytes = b"") -> None:
        """Expect the next request, of which something may have come already."""
        self.buffer = bytearray(rest)
        self.head = heads.NONE
        self._searched = self._needed = 0
        self.has_been_asked = False

    # --- a request comes in ---

    @property
    def has_head(self) -> bool:
        """Whether the request's head has come."""
        return self.head is not heads.NONE

    def has_request(self) -> bool:
        """Whether as much of a request has come as a thread is to get; raises Refusal."""
        if not self.has_head and not self._take_head():
            return False
        return len(self.buffer) >= self._needed

    def _take_head(self) -> bool:
        end = heads.find_end(self.buffer, self._searched)
        self._searched = len(self.buffer)
        if end < 0:
            return False
        self.head = heads.read_head(bytes(self.buffer[:end]))
        self._needed = end + heads.body_to_read(self.head)
        if self.head.expects_continue and len(self.buffer) < self._needed:
            self.sock.sendall(CONTINUE)
            self.has_been_asked = True
        return True

    def hand_over(self) -> None:
        """Give what has come to gunicorn's parser."""
        self.parser.unreader.unread(bytes(self.buffer))
        self.buffer.clear()

    def take_back(self) -> bytes:
        """Return what has come beyond the request that was answered."""
        return self.parser.unreader.take_buffered()

    # --- an answer goes out ---

    def refuse(self, refusal: Refusal) -> None:
        """Answer what no thread is to answer."""
        title = f"{refusal.status} {HTTPStatus(refusal.status).phrase}"
        page = PAGE.format(title=title, sentence=html.escape(str(refusal))).encode()
        head = f"HTTP/1.1 {title}\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: {len(page)}"
        self.sock.sendall(head.encode() + heads.END + page)
        self.is_kept = False

    @property
    def held(self) -> int:
        """The bytes of memory that wait in it."""
        return len(self.buffer) + self.sock.kept

    def close(self, graceful: bool = False) -> None:
        """Close it at once: the loop has lingered."""
        self.sock.close()
