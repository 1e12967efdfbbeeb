"""Responds to a request in a thread, like gunicorn's own worker, but without waiting for the client."""

import contextlib
from datetime import datetime
from typing import Any

from gunicorn.http import wsgi

from rally.server.connection import Connection
from rally.server.heads import PREPARED
from rally.server.slots import Slot


class Answer(wsgi.Response):
    """gunicorn's response, which sends its head together with the first bytes of the body."""

    def send_headers(self) -> None:
        with self.sock.holding():
            super().send_headers()


def answer(req: Any, conn: Connection, worker: Any) -> bool:
    """Respond to a parsed request; return whether the connection can be used for another one.

    Raises exceptions of the application before the response has started, and OSError if the client disconnects.
    """
    if conn.has_been_asked:
        # The loop has already sent "100 Continue". gunicorn would send it again, and has no public attribute for it.
        req._expected_100_continue = False
    start = datetime.now()  # noqa: DTZ005 - as in gunicorn's log
    response, environ = wsgi.create(req, conn.sock, conn.client, conn.server, worker.cfg, Answer)
    environ |= {"wsgi.multithread": True, "rally.turn": conn.turn, "rally.is_download": conn.head.is_download}
    if not PREPARED.fullmatch(conn.head.path):
        # The thread would have to read and send a part of a file piece by piece, but not a whole file.
        environ.pop("HTTP_RANGE", None)
    if not worker.alive:
        response.force_close()
    try:
        _respond(response, environ, worker, Slot(worker.slots) if conn.head.is_download else None)
    finally:
        worker.log.access(response, req, environ, datetime.now() - start)  # noqa: DTZ005
    return not response.should_close()


def _respond(response: Any, environ: dict[str, Any], worker: Any, slot: Slot | None) -> None:
    try:
        _send(response, worker.wsgi(environ, response.start_response), environ, slot)
    except OSError:
        raise
    except Exception:
        if not response.headers_sent:
            raise
        # The response cannot be replaced once it has started, so cut it off.
        worker.log.exception(
            "Error while sending the response to %s %s", environ["REQUEST_METHOD"], environ["PATH_INFO"]
        )
        response.force_close()


def _send(response: Any, pieces: Any, environ: dict[str, Any], slot: Slot | None) -> None:
    with contextlib.closing(pieces):
        if isinstance(pieces, environ["wsgi.file_wrapper"]):
            response.write_file(pieces)
        elif slot and environ["rally.turn"].is_counted:
            _send_in_turns(response, pieces, slot)
        else:
            for piece in pieces:
                response.write(piece)
        response.close()
        response.sock.send_held()


def _send_in_turns(response: Any, pieces: Any, slot: Slot) -> None:
    """Send a file that is made meanwhile, in turns with others; whoever waits for a client lets the others go on."""
    response.sock.while_waiting = slot.lent
    try:
        with slot:
            for piece in pieces:
                response.write(piece)
                slot.pass_on()
    finally:
        response.sock.while_waiting = contextlib.nullcontext
