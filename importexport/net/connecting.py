"""Connections to addresses that were checked, in bounded time."""

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from math import inf
from typing import Any

from importexport.net import addresses
from importexport.net.addresses import NotAllowed, Rule, Target

#: The most addresses of a host that are tried.
MOST_ADDRESSES = 4
#: Seconds after which a wait for bytes looks whether it is still wanted.
MOMENT = 0.5


class Clock:
    """The time that a request has left: ``seconds`` for all of it, and ``silence`` for the next byte.

    ``check`` is called while bytes are waited for, and raises an exception if the process has to stop.
    """

    def __init__(self, seconds: float, *, silence: float = inf, check: Callable[[], None] | None = None) -> None:
        self._end = time.monotonic() + seconds
        self.silence, self.check = silence, check

    def left(self) -> float:
        """Return the seconds left for the next byte; raise TimeoutError if there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(left, self.silence)

    def tick(self) -> None:
        """Raise TimeoutError if no time is left, and what ``check`` raises."""
        self.left()
        if self.check:
            self.check()

    def go_on_like(self, other: "Clock") -> None:
        """Have the time that another one has."""
        self._end = other._end


class Bounded(io.RawIOBase):
    """Reads from a socket for as long as there is time, however slowly the bytes come."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._sock, self._clock = sock, clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wait = self._clock.left()
        if self._clock.check is None:
            self._sock.settimeout(wait)
            return self._sock.recv_into(buffer)
        end = time.monotonic() + wait
        while True:
            self._clock.check()
            left = end - time.monotonic()
            self._sock.settimeout(max(min(left, MOMENT), 0.001))
            try:
                return self._sock.recv_into(buffer)
            except TimeoutError:
                if left <= MOMENT:
                    raise


class BoundedSocket:
    """What ``http.client`` needs of a socket, with an end for all of it together."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._sock, self._clock = sock, clock

    def sendall(self, data: Any) -> None:
        """Send all bytes."""
        if self._clock.check:
            self._clock.check()
        self._sock.settimeout(self._clock.left())
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the response as a file."""
        return io.BufferedReader(Bounded(self._sock, self._clock))

    def close(self) -> None:
        """Leave the connection open: the response is still to be read."""


def connect(target: Target, rule: Rule, clock: Clock, *, is_exact: bool = False) -> socket.socket:
    """Return a connection to a target; raise NotAllowed unless the rule allows all of its addresses, and OSError.

    The name is looked up once, and the connection is to one of the addresses that were checked. With ``is_exact``, a
    connection that is cut off before its end is an error.
    """
    found = resolved(target, clock)
    addresses.check_addresses(target.host, found, rule)
    sock = _first_reached(found[:MOST_ADDRESSES], target.port, clock)
    if not target.is_https:
        return sock
    try:
        context = ssl.create_default_context()
        if is_exact:
            # Python before 3.11.4 sets it, and then takes the end of what was cut off for the end of a file.
            context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
        secured = context.wrap_socket(
            sock, server_hostname=target.host, do_handshake_on_connect=False, suppress_ragged_eofs=not is_exact
        )
    except BaseException:
        sock.close()
        raise
    try:
        secured.settimeout(clock.left())
        secured.do_handshake()
    except BaseException:
        secured.close()
        raise
    return secured


def client_over(sock: socket.socket, target: Target, clock: Clock) -> Any:
    """Return an HTTP client that uses a connection, and no other: it follows no redirects and uses no proxy."""
    client: Any = http.client.HTTPConnection(target.host, target.port)
    client.sock = BoundedSocket(sock, clock)
    client.auto_open = 0  # It would look up the name again.
    return client


def resolved(target: Target, clock: Clock) -> list[str]:
    """Return the addresses of a target's host. Looking up a name has no time-out of its own."""
    future: Future[list[str]] = Future()

    def look_up() -> None:
        try:
            future.set_result(addresses.resolve(target.host, target.port))
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=look_up, name="host name", daemon=True).start()
    return future.result(clock.left())


def _first_reached(found: list[str], port: int, clock: Clock) -> socket.socket:
    """Connect to the first address that answers. None gets the time of the others."""
    error: OSError = socket.gaierror()
    for tried, address in enumerate(found):
        try:
            return socket.create_connection((address, port), timeout=clock.left() / (len(found) - tried))
        except OSError as failed:
            error = failed
    raise error


#: What a request may raise that has a sentence.
FAILURES = (NotAllowed, OSError, http.client.HTTPException)


def is_cut_off(error: BaseException) -> bool:
    """Whether a secured connection ended without saying so, which Python's versions tell in three ways."""
    is_unexpected = isinstance(error, ssl.SSLError) and error.reason == "UNEXPECTED_EOF_WHILE_READING"
    return is_unexpected or isinstance(error, (ssl.SSLEOFError, ConnectionResetError))


def sentence_of(error: BaseException, *, late: str) -> str:
    """Return the sentence about one of FAILURES; ``late`` is the one about a request whose time was up."""
    match error:
        case NotAllowed():
            return str(error)
        case TimeoutError():
            return late
        case ssl.SSLCertVerificationError():
            return f"The certificate is not valid: {error.verify_message}."
        case socket.gaierror():
            return "The host has no address: its name was not found."
        case ssl.SSLError():
            return f"There was no secure connection: {error.reason or 'unexpected end'}."
        case OSError():
            return f"The connection failed: {error.strerror or 'it was closed without an answer'}."
        case _:
            return "The answer was not HTTP."
