"""One request to a webhook, in bounded time and memory, to an address that was checked."""

import http.client
import socket
from dataclasses import dataclass

from importexport.net.addresses import Target
from importexport.net.connecting import FAILURES, Clock, client_over, connect, sentence_of
from importexport.webhooks import addresses

#: Seconds that an attempt takes at most, from looking up the name to the end of the response.
PATIENCE = 10.0
#: How much of a response is read, in bytes.
KEPT = 1024


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


def post(url: str, *, body: bytes, headers: dict[str, str], patience: float = PATIENCE) -> Answer:
    """Send a request, and return what came of it; nothing is raised.

    The name is looked up once, all of its addresses are checked, and the connection is to one of these. Redirects are
    not followed, and no proxy is used.
    """
    try:
        target, clock = addresses.target_of(url), Clock(patience)
        with connect(target, addresses.rule(), clock) as sock:
            return _exchange(sock, target, clock, body, headers)
    except FAILURES as error:
        return Answer(None, "", sentence_of(error, late=f"There was no answer within {patience:g} seconds."))


def _exchange(sock: socket.socket, target: Target, clock: Clock, body: bytes, headers: dict[str, str]) -> Answer:
    client = client_over(sock, target, clock)
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
