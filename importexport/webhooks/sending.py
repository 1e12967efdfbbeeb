"""One request to a webhook, in bounded time and memory, to an address that was checked."""

import http.client
import io
import socket
import ssl
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from importexport.webhooks import addresses
from importexport.webhooks.addresses import NotAllowed, Target

#: Seconds that an attempt takes at most, from looking up the name to the end of the response.
PATIENCE = 10.0
#: How much of a response is read, in bytes.
KEPT = 1024
#: The most addresses of a host that are tried.
MOST_ADDRESSES = 4


@dataclass(frozen=True)
class Answer:
    """What came of an attempt: a status and the beginning of the response, or only an error."""

    status: int | None
    body: str
    error: str

    @property
    def is_accepted(self) -> bool:
        """Whether the receiver has taken the message."""
        return not self.error


class Clock:
    """The time that an attempt has left."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left; raise TimeoutError if there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class Bounded(io.RawIOBase):
    """Reads from a socket for as long as there is time, however slowly the bytes come."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._sock, self._clock = sock, clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._clock.left())
        return self._sock.recv_into(buffer)


class BoundedSocket:
    """What ``http.client`` needs of a socket, with an end for all of it together."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._sock, self._clock = sock, clock

    def sendall(self, data: bytes) -> None:
        """Send all bytes."""
        self._sock.settimeout(self._clock.left())
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the response as a file."""
        return io.BufferedReader(Bounded(self._sock, self._clock))

    def close(self) -> None:
        """Leave the connection open: the response is still to be read."""


def post(url: str, *, body: bytes, headers: dict[str, str], patience: float = PATIENCE) -> Answer:
    """Send a request, and return what came of it; nothing is raised.

    The name is looked up once, all of its addresses are checked, and the connection is to one of these. Redirects are
    not followed, and no proxy is used.
    """
    try:
        target, clock = addresses.target_of(url), Clock(patience)
        with connect(target, clock) as sock:
            return _exchange(sock, target, clock, body, headers)
    except NotAllowed as why:
        return Answer(None, "", str(why))
    except TimeoutError:
        return Answer(None, "", f"There was no answer within {patience:g} seconds.")
    except ssl.SSLCertVerificationError as error:
        return Answer(None, "", f"The certificate is not valid: {error.verify_message}.")
    except socket.gaierror:
        return Answer(None, "", "The host has no address: its name was not found.")
    except ssl.SSLError as error:
        return Answer(None, "", f"There was no secure connection: {error.reason or 'unexpected end'}.")
    except OSError as error:
        return Answer(None, "", f"The connection failed: {error.strerror or 'it was closed without an answer'}.")
    except http.client.HTTPException:
        return Answer(None, "", "The answer was not HTTP.")


def connect(target: Target, clock: Clock) -> socket.socket:
    """Return a connection to a target; raise NotAllowed unless all of its addresses are public, and OSError."""
    found = resolved(target, clock)
    addresses.check_addresses(target.host, found)
    sock = _first_reached(found[:MOST_ADDRESSES], target.port, clock)
    if not target.is_https:
        return sock
    try:
        context = ssl.create_default_context()
        secured = context.wrap_socket(sock, server_hostname=target.host, do_handshake_on_connect=False)
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


def resolved(target: Target, clock: Clock) -> list[str]:
    """Return the addresses of a target's host. Looking up a name has no time-out of its own."""
    future: Future[list[str]] = Future()

    def look_up() -> None:
        try:
            future.set_result(addresses.resolve(target.host, target.port))
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=look_up, name="webhook host", daemon=True).start()
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


def _exchange(sock: socket.socket, target: Target, clock: Clock, body: bytes, headers: dict[str, str]) -> Answer:
    client: Any = http.client.HTTPConnection(target.host, target.port)
    client.sock = BoundedSocket(sock, clock)
    client.auto_open = 0  # It would look up the name again.
    client.request("POST", target.path, body=body, headers={"Host": target.place, "Connection": "close", **headers})
    with client.getresponse() as response:
        return Answer(response.status, _beginning(response), problem_of(response.status))


def _beginning(response: http.client.HTTPResponse) -> str:
    """Return the beginning of a response as text. What matters is its status, so that it may break off."""
    try:
        read = response.read(KEPT)
    except (OSError, http.client.HTTPException):
        return ""
    return read.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def problem_of(status: int) -> str:
    """Return why a status does not mean that the message was taken, or ""."""
    if 200 <= status < 300:
        return ""
    redirected = " Redirects are not followed." if 300 <= status < 400 else ""
    return f"The receiver answered {status}.{redirected}"
