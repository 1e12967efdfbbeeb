"""A socket on which a thread need not wait for a slow reader: what the client does not take at once is kept."""

import contextlib
import errno
import os
import select
import socket
from collections import deque
from collections.abc import Iterator
from typing import Any

#: Bytes of an answer that are kept for the loop to send; a thread waits only with what is more than these.
KEPT = 512 * 1024
#: Bytes of a file that are sent in one step.
STEP = 1024 * 1024


class Piece:
    """Bytes on their way."""

    def __init__(self, data: bytes | memoryview) -> None:
        self.rest = memoryview(data)

    @property
    def size(self) -> int:
        """The bytes of memory that it holds."""
        return len(self.rest)

    @property
    def is_sent(self) -> bool:
        """Whether all has gone."""
        return not self.rest

    def send(self, connection: socket.socket) -> None:
        """Send what the client takes; raise BlockingIOError where it takes nothing."""
        self.rest = self.rest[socket.socket.send(connection, self.rest) :]

    def close(self) -> None:
        """Let go of it."""
        self.rest.release()


class FilePiece:
    """A part of a file on its way."""

    size = 0

    def __init__(self, file: int, offset: int, count: int) -> None:
        self.file, self.offset, self.left = file, offset, count

    @property
    def is_sent(self) -> bool:
        """Whether all has gone."""
        return not self.left

    def send(self, connection: socket.socket) -> None:
        """Send what the client takes; raise BlockingIOError where it takes nothing."""
        sent = os.sendfile(connection.fileno(), self.file, self.offset, min(self.left, STEP))
        if not sent:
            raise ConnectionAbortedError(errno.ECONNABORTED, "The file has become shorter.")
        self.offset += sent
        self.left -= sent

    def close(self) -> None:
        """Close the file."""
        os.close(self.file)


class PatientSocket(socket.socket):
    """A client's connection. It never waits, except as settimeout() says, and with more than KEPT to send."""

    def __init__(self, connection: socket.socket, *, patience: float) -> None:
        """Take over a connection; ``patience`` is the seconds that a client may take for a step of a long answer."""
        super().__init__(fileno=connection.detach())
        self.settimeout(0.0)
        self.patience = patience
        #: Whether nothing more can be sent.
        self.is_broken = False
        #: Bytes of memory that wait to be sent.
        self.kept = 0
        self._pieces: deque[Piece | FilePiece] = deque()
        #: What goes with the next bytes, and whether more is put to it.
        self._held = b""
        self._is_holding = False

    def setblocking(self, flag: bool, /) -> None:
        """Stay as it is: gunicorn would have its threads wait."""

    # --- in ---

    def receive(self, size: int) -> bytes | None:
        """Return what has come, b"" where nothing more will, None where nothing is there yet."""
        try:
            return super().recv(size)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def recv(self, *args: Any) -> bytes:
        """Receive; raise a TimeoutError, which looks like a lost connection to gunicorn, rather than wait on."""
        try:
            return super().recv(*args)
        except (TimeoutError, BlockingIOError):
            raise TimeoutError(errno.ECONNRESET, "The client stood still.") from None

    # --- out ---

    @property
    def is_sent(self) -> bool:
        """Whether all has gone."""
        return not self._pieces

    def send(self, data: Any, *_: Any) -> int:
        """Send all of it, as sendall does."""
        self.sendall(data)
        return len(data)

    def sendall(self, data: Any, *_: Any) -> None:
        """Send as much as the client takes, and keep the rest; wait only where that would be too much."""
        self._held += data
        if not self._is_holding:
            self.send_held()

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Have what is sent inside go with what is sent next: one packet rather than two."""
        self._is_holding = True
        try:
            yield
        finally:
            self._is_holding = False

    def send_held(self) -> None:
        """Send what was to go with more, as sendall does."""
        if not self._held:
            return
        data, self._held = self._held, b""
        self._add(Piece(data))
        while self.kept > KEPT:
            self._wait()

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a file; what the client does not take at once is read when it does, whoever closes the file."""
        self.send_held()
        size = os.fstat(file.fileno()).st_size - offset if count is None else count
        if size > 0:
            self._add(FilePiece(os.dup(file.fileno()), offset, size))
        return size

    def flush(self) -> bool:
        """Send as much as the client takes; return whether all has gone. Raises OSError where it went away."""
        try:
            while self._pieces:
                self._send_on(self._pieces[0])
        except BlockingIOError:
            pass
        except OSError:
            self.is_broken = True
            raise
        return not self._pieces

    def close(self) -> None:
        """Close the connection, and forget what is still to be sent."""
        while self._pieces:
            self._pieces.popleft().close()
        super().close()

    def _add(self, piece: Piece | FilePiece) -> None:
        self._pieces.append(piece)
        self.kept += piece.size
        if len(self._pieces) == 1:
            self.flush()

    def _send_on(self, piece: Piece | FilePiece) -> None:
        before = piece.size
        piece.send(self)
        self.kept -= before - piece.size
        if piece.is_sent:
            self._pieces.popleft().close()

    def _wait(self) -> None:
        """Send on as soon as the client takes more; raise a TimeoutError where it stands still."""
        poll = select.poll()
        poll.register(self, select.POLLOUT)
        if not poll.poll(self.patience * 1000):
            self.is_broken = True
            raise TimeoutError(errno.EPIPE, "The client stood still.")
        self.flush()
