"""gunicorn's threaded worker, in which waiting for a client takes no thread.

gunicorn gives a connection to a thread as soon as it is there, and reads requests and lingers for as long as clients
take: as many clients that dawdle as there are threads would stop the service. Here one loop waits for all of them.
Of gunicorn's (27) worker there remain its signals, its threads, and how it takes what goes wrong with a request.
"""

import contextlib
import contextvars
import errno
import selectors
import socket
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from django.conf import settings
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from rally.server import limits, shares
from rally.server.answering import answer
from rally.server.connection import DAWDLING, NEVER, RECEIVED, Connection, Phase
from rally.server.heads import Refusal
from rally.server.shares import Shares

#: What is read of a body that nobody wanted, lest the connection be reset before the client has read the answer.
DRAIN_SECONDS, DRAIN_BYTES = 5, 256 * 1024 * 1024
#: Bytes of memory that requests and answers may take, all together, while they wait for their clients.
HELD = 64 * 1024 * 1024
#: Seconds between two looks at who is late.
LOOK = 0.5
#: Probes: one is answered by the loop itself, the other, which asks the database, by a thread of its own.
ALIVE, READY = b"/healthz", b"/readyz"
#: Why no connection could be taken: no more files may be open, or the mistake is our own.
OUT_OF_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
OF_OURS = {errno.EBADF, errno.EINVAL, errno.ENOTSOCK}


