"""gunicorn's threaded worker, with bounded patience.

gunicorn reads a request's head, and a body, for as long as the client takes: as many clients that stop half-way as
there are threads would stop the service. It also lingers, up to two seconds a connection, in the one loop that all
connections share. Here every step has an end, and the lingering is done by the connection's own thread.
"""

import errno
import socket
import time
from typing import Any

from django.conf import settings
from gunicorn.workers.gthread import TConn, ThreadWorker


class PatientSocket(socket.socket):
    """A connection on which "blocking" means "for so long": each step, and the reading of a request's head."""

    #: Seconds that the client may stand still.
    patience: float = 30
    #: When the head of the request has to be there; None while a body is read, which has its own deadline.
    head_due: float | None = None

    def setblocking(self, flag: bool, /) -> None:
        """Wait with patience, or not at all; a closed connection has nothing to wait for."""
        if self.fileno() >= 0:
            self.settimeout(self.patience if flag else 0.0)

    def recv(self, *args: Any) -> bytes:
        """Receive; raise a TimeoutError, which looks like a lost connection to gunicorn, when it takes too long."""
        if self.head_due is not None:
            self.settimeout(max(self.head_due - time.monotonic(), 0.001))
        try:
            return super().recv(*args)
        except TimeoutError:
            raise TimeoutError(errno.ECONNRESET, "The client stood still.") from None

    def sendall(self, *args: Any) -> None:
        """Send; raise as recv does when the client does not take it."""
        try:
            super().sendall(*args)
        except TimeoutError:
            raise TimeoutError(errno.EPIPE, "The client stood still.") from None


class PatientWorker(ThreadWorker):
    """A worker whose threads cannot be held by clients that stand still."""

    def enqueue_req(self, conn: TConn) -> None:
        """Hand a connection to a thread, the first time with a socket of ours."""
        if not isinstance(conn.sock, PatientSocket):
            conn.sock = PatientSocket(fileno=conn.sock.detach())
            conn.sock.patience = settings.RALLY_UPLOAD_IDLE_TIMEOUT
        super().enqueue_req(conn)

    def handle(self, conn: TConn) -> Any:
        """Answer a request; where the connection ends with it, end it here rather than in the loop of all."""
        conn.sock.head_due = time.monotonic() + conn.sock.patience
        outcome = super().handle(conn)
        if not outcome:
            # Who did not even send a whole head waits for no answer.
            stood_still = conn.sock.head_due is not None and time.monotonic() >= conn.sock.head_due
            conn.sock.head_due = None
            conn.close(graceful=not stood_still)
        return outcome

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answer a request whose head has come."""
        conn.sock.head_due = None
        conn.sock.setblocking(True)
        return super().handle_request(req, conn)
