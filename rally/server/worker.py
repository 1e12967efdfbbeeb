"""gunicorn's threaded worker, without a thread for each client it waits for.

gunicorn passes a connection to a thread immediately, and reads and lingers for as long as the client takes. As many
slow clients as there are threads would stop the service. Here, one loop waits for all of them. The rest is gunicorn's
(27): signals, threads, and the handling of errors in requests.
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
from rally.server.connection import CLIENT_PHASES, NEVER, RECEIVED, Connection, Phase
from rally.server.heads import Refusal
from rally.server.shares import Shares
from rally.server.slots import Slots

#: How much of an unused body to read, so that the connection is not reset before the client has read the response.
DRAIN_SECONDS, DRAIN_BYTES = 5, 256 * 1024 * 1024
#: The maximum memory for requests and responses that wait for their clients, in bytes.
HELD = 64 * 1024 * 1024
#: The interval between checks for expired connections, in seconds.
CHECK_INTERVAL = 0.5
#: Health checks. The loop answers the first one itself; the second one, which uses the database, has its own thread.
ALIVE, READY = b"/healthz", b"/readyz"
#: Errors of accept(): the limit of open files is reached, or there is a bug in this worker.
OUT_OF_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
BUGS = {errno.EBADF, errno.EINVAL, errno.ENOTSOCK}


class PatientWorker(ThreadWorker):
    """A worker whose threads cannot be blocked by slow clients."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connections: set[Connection] = set()
        self.shares = Shares(threads=self.cfg.threads, wake=self._wake)
        #: Downloads have threads of their own, so that calls do not wait for one however slowly clients read.
        self.download_threads = max(self.cfg.threads // 2, 1)
        self.downloads = Shares(
            threads=self.download_threads, total=self.download_threads, wake=self._wake, beside=self.shares
        )
        self._next_check = 0.0
        self._received = 0
        self._scratch = bytearray(RECEIVED * 4)

    def init_process(self) -> None:
        """Set up the process and serve until it has to stop."""
        files = limits.raise_file_limit()
        self.worker_connections = min(self.cfg.worker_connections, limits.connections_for(files))
        self.probes = ThreadPoolExecutor(1)
        self.dpool = ThreadPoolExecutor(self.download_threads)
        super().init_process()

    # --- event loop ---

    def run(self) -> None:
        """Serve until stopped, then let the requests in progress finish."""
        self.slots = Slots(settings.RALLY_STREAMS)
        self.poller.register(self.method_queue.fileno(), selectors.EVENT_READ, self.method_queue.run_callbacks)
        self.set_accept_enabled(True)
        while self.alive and self.is_parent_alive():
            self._run_once()
        self._finish_requests()

    def _run_once(self) -> None:
        self.notify()
        self.wait_for_and_dispatch_events(CHECK_INTERVAL)
        if time.monotonic() >= self._next_check:
            self._check_connections()

    def _check_connections(self) -> None:
        now = time.monotonic()
        self._next_check = now + CHECK_INTERVAL
        for conn in [conn for conn in self.connections if conn.due <= now]:
            self._safely(self._handle_timeout, conn)
        self.set_accept_enabled(self.alive and self._has_room())

    def _finish_requests(self) -> None:
        self.alive = False
        self.set_accept_enabled(False)
        end = time.monotonic() + self.cfg.graceful_timeout
        for conn in self.connections:
            if conn.phase is Phase.HEAD:
                conn.due = min(conn.due, time.monotonic() + STOP_KEEPALIVE_LINGER)
        while self.connections and time.monotonic() < end:
            self._run_once()
        self._close_everything()

    def _close_everything(self) -> None:
        for conn in [conn for conn in self.connections if conn.phase is not Phase.WORK]:
            self._drop(conn)
        for pool in (self.tpool, self.dpool, self.probes):
            pool.shutdown(wait=False)
        for each in (self.poller, self.method_queue, *self.sockets):
            each.close()

    def _wake(self) -> None:
        """Let the loop check which waiting requests can proceed."""
        self.method_queue.defer(self._start_waiting)

    def _safely(self, step: Any, conn: Connection) -> None:
        """Run a step for a connection unless it was closed. Errors affect no other connection."""
        try:
            if conn in self.connections:
                step(conn)
        except Refusal as refusal:
            self._refuse(conn, refusal)
        except OSError:
            self._drop(conn)
        except Exception:
            self.log.exception("Closing a connection because of a bug")
            self._drop(conn)

    # --- connections ---

    def accept(self, listener: Any) -> None:
        """Accept a connection and read its request, which may have arrived with it."""
        try:
            conn = self._connection(listener)
        except OSError as error:
            if error.errno in BUGS:
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
        """Whether another connection can be accepted, possibly in place of a slow one."""
        if len(self.connections) < self.worker_connections:
            return True
        return any(conn.phase in CLIENT_PHASES for conn in self.connections)

    def _make_room(self, *, holding: int = 0) -> bool:
        """Close the connection that has waited longest, of those with this many bytes; return whether there was one."""
        found = [conn for conn in self.connections if conn.phase in CLIENT_PHASES and conn.held >= holding]
        if found:
            self._drop(min(found, key=lambda conn: conn.since))
        return bool(found)

    def _watch(self, conn: Connection, events: int) -> None:
        """Set the events the poller watches for, or 0 for none."""
        if events and conn.watched:
            self.poller.modify(conn.sock, events, conn.on_event)
        elif events:
            self.poller.register(conn.sock, events, conn.on_event)
        elif conn.watched:
            self.poller.unregister(conn.sock)
        conn.watched = events

    def _on_event(self, conn: Connection, _: Any) -> None:
        steps = {Phase.FLUSH: self._flush, Phase.LINGER: self._discard}
        # The connection may have been closed since the poller returned.
        if conn.watched:
            self._safely(steps.get(conn.phase, self._read), conn)

    def _handle_timeout(self, conn: Connection) -> None:
        """Handle a connection whose time is up."""
        if conn.phase is Phase.BODY:
            raise Refusal(408, "The body of the request did not arrive in time.")
        if conn.phase is Phase.LINE:
            conn.turn = self._shares_of(conn).give_up(conn.head.caller, conn)
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

    # --- requests ---

    def _read(self, conn: Connection) -> None:
        data = conn.sock.receive(RECEIVED)
        if data:
            self._take(conn, data)
        elif data is None:
            self._watch(conn, selectors.EVENT_READ)
        elif conn.phase is Phase.BODY:
            raise Refusal(400, "The body of the request is incomplete.")
        else:
            self._drop(conn)

    def _take(self, conn: Connection, data: bytes) -> None:
        if conn.phase is Phase.HEAD and not conn.buffer:
            conn.enter(Phase.HEAD, settings.RALLY_UPLOAD_IDLE_TIMEOUT)
        conn.buffer += data
        self._advance(conn)
        self._count_memory(len(data))

    def _advance(self, conn: Connection) -> None:
        """Pass a request to a thread if enough of it has arrived, or else wait for more."""
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
        """Keep memory use below HELD. Checks only after every HELD / 8 bytes."""
        self._received += more
        if self._received < HELD // 8:
            return
        self._received = 0
        while sum(conn.held for conn in self.connections) > HELD and self._make_room(holding=RECEIVED):
            pass

    def _dispatch(self, conn: Connection) -> None:
        if conn.head.target == ALIVE:
            self._answer_here(conn)
        elif conn.head.target == READY:
            self._submit(self.probes, conn)
        elif turn := self._shares_of(conn).enter(conn.head.caller, conn):
            conn.turn = turn
            self._start(conn)
        else:
            conn.enter(Phase.LINE, shares.PATIENCE)

    def _shares_of(self, conn: Connection) -> Shares:
        return self.downloads if conn.head.is_download else self.shares

    def _start_waiting(self) -> None:
        for conn, turn in [*self.shares.next_turns(), *self.downloads.next_turns()]:
            conn.turn = turn
            self._safely(self._start, conn)

    def _start(self, conn: Connection) -> None:
        # A download without a turn is only rejected, for which it must not wait for others to finish.
        is_made = conn.head.is_download and conn.turn is not None and conn.turn.is_counted
        self._submit(self.dpool if is_made else self.tpool, conn)

    def _submit(self, pool: Executor, conn: Connection) -> None:
        conn.enter(Phase.WORK, NEVER)
        conn.hand_over()
        future = pool.submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def _answer_here(self, conn: Connection) -> None:
        conn.enter(Phase.WORK, NEVER)
        conn.hand_over()
        # In a separate context, so that later log lines do not contain this request's id.
        self._after(conn, contextvars.copy_context().run(self.handle, conn))

    # --- in a thread, called by gunicorn's handle() ---

    def handle_request(self, req: Any, conn: Connection) -> bool:
        """Respond to a request whose head has arrived; return whether the connection can be used for another one."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
        return answer(req, conn, self)

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """Whether the connection can be used again. should_close() has already considered the rest of the body."""
        return keepalive

    # --- responses ---

    def finish_request(self, conn: Connection, future: Future[Any]) -> None:
        """Continue with a connection after a thread has responded to its request."""
        self._give_back_turn(conn)
        self._safely(lambda conn: self._after(conn, not future.cancelled() and future.result()), conn)

    def _give_back_turn(self, conn: Connection) -> None:
        if conn.turn is not None:
            conn.turn.shares.leave(conn.turn)
            conn.turn = None
            self._start_waiting()

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
        """Wait for the next request, or for the end of the connection."""
        if not conn.is_kept:
            self._linger(conn)
            return
        rest = conn.take_back()
        conn.reset(rest)
        conn.enter(Phase.HEAD, self._patience_for_next(is_begun=bool(rest)))
        if rest:
            # Deferred, so that a client that sends many requests at once does not delay others.
            self._watch(conn, 0)
            self.method_queue.defer(self._safely, self._advance, conn)
        else:
            self._watch(conn, selectors.EVENT_READ)

    def _patience_for_next(self, *, is_begun: bool) -> float:
        if not self.alive:
            return min(STOP_KEEPALIVE_LINGER, self.cfg.keepalive)
        return settings.RALLY_UPLOAD_IDLE_TIMEOUT if is_begun else self.cfg.keepalive

    def _refuse(self, conn: Connection, refusal: Refusal) -> None:
        self.log.info("Rejected a request from %s: %s", conn.client and conn.client[0], refusal)
        try:
            conn.refuse(refusal)
            self._after(conn, is_kept=False)
        except OSError:
            self._drop(conn)

    def _linger(self, conn: Connection) -> None:
        """Send no more, but keep reading for a while: closing with unread data would reset the connection."""
        conn.sock.shutdown(socket.SHUT_WR)
        conn.enter(Phase.LINGER, DRAIN_SECONDS)
        conn.allowance = DRAIN_BYTES
        self._watch(conn, selectors.EVENT_READ)

    def _discard(self, conn: Connection) -> None:
        count = conn.sock.recv_into(self._scratch)
        conn.allowance -= count
        if not count or conn.allowance < 0:
            self._drop(conn)