class PatientWorker(ThreadWorker):
    """A worker whose threads cannot be held by clients that stand still."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connections: set[Connection] = set()
        self.shares = Shares(threads=self.cfg.threads, wake=self._wake)
        self._next_look = 0.0
        self._came = 0
        self._scratch = bytearray(RECEIVED * 4)

    def init_process(self) -> None:
        """Make the process ready, and serve until it is to stop."""
        files = limits.raise_file_limit()
        self.worker_connections = min(self.cfg.worker_connections, limits.connections_for(files))
        self.probes = ThreadPoolExecutor(1)
        super().init_process()

    # --- the loop ---

    def run(self) -> None:
        """Serve until told to stop; then let requests finish."""
        self.poller.register(self.method_queue.fileno(), selectors.EVENT_READ, self.method_queue.run_callbacks)
        self.set_accept_enabled(True)
        while self.alive and self.is_parent_alive():
            self._go_round()
        self._wind_up()

    def _go_round(self) -> None:
        self.notify()
        self.wait_for_and_dispatch_events(LOOK)
        if time.monotonic() >= self._next_look:
            self._look_around()

    def _look_around(self) -> None:
        now = time.monotonic()
        self._next_look = now + LOOK
        for conn in [conn for conn in self.connections if conn.due <= now]:
            self._safely(self._late, conn)
        self.set_accept_enabled(self.alive and self._has_room())

    def _wind_up(self) -> None:
        self.alive = False
        self.set_accept_enabled(False)
        end = time.monotonic() + self.cfg.graceful_timeout
        for conn in self.connections:
            if conn.phase is Phase.HEAD:
                conn.due = min(conn.due, time.monotonic() + STOP_KEEPALIVE_LINGER)
        while self.connections and time.monotonic() < end:
            self._go_round()
        self._close_everything()

    def _close_everything(self) -> None:
        for conn in [conn for conn in self.connections if conn.phase is not Phase.WORK]:
            self._drop(conn)
        for pool in (self.tpool, self.probes):
            pool.shutdown(wait=False)
        for each in (self.poller, self.method_queue, *self.sockets):
            each.close()

    def _wake(self) -> None:
        """Have the loop see who need wait no longer."""
        self.method_queue.defer(self._call_up)

    def _safely(self, step: Any, conn: Connection) -> None:
        """Go on with a connection, unless it was given up; whatever happens to it happens to no other."""
        try:
            if conn in self.connections:
                step(conn)
        except Refusal as refusal:
            self._refuse(conn, refusal)
        except OSError:
            self._drop(conn)
        except Exception:
            self.log.exception("A connection is given up.")
            self._drop(conn)

    # --- connections ---

    def accept(self, listener: Any) -> None:
        """Take a new connection; its request may have come with it."""
        try:
            conn = self._connection(listener)
        except OSError as error:
            if error.errno in OF_OURS:
                raise
            if error.errno in OUT_OF_FILES and not self._make_room():
                self.set_accept_enabled(False)
            return
        if len(self.connections) >= self.worker_connections and not self._make_room():
            self.set_accept_enabled(False)
        self.connections.add(conn)
        self._safely(self._read, conn)

    def _connection(self, listener: Any) -> Connection:
        sock, client = listener.accept()
        server, patience = listener.getsockname(), settings.RALLY_UPLOAD_IDLE_TIMEOUT
        conn = Connection(self.cfg, sock, client, server, patience=patience, on_event=self._on_event)
        conn.enter(Phase.HEAD, patience)
        return conn

    def _has_room(self) -> bool:
        """Whether another connection can be taken, or could be in place of somebody who dawdles."""
        if len(self.connections) < self.worker_connections:
            return True
        return any(conn.phase in DAWDLING for conn in self.connections)

    def _make_room(self, *, holding: int = 0) -> bool:
        """Hang up on whoever has dawdled longest, holding so many bytes; return whether there was anybody."""
        found = [conn for conn in self.connections if conn.phase in DAWDLING and conn.held >= holding]
        if found:
            self._drop(min(found, key=lambda conn: conn.since))
        return bool(found)

    def _watch(self, conn: Connection, events: int) -> None:
        """Have the poller tell of a connection what is of interest, or nothing (0)."""
        if events and conn.watched:
            self.poller.modify(conn.sock, events, conn.on_event)
        elif events:
            self.poller.register(conn.sock, events, conn.on_event)
        elif conn.watched:
            self.poller.unregister(conn.sock)
        conn.watched = events

    def _on_event(self, conn: Connection, _: Any) -> None:
        steps = {Phase.FLUSH: self._flush, Phase.LINGER: self._discard}
        # It may have been given up since the poller looked.
        if conn.watched:
            self._safely(steps.get(conn.phase, self._read), conn)

    def _late(self, conn: Connection) -> None:
        """Act where a connection's time is over."""
        if conn.phase is Phase.BODY:
            raise Refusal(408, "The body of the request did not come in time.")
        if conn.phase is Phase.LINE:
            conn.turn = self.shares.give_up(conn.head.caller, conn)
            self._start(conn)
        else:
            self._drop(conn)

    def _drop(self, conn: Connection) -> None:
        self.connections.discard(conn)
        with contextlib.suppress(OSError, KeyError, ValueError):
            self._watch(conn, 0)
        conn.watched = 0
        conn.close()
        self._give_back_turn(conn)

    # --- a request comes in ---

    def _read(self, conn: Connection) -> None:
        data = conn.sock.receive(RECEIVED)
        if data:
            self._take(conn, data)
        elif data is None:
            self._watch(conn, selectors.EVENT_READ)
        elif conn.phase is Phase.BODY:
            raise Refusal(400, "The body of the request stopped before its end.")
        else:
            self._drop(conn)

    def _take(self, conn: Connection, data: bytes) -> None:
        if conn.phase is Phase.HEAD and not conn.buffer:
            conn.enter(Phase.HEAD, settings.RALLY_UPLOAD_IDLE_TIMEOUT)
        conn.buffer += data
        self._advance(conn)
        self._count_memory(len(data))

    def _advance(self, conn: Connection) -> None:
        """Give a request to a thread where enough of it is there, or wait for more."""
        if conn.has_request():
            self._watch(conn, 0)
            self._dispatch(conn)
            return
        if conn.has_head:
            self._expect_body(conn)
        if conn.watched != selectors.EVENT_READ:
            self._watch(conn, selectors.EVENT_READ)

    def _expect_body(self, conn: Connection) -> None:
        if conn.phase is Phase.HEAD:
            conn.enter(Phase.BODY, 0)
            conn.end = conn.since + settings.RALLY_UPLOAD_TIMEOUT
        conn.due = min(time.monotonic() + settings.RALLY_UPLOAD_IDLE_TIMEOUT, conn.end)

    def _count_memory(self, more: int) -> None:
        """Keep what waits in memory within bounds, looking every now and then."""
        self._came += more
        if self._came < HELD // 8:
            return
        self._came = 0
        while sum(conn.held for conn in self.connections) > HELD and self._make_room(holding=RECEIVED):
            pass

    def _dispatch(self, conn: Connection) -> None:
        if conn.head.target == ALIVE:
            self._answer_here(conn)
        elif conn.head.target == READY:
            self._submit(self.probes, conn)
        elif turn := self.shares.enter(conn.head.caller, conn):
            conn.turn = turn
            self._start(conn)
        else:
            conn.enter(Phase.LINE, shares.PATIENCE)

    def _call_up(self) -> None:
        for conn, turn in self.shares.next_turns():
            conn.turn = turn
            self._safely(self._start, conn)

    def _start(self, conn: Connection) -> None:
        self._submit(self.tpool, conn)

    def _submit(self, pool: Executor, conn: Connection) -> None:
        conn.enter(Phase.WORK, NEVER)
        conn.hand_over()
        future = pool.submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def _answer_here(self, conn: Connection) -> None:
        conn.enter(Phase.WORK, NEVER)
        conn.hand_over()
        # In a context of its own, so that no line of the log later on has this request's id.
        self._after(conn, contextvars.copy_context().run(self.handle, conn))

    # --- in a thread: gunicorn's handle() calls these ---

    def handle_request(self, req: Any, conn: Connection) -> bool:
        """Answer a request whose head has come; return whether another may follow on its connection."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
        return answer(req, conn, self)

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """Whether the connection can be used again; what is left of the body has been looked at."""
        return keepalive

    # --- an answer goes out ---

    def finish_request(self, conn: Connection, future: Future[Any]) -> None:
        """Go on with a connection whose request a thread has answered."""
        self._give_back_turn(conn)
        self._safely(lambda conn: self._after(conn, not future.cancelled() and future.result()), conn)

    def _give_back_turn(self, conn: Connection) -> None:
        if conn.turn is not None:
            self.shares.leave(conn.turn)
            conn.turn = None
            self._call_up()

    def _after(self, conn: Connection, is_kept: bool) -> None:
        conn.is_kept = bool(is_kept)
        if conn.sock.is_broken:
            self._drop(conn)
        elif conn.sock.is_sent:
            self._go_on(conn)
        else:
            conn.enter(Phase.FLUSH, settings.RALLY_UPLOAD_IDLE_TIMEOUT)
            conn.end = conn.since + settings.RALLY_UPLOAD_TIMEOUT
            self._watch(conn, selectors.EVENT_WRITE)
            self._count_memory(conn.sock.kept)

    def _flush(self, conn: Connection) -> None:
        if conn.sock.flush():
            self._go_on(conn)
        else:
            conn.due = min(time.monotonic() + settings.RALLY_UPLOAD_IDLE_TIMEOUT, conn.end)

    def _go_on(self, conn: Connection) -> None:
        """Wait for the next request, or for the client's last byte."""
        if not conn.is_kept:
            self._linger(conn)
            return
        rest = conn.take_back()
        conn.start_anew(rest)
        conn.enter(Phase.HEAD, self._patience_for_next(is_begun=bool(rest)))
        if rest:
            # Later, so that a client who sends many at once keeps nobody waiting.
            self._watch(conn, 0)
            self.method_queue.defer(self._safely, self._advance, conn)
        else:
            self._watch(conn, selectors.EVENT_READ)

    def _patience_for_next(self, *, is_begun: bool) -> float:
        if not self.alive:
            return min(STOP_KEEPALIVE_LINGER, self.cfg.keepalive)
        return settings.RALLY_UPLOAD_IDLE_TIMEOUT if is_begun else self.cfg.keepalive

    def _refuse(self, conn: Connection, refusal: Refusal) -> None:
        self.log.info("A request from %s was not taken: %s", conn.client and conn.client[0], refusal)
        try:
            conn.refuse(refusal)
            self._after(conn, is_kept=False)
        except OSError:
            self._drop(conn)

    def _linger(self, conn: Connection) -> None:
        """End the answers, and read on for a while: closing with unread data would reset the connection."""
        conn.sock.shutdown(socket.SHUT_WR)
        conn.enter(Phase.LINGER, DRAIN_SECONDS)
        conn.allowance = DRAIN_BYTES
        self._watch(conn, selectors.EVENT_READ)

    def _discard(self, conn: Connection) -> None:
        count = conn.sock.recv_into(self._scratch)
        conn.allowance -= count
        if not count or conn.allowance < 0:
            self._drop(conn)
