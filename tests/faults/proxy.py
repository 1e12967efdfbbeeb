"""A proxy for PostgreSQL that understands enough of the protocol to break a connection at a given statement."""

import contextlib
import re
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import psycopg

#: What a client may ask before it says who it is: TLS and GSSAPI, and that something else be cancelled.
SSL, GSS, CANCEL = 80877103, 80877104, 80877102
#: What begins and ends a transaction; a ROLLBACK TO does not.
OPENING, CLOSING = ("BEGIN", "ROLLBACK TO"), ("COMMIT", "ROLLBACK")
LITERAL = re.compile(r"'(?:[^']|'')*'| ?-?\b\d+\b")
SPACE = re.compile(r"\s+")


def tidy(statement: bytes) -> str:
    """Normalise a statement: remove values, quotes, sizes of types, and the numbers of cursors and savepoints."""
    text = re.sub(r"\bint[248]\b", "int", statement.decode(errors="replace"))
    text = re.sub(r"_django_curs_\w+", "_django_curs", text)
    text = re.sub(r"\bs\d+_x\d+\b", "s", text)
    return SPACE.sub(" ", LITERAL.sub("?", text).replace('"', "")).strip()


@dataclass(frozen=True)
class Heard:
    """A statement, and whether the transaction that it was sent in goes on after it."""

    text: str
    leaves_open: bool


@dataclass
class Fault:
    """A fault that occurs once, at the ``nth`` statement that contains ``marker``, before or after it is passed on.

    "after" means that the server has responded, but the client does not get the response. ``harm`` is "cut", like a
    network failure, or "terminate", with which the server ends the session and reports it.
    """

    marker: str
    moment: str = "before"
    nth: int = 1
    harm: str = "cut"
    #: A statement that the same connection must have sent before.
    following: str = ""
    struck: threading.Event = field(default_factory=threading.Event)
    met: int = 0

    def is_due(self, statement: str, sent: list[str]) -> bool:
        """Whether the fault is due at a statement."""
        if self.marker not in statement or not any(self.following in earlier for earlier in [*sent, statement]):
            return False
        self.met += 1
        return self.met == self.nth


