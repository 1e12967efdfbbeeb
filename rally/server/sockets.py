"""A socket that buffers what the client does not accept immediately, so that a thread need not wait for it."""

import contextlib
import errno
import os
import select
import socket
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

#: The number of response bytes buffered for the loop to send. A thread waits only if there are more.
KEPT = 512 * 1024
#: The number of bytes of a file to send at once.
STEP = 1024 * 1024


class Piece:
    """Bytes to be sent."""

    def __init__(self, data: bytes | memoryview) -> None:
        self.rest = memoryview(data)

    @property
    def size(self) -> int:
        """The bytes of memory it uses."""
        return len(self.rest)

    @property
    def is_sent(self) -> bool:
        """Whether everything has been sent."""
        return not self.rest

    def send(self, connection: socket.socket) -> None:
        """Send what the client accepts; raise BlockingIOError if that is nothing."""
        self.rest = self.rest[socket.socket.send(connection, self.rest) :]

    def close(self) -> None:
        self.rest.release()


class FilePiece:
    """A part of a file to be sent."""

    size = 0

    def __init__(self, file: int, offset: int, count: int) -> None:
        self.file, self.offset, self.left = file, offset, count

    @property
    def is_sent(self) -> bool:
        """Whether everything has been sent."""
        return not self.left

    def send(self, connection: socket.socket) -> None:
        """Send what the client accepts; raise BlockingIOError if that is nothing."""
        sent = os.sendfile(connection.fileno(), self.file, self.offset, min(self.left, STEP))
        if not sent:
            raise ConnectionAbortedError(errno.ECONNABORTED, "The file has become shorter.")
        self.offset += sent
        self.left -= sent

    def close(self) -> None:
        os.close(self.file)


class PatientSocket(socket.socket):
    """The socket of a client. It waits only as set by settimeout(), or with more than KEPT bytes to send."""

    def __init__(self, connection: socket.socket, *, patience: float) -> None:
        """Take over a connection. ``patience`` is the time in seconds for a client to accept more bytes."""
        super().__init__(fileno=connection.detach())
        self.settimeout(0.0)
        self.patience = patience
        #: Whether nothing more can be sent.
        self.is_broken = False
        #: The number of buffered bytes.
        self.kept = 0
        self._pieces: deque[Piece | FilePiece] = deque()
        #: Bytes to be sent together with the next ones, and whether to add to them.
        self._held = b""
        self._is_holding = False
        #: Returns the context in which to wait for the client.
        self.while_waiting: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext

    def setblocking(self, flag: bool, /) -> None:
        """Do nothing: gunicorn would make the socket block."""

    # --- receiving ---

    def receive(self, size: int) -> bytes | None:
        """Return the received bytes, b"" at the end, or None if nothing has arrived yet."""
        try:
            return super().recv(size)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def recv(self, *args: Any) -> bytes:
        """Receive bytes. Instead of waiting, raise TimeoutError, which gunicorn takes for a lost connection."""
        try:
            return super().recv(*args)
        except (TimeoutError, BlockingIOError):
            raise TimeoutError(errno.ECONNRESET, "The client stopped responding.") from None

    # --- sending ---

    @property
    def is_sent(self) -> bool:
        """Whether everything has been sent."""
        return not self._pieces

    def send(self, data: Any, *_: Any) -> int:
        """Send all data, like sendall."""
        self.sendall(data)
        return len(data)

    def sendall(self, data: Any, *_: Any) -> None:
        """Send what the client accepts and buffer the rest. Waits only if the buffer would exceed KEPT."""
        self._held += data
        if not self._is_holding:
            self.send_held()

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Context in which sent bytes are held back, to be sent in one packet with the next ones."""
        self._is_holding = True
        try:
            yield
        finally:
            self._is_holding = False

    def send_held(self) -> None:
        """Send the bytes held back, like sendall."""
        if not self._held:
            return
        data, self._held = self._held, b""
        self._add(Piece(data))
        while self.kept > KEPT:
            self._wait()

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a file. What the client does not accept at once is read later, even if the caller closes the file."""
        self.send_held()
        size = os.fstat(file.fileno()).st_size - offset if count is None else count
        if size > 0:
            self._add(FilePiece(os.dup(file.fileno()), offset, size))
        return size

    def flush(self) -> bool:
        """Send what the client accepts; return whether everything has been sent. Raise OSError if it disconnected."""
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
        """Close the connection and discard unsent bytes."""
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
        """Send more as soon as the client accepts it; raise TimeoutError if it does not."""
        poll = select.poll()
        poll.register(self, select.POLLOUT)
        with self.while_waiting():
            is_ready = poll.poll(self.patience * 1000)
        if not is_ready:
            self.is_broken = True
            raise TimeoutError(errno.EPIPE, "The client stopped responding.")
        self.flush()
