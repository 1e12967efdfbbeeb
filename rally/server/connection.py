"""The connection of a client: the received part of its next request, and its state."""

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

#: The number of bytes to receive at once.
RECEIVED = 64 * 1024
#: Steps, and bytes per step, in which an unread body is discarded that has already arrived. A chunked body takes
#: longer, since each chunk may be a single byte.
SKIP, SKIP_CHUNKED = (4, 1024 * 1024), (1, 64 * 1024)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
PAGE = "<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{sentence}</p></body></html>\n"
NEVER = float("inf")


class Phase(Enum):
    """What a connection is waiting for."""

    #: The client: the head and the body of the next request.
    HEAD = "head"
    BODY = "body"
    #: A turn among its tenant's requests; a thread, which responds.
    LINE = "line"
    WORK = "work"
    #: The client: to accept the rest of a response, and to stop sending after the last one.
    FLUSH = "flush"
    LINGER = "linger"


#: Phases that end only through the client.
CLIENT_PHASES = {Phase.HEAD, Phase.BODY, Phase.FLUSH, Phase.LINGER}


class PatientRequest(Request):
    """A request that closes its connection if the rest of its body has not arrived yet."""

    _is_read: bool | None = None

    def should_close(self) -> bool:
        """Whether no other request can follow. Called before the head of the response is sent, which announces it."""
        return super().should_close() or not self._has_been_read()

    def _has_been_read(self) -> bool:
        if self._is_read is None:
            self._is_read = self._skip_rest()
        return self._is_read

    def _skip_rest(self) -> bool:
        """Discard the part of the body that has arrived; return whether that was all of it."""
        steps, size = SKIP if isinstance(self.body.reader, LengthReader) else SKIP_CHUNKED
        try:
            for _ in range(steps):
                if self.body.failed or len(self.body.read(size)) < size:
                    return not self.body.failed
        except Exception:  # noqa: BLE001 - gunicorn has many errors for malformed bodies, and this one is unused
            return False
        return False


class PatientParser(RequestParser):
    """gunicorn's parser, creating PatientRequests."""

    mesg_class = PatientRequest


class Connection(TConn):
    """A connection, used by the loop and, in turns, by one thread."""

    def __init__(
        self, cfg: Any, connection: socket.socket, client: Any, server: Any, *, patience: float, on_event: Callable
    ) -> None:
        super().__init__(cfg, PatientSocket(connection, patience=patience), client, server)
        # Otherwise gunicorn would read the first bytes in a thread.
        self.initialized = self.data_ready = True
        self.parser = PatientParser(cfg, self.sock, client)
        self.on_event = partial(on_event, self)
        #: The events the poller watches for (selectors.EVENT_*), or 0.
        self.watched = 0
        self.enter(Phase.HEAD, NEVER)
        self.turn: Turn | None = None
        #: Whether another request may follow the current one.
        self.is_kept = True
        #: The deadline (time.monotonic) for the request body or the rest of the response.
        self.end = NEVER
        #: The number of bytes that may still be discarded.
        self.allowance = 0
        self.reset()

    def enter(self, phase: Phase, seconds: float) -> None:
        """Enter a phase, for a limited number of seconds."""
        self.phase = phase
        self.since = time.monotonic()
        self.due = self.since + seconds

    def reset(self, rest: bytes = b"") -> None:
        """Prepare for the next request, the start of which may already have arrived."""
        self.buffer = bytearray(rest)
        self.head = heads.NONE
        self._searched = self._needed = 0
        self.has_been_asked = False

    # --- requests ---

    @property
    def has_head(self) -> bool:
        """Whether the head of the request has arrived."""
        return self.head is not heads.NONE

    def has_request(self) -> bool:
        """Whether as much of a request has arrived as a thread needs; raise Refusal if it is invalid."""
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
        """Pass the received bytes to gunicorn's parser."""
        self.parser.unreader.unread(bytes(self.buffer))
        self.buffer.clear()

    def take_back(self) -> bytes:
        """Return the bytes received after the end of the request."""
        return self.parser.unreader.take_buffered()

    # --- responses ---

    def refuse(self, refusal: Refusal) -> None:
        """Send an error response without using a thread."""
        title = f"{refusal.status} {HTTPStatus(refusal.status).phrase}"
        page = PAGE.format(title=title, sentence=html.escape(str(refusal))).encode()
        head = f"HTTP/1.1 {title}\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: {len(page)}"
        self.sock.sendall(head.encode() + heads.END + page)
        self.is_kept = False

    @property
    def held(self) -> int:
        """The bytes of memory that the connection uses."""
        return len(self.buffer) + self.sock.kept

    def close(self, graceful: bool = False) -> None:
        """Close the connection immediately: the loop has already lingered."""
        self.sock.close()
