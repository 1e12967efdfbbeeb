"""A request is answered, by a thread: what gunicorn's own worker does then, without its waiting for the client."""

import contextlib
from datetime import datetime
from typing import Any

from gunicorn.http import wsgi

from rally.server.connection import Connection


class Answer(wsgi.Response):
    """gunicorn's answer, whose head goes with the first bytes of its body."""

    def send_headers(self) -> None:
        """Have the head sent."""
        with self.sock.holding():
            super().send_headers()


def answer(req: Any, conn: Connection, worker: Any) -> bool:
    """Answer a request whose head was parsed; return whether another may follow on its connection.

    Raises what the application raises before the answer has begun, and OSError where the client went away.
    """
    if conn.has_been_asked:
        # gunicorn asks it when the body is first read, and has no public name for it.
        req._expected_100_continue = False
    start = datetime.now()  # noqa: DTZ005 - as gunicorn's log has it
    response, environ = wsgi.create(req, conn.sock, conn.client, conn.server, worker.cfg, Answer)
    environ |= {"wsgi.multithread": True, "rally.turn": conn.turn}
    # A part of a file would be read and sent by the thread, piece by piece; a whole one is not.
    environ.pop("HTTP_RANGE", None)
    if not worker.alive:
        response.force_close()
    try:
        _respond(response, environ, worker)
    finally:
        worker.log.access(response, req, environ, datetime.now() - start)  # noqa: DTZ005
    return not response.should_close()


def _respond(response: Any, environ: dict[str, Any], worker: Any) -> None:
    try:
        _send(response, worker.wsgi(environ, response.start_response), environ)
    except OSError:
        raise
    except Exception:
        if not response.headers_sent:
            raise
        # Another answer cannot follow in the middle of this one, which is cut off.
        worker.log.exception("Error handling request")
        response.force_close()


def _send(response: Any, pieces: Any, environ: dict[str, Any]) -> None:
    with contextlib.closing(pieces):
        if isinstance(pieces, environ["wsgi.file_wrapper"]):
            response.write_file(pieces)
        else:
            for piece in pieces:
                response.write(piece)
        response.close()
        response.sock.send_held()
