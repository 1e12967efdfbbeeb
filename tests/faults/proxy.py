"""A proxy before PostgreSQL that understands enough of its protocol to break a connection at a chosen statement."""

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
LITERAL = re.compile(r"'(?:[^']|'')*'| ?-?\b\d+\b")
SPACE = re.compile(r"\s+")


def tidy(statement: bytes) -> str:
    """Return a statement without values, quotes of names, the size of types and the names of cursors, so that two can
    be compared."""
    text = re.sub(r"\bint[248]\b", "int", statement.decode(errors="replace"))
    text = re.sub(r"_django_curs_\w+", "_django_curs", text)
    return SPACE.sub(" ", LITERAL.sub("?", text).replace('"', "")).strip()


@dataclass
class Fault:
    """What is to happen, once: at the ``nth`` statement with a ``marker`` in it, before it is passed on or after.

    After: when the server has answered, of which the client learns nothing. ``harm`` is "cut", as a network does it,
    or "terminate", by which the server itself ends the session and says so.
    """

    marker: str
    moment: str = "before"
    nth: int = 1
    harm: str = "cut"
    #: A statement that the same connection must have sent before, since this was armed.
    following: str = ""
    struck: threading.Event = field(default_factory=threading.Event)
    met: int = 0

    def is_due(self, statement: str, sent: list[str]) -> bool:
        """Whether a statement is the one."""
        if self.marker not in statement or not any(self.following in earlier for earlier in [*sent, statement]):
            return False
        self.met += 1
        return self.met == self.nth


class Proxy:
    """Listens on a Unix socket and passes on what it hears. Use as a context manager."""

    def __init__(self, database_url: str, directory: Path) -> None:
        self._upstream = psycopg.conninfo.conninfo_to_dict(database_url)
        here = {"host": str(directory), "port": "5432", "sslmode": "disable", "gssencmode": "disable"}
        self.url = f"postgresql:///?{urlencode(self._upstream | here)}"
        self._path = directory / ".s.PGSQL.5432"
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self._ears: list[list[str]] = []
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
            server.settimeout(None)  # A session may be silent for as long as it likes.
            return server
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    # --- for tests ---

    @contextlib.contextmanager
    def armed(self, fault: Fault) -> Iterator[Fault]:
        """Have a fault happen inside."""
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
    def heard(self) -> Iterator[list[str]]:
        """Give the statements that are sent inside, tidied, in their order."""
        ear: list[str] = []
        with self._lock:
            self._ears.append(ear)
        try:
            yield ear
        finally:
            with self._lock:
                # By identity: two that heard the same are equal.
                self._ears = [other for other in self._ears if other is not ear]

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Be a network that is down: all connections are cut, and none is made."""
        self._is_down = True
        self.cut_all()
        try:
            yield
        finally:
            self._is_down = False

    def cut_all(self) -> None:
        """Cut all connections there are."""
        for connection in list(self._connections):
            connection.cut()

    # --- for connections ---

    def hear(self, connection: "Connection", statement: str) -> Fault | None:
        """Note a statement; return the fault that is to happen at it."""
        with self._lock:
            for ear in self._ears:
                ear.append(statement)
            fault, sent = self._fault, list(connection.sent)
            connection.sent.append(statement)
            return fault if fault and fault.is_due(statement, sent) else None

    def terminate(self, backend: int) -> None:
        """Have the server end a session, and return when it has."""
        with psycopg.connect(**self._upstream, autocommit=True) as own:
            own.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])


class Connection:
    """A client, and its session on the server."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        #: Statements sent of late; what is armed may ask for one.
        self.sent: deque[str] = deque(maxlen=1000)
        self._prepared: dict[bytes, bytes] = {}
        self._copying = b""
        self._backend = 0
        #: The fault that happens when the server answers.
        self._pending: Fault | None = None
        #: Set when the server has said all that it had to say.
        self._is_over = threading.Event()

    def start(self) -> None:
        """Pass on, both ways, until either side ends."""
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
        """Let neither side hear of the other any more."""
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
            # A message is its kind, its length without the kind, and its content; of one that came in part, no more
            # is known.
            while len(waiting) >= due + 5 and len(waiting) >= due + 1 + (size := length(waiting, due + 1)):
                content = bytes(waiting[due + 5 : due + 1 + size])
                if fault := self._fault_at(waiting[due : due + 1], content):
                    self.server.sendall(waiting[:due])
                    self._harm(fault)
                    self._is_over.wait(10)  # The server's last words are still to be passed on.
                    return
                due += 1 + size
            self.server.sendall(waiting[:due])
            del waiting[:due]

    def _greet(self) -> None:
        """Pass on who the client is; it may first ask for TLS, which the server's answer says."""
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
        """Return the fault that is to happen before a message; note one that is to happen after."""
        statement = self._statement(bytes(kind), content)
        fault = self.proxy.hear(self, tidy(statement)) if statement else None
        if fault and fault.moment == "after":
            self._pending = fault
            return None
        return fault

    def _statement(self, kind: bytes, content: bytes) -> bytes:
        """Return the statement that a message has carried out, or b"". The end of a COPY's rows is one as well."""
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
    """Return a number of four bytes."""
    return struct.unpack_from("!i", data, at)[0]
