"""Clients that load a server: small calls, whose times are measured, and exports, which another process asks for.

``python -m benchmarks.load PORT KEY CLIENTS`` asks for exports until its standard input ends, then prints how many
responses there were by status.
"""

import contextlib
import json
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections import Counter

SMALL = "/api/v1/importexport/contacts/template"
EXPORTS = ("/api/v1/importexport/contacts/export", "/api/v1/importexport/contacts/export/excel")
END = b"\r\n\r\n"


def small_calls(server, target=SMALL, *, seconds, clients=4):
    """Send small calls over some connections, one after another; return the seconds that each took."""
    found, end = [[] for _ in range(clients)], time.perf_counter() + seconds
    request = head(target, server.key)

    def ask(times):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            while (start := time.perf_counter()) < end:
                connection.sendall(request)
                answer = b""
                while END not in answer or not is_whole(answer):
                    answer += connection.recv(65536)
                assert answer.startswith(b"HTTP/1.1 200"), answer
                times.append(time.perf_counter() - start)

    threads = [threading.Thread(target=ask, args=(times,)) for times in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [each for times in found for each in times]


def p99(times):
    """Return the time that one in a hundred exceeds."""
    return sorted(times)[int(len(times) * 0.99)]


def head(target, key):
    """Return a request."""
    return f"GET {target} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {key}\r\n\r\n".encode()


def is_whole(answer):
    """Whether the body of a response is complete."""
    head, _, body = answer.partition(END)
    return len(body) == int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])


@contextlib.contextmanager
def exports(server, clients):
    """Context in which clients ask for exports, half of them as CSV; yields the number of complete responses by status,
    which is filled in at the end."""
    command = [sys.executable, "-m", "benchmarks.load", str(server.port), server.key, str(clients)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    counts = Counter()
    try:
        yield counts
    finally:
        counts.update(json.loads(process.communicate()[0]))


class ExportClient:
    """A client that asks for an export, and for the next one when it has been answered."""

    def __init__(self, selector, address, request):
        self.selector, self.address, self.request = selector, address, request
        self.due = 0.0
        self.connection = None

    def ask(self):
        self.connection = socket.create_connection(self.address)
        self.connection.sendall(self.request)
        self.head = b""
        self.selector.register(self.connection, selectors.EVENT_READ, self)

    def read(self):
        """Read on; return the status of the response once it has ended."""
        try:
            data = self.connection.recv(1 << 20)
        except OSError:
            data = b""
        if END not in self.head:
            self.head += data
        return None if data else self.close()

    def close(self):
        self.selector.unregister(self.connection)
        self.connection.close()
        self.connection = None
        headers = self.head.partition(END)[0].decode().lower()
        self.due = time.monotonic() + int((headers.partition("\r\nretry-after: ")[2] or "0").split("\r\n")[0])
        return headers[9:12] or "none"


def ask_for_exports(port, key, clients):
    """Ask for exports until the standard input ends; print the number of responses by status."""
    counts, selector = Counter(), selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    requests = [head(target, key).replace(END, b"\r\nConnection: close" + END) for target in EXPORTS]
    asking = [ExportClient(selector, ("127.0.0.1", port), requests[number % 2]) for number in range(clients)]
    while True:
        for client in asking:
            if client.connection is None and client.due <= time.monotonic():
                client.ask()
        for event, _ in selector.select(0.1):
            if event.data is None:
                print(json.dumps(counts))
                return
            if status := event.data.read():
                counts[status] += 1


if __name__ == "__main__":
    ask_for_exports(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