class Proxy:
    """Listens on a Unix socket and passes messages on. Use as a context manager."""

    def __init__(self, database_url: str, directory: Path) -> None:
        self._upstream = psycopg.conninfo.conninfo_to_dict(database_url)
        here = {"host": str(directory), "port": "5432", "sslmode": "disable", "gssencmode": "disable"}
        self.url = f"postgresql:///?{urlencode(self._upstream | here)}"
        self._path = directory / ".s.PGSQL.5432"
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self._ears: list[list[Heard]] = []
        self._connections: set[Connection] = set()
        self._is_down = False

    def __enter__(self) -> "Proxy":
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen(100)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.cut_all()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            for client, _ in iter(self._listener.accept, None):
                if self._is_down:
                    client.close()
                    continue
                try:
                    server = self._connect()
                except OSError:
                    client.close()
                    continue
                Connection(self, client, server).start()

    def _connect(self) -> socket.socket:
        host, port = self._upstream.get("host") or "/var/run/postgresql", self._upstream.get("port") or 5432
        if not str(host).startswith("/"):
            server = socket.create_connection((host, int(port)), timeout=30)
            server.settimeout(None)  # Sessions may be idle for any time.
            return server
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    # --- for tests ---

    @contextlib.contextmanager
    def armed(self, fault: Fault) -> Iterator[Fault]:
        """Let a fault occur inside the context."""
        with self._lock:
            self._fault = fault
            for connection in self._connections:
                connection.sent.clear()
        try:
            yield fault
        finally:
            with self._lock:
                self._fault = None

    @contextlib.contextmanager
    def heard(self) -> Iterator[list[Heard]]:
        """Yield a list of the normalised statements sent inside the context, in order."""
        ear: list[Heard] = []
        with self._lock:
            self._ears.append(ear)
        try:
            yield ear
        finally:
            with self._lock:
                # By identity, because lists with the same statements are equal.
                self._ears = [other for other in self._ears if other is not ear]

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Simulate a network that is down: cut all connections, and reject new ones."""
        self._is_down = True
        self.cut_all()
        try:
            yield
        finally:
            self._is_down = False

    def cut_all(self) -> None:
        """Cut all connections."""
        for connection in list(self._connections):
            connection.cut()

    # --- for connections ---

    def hear(self, connection: "Connection", statement: str) -> Fault | None:
        """Record a statement; return the fault that is due at it."""
        with self._lock:
            if statement.startswith((*OPENING, *CLOSING)):
                connection.is_in_transaction = statement.startswith(OPENING)
            for ear in self._ears:
                ear.append(Heard(statement, connection.is_in_transaction))
            fault, sent = self._fault, list(connection.sent)
            connection.sent.append(statement)
            return fault if fault and fault.is_due(statement, sent) else None

    def terminate(self, backend: int) -> None:
        """Let the server end a session, and wait until it has."""
        with psycopg.connect(**self._upstream, autocommit=True) as own:
            own.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])


class Connection:
    """A client, and its session on the server."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        #: Statements sent of late; what is armed may ask for one.
        self.sent: deque[str] = deque(maxlen=1000)
        self.is_in_transaction = False
        self._prepared: dict[bytes, bytes] = {}
        self._copying = b""
        self._backend = 0
        #: The fault that happens when the server answers.
        self._pending: Fault | None = None
        #: Set when the server has said all that it had to say.
        self._is_over = threading.Event()

    def start(self) -> None:
        """Pass messages on in both directions until either side disconnects."""
        self.proxy._connections.add(self)
        for way in (self._forward, self._return):
            threading.Thread(target=self._run, args=[way], daemon=True).start()

    def _run(self, way: Callable[[], None]) -> None:
        try:
            with contextlib.suppress(OSError):
                way()
        finally:
            self.cut()

    def cut(self) -> None:
        """Disconnect both sides."""
        self.proxy._connections.discard(self)
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    # --- from the client ---

    def _forward(self) -> None:
        self._greet()
        waiting = bytearray()
        while data := self.client.recv(1 << 16):
            waiting += data
            due = 0
            # A message consists of its kind, its length without the kind, and its content, which may be incomplete.
            while len(waiting) >= due + 5 and len(waiting) >= due + 1 + (size := length(waiting, due + 1)):
                content = bytes(waiting[due + 5 : due + 1 + size])
                if fault := self._fault_at(waiting[due : due + 1], content):
                    self.server.sendall(waiting[:due])
                    self._harm(fault)
                    self._is_over.wait(10)  # The server's last messages still have to be passed on.
                    return
                due += 1 + size
            self.server.sendall(waiting[:due])
            del waiting[:due]

    def _greet(self) -> None:
        """Pass on the startup message, which may follow a request for TLS."""
        code = SSL
        while code in {SSL, GSS}:
            head = self._read(4)
            rest = self._read(length(head, 0) - 4)
            code = length(rest, 0)
            self.server.sendall(head + rest)

    def _read(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            if not (data := self.client.recv(size - len(found))):
                raise ConnectionError
            found += data
        return found

    def _fault_at(self, kind: bytes, content: bytes) -> Fault | None:
        """Return the fault that is due before a message; remember one that is due after it."""
        statement = self._statement(bytes(kind), content)
        fault = self.proxy.hear(self, tidy(statement)) if statement else None
        if fault and fault.moment == "after":
            self._pending = fault
            return None
        return fault

    def _statement(self, kind: bytes, content: bytes) -> bytes:
        """Return the statement that a message executes, or b"". The end of COPY data counts as a statement."""
        found = b""
        if kind == b"Q":
            found = content.rstrip(b"\0")
        elif kind == b"P":
            name, query, *_ = content.split(b"\0")
            self._prepared[name] = query
        elif kind == b"B":
            found = self._prepared.get(content.split(b"\0")[1], b"")
        elif kind == b"c":
            return b"end of " + self._copying
        if found:
            self._copying = found
        return found

    # --- from the server ---

    def _return(self) -> None:
        try:
            self._pass_back()
        finally:
            self._is_over.set()

    def _pass_back(self) -> None:
        while data := self.server.recv(1 << 16):
            if not self._backend and (found := re.search(rb"K\0\0\0\x0c(....)", data, re.DOTALL)):
                self._backend = length(found[1], 0)
            if fault := self._pending:
                self._pending = None
                self._harm(fault)
                continue
            self.client.sendall(data)

    def _harm(self, fault: Fault) -> None:
        fault.struck.set()
        if fault.harm == "terminate":
            self.proxy.terminate(self._backend)
        else:
            self.cut()


def length(data: bytes | bytearray, at: int) -> int:
    """Parse a four-byte number."""
    return struct.unpack_from("!i", data, at)[0]
