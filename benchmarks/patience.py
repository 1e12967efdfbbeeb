"""``python -m benchmarks.patience`` measures the effect of slow clients on the response times of others.

A health check and a small request of another tenant are sent repeatedly, each over a new connection, while hundreds of
clients are slow in one of several loads, or while imports of one tenant wait for a lock.
"""

import argparse
import contextlib
import http.client
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg

from benchmarks.__main__ import Database, Server
from benchmarks.measure import in_child

IMPORT = "/api/v1/importexport/contacts/import"
SMALL_REQUEST = "/api/v1/importexport/contacts/template"
FORM = "Content-Type: application/x-www-form-urlencoded"
UPLOAD = "Content-Type: multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
ROWS = b"first_name,last_name,email\nAda,Lovelace,ada@example.com\n"


def main():
    options = arguments()
    with Database() as url:
        os.environ["DATABASE_URL"] = url
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], check=True)
        in_child("prepare")
        with Server() as server:
            print("| load | /healthz: median, worst | another tenant's small request: median, worst |\n|---|---|---|")
            for name, load in loads(server, url, options):
                with load:
                    time.sleep(options.settle)
                    print(f"| {name} | {measure(server, '/healthz', options)} | {small_request(server, options)} |")


def arguments():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.patience")
    parser.add_argument("--clients", type=int, default=500, help="slow clients")
    parser.add_argument("--imports", type=int, default=200, help="waiting imports")
    parser.add_argument("--settle", type=float, default=5, help="seconds to wait before measuring")
    parser.add_argument("--asked", type=int, default=100, help="health checks, and requests, per load")
    return parser.parse_args()


def loads(server, url, options):
    """Yield each load: its name, and a context manager that maintains it."""
    many = options.clients
    yield "none", contextlib.nullcontext()
    yield f"{many} incomplete heads", slow_clients(server, many, b"GET /healthz HTTP/1.1\r\nHost: loc")
    yield (
        f"{many} sign-ins at a byte per second",
        slow_clients(server, many, post("/admin/login/", FORM, 1000), drip=b"x"),
    )
    chunked = post("/admin/login/", FORM, None) + b"3e8\r\nusername"
    yield f"{many} incomplete chunked sign-ins", slow_clients(server, many, chunked)
    upload = post(IMPORT, UPLOAD, 5_000_000) + PART
    yield f"{many} uploads without a key", slow_clients(server, many, upload, drip=ROWS)
    page = post("/admin/crm/contact/import/", UPLOAD, 5_000_000) + PART
    yield f"{many} uploads to a page without signing in", slow_clients(server, many, page, drip=ROWS)
    for what, path in (("a static file", largest_static_file()), ("a page", "/api/v1/schema")):
        yield f"{many} clients that do not read {what}", slow_clients(server, many, get(path) * 3, reading=False)
    yield f"{options.imports} waiting imports of one tenant", waiting_imports(server, url, options.imports)


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path, kind, length):
    framing = f"Content-Length: {length}" if length else "Transfer-Encoding: chunked"
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{kind}\r\n{framing}\r\n\r\n".encode()


def largest_static_file():
    from django.conf import settings

    return "/static/" + str(
        max((file.stat().st_size, file.relative_to(settings.STATIC_ROOT)) for file in files(settings.STATIC_ROOT))[1]
    )


def files(folder):
    return [file for file in Path(folder).rglob("*") if file.is_file()]


@contextlib.contextmanager
def slow_clients(server, number, data, *, drip=b"", reading=True):
    """Connect a number of clients that send some data, followed by at most ``drip`` per second."""
    clients = [new_client(server, data, reading=reading) for _ in range(number)]
    is_over = threading.Event()
    dripping = threading.Thread(target=keep_dripping, args=(clients, drip, is_over))
    dripping.start()
    yield
    is_over.set()
    dripping.join()
    for client in clients:
        client.close()


def new_client(server, data, *, reading):
    client = socket.socket()
    if not reading:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.connect(("127.0.0.1", server.port))
    client.sendall(data)
    return client


def keep_dripping(clients, drip, is_over):
    while drip and not is_over.wait(1):
        for client in clients:
            with contextlib.suppress(OSError):
                client.send(drip)


@contextlib.contextmanager
def waiting_imports(server, url, number):
    """Start a number of imports of the server's tenant that wait for a locked table."""
    statuses = []
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE crm_contact IN ACCESS EXCLUSIVE MODE")
        threads = [threading.Thread(target=import_one, args=(server, statuses)) for _ in range(number)]
        for thread in threads:
            thread.start()
        yield
    for thread in threads:
        thread.join()
    print("their responses:", {status: statuses.count(status) for status in sorted(set(statuses))}, file=sys.stderr)


def import_one(server, statuses):
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    headers = {"X-Api-Key": server.key, "Content-Type": "multipart/form-data; boundary=b"}
    client.request("POST", IMPORT, body=PART + ROWS + b"\r\n--b--\r\n", headers=headers)
    statuses.append(client.getresponse().status)
    client.close()


def small_request(server, options):
    return measure(server, SMALL_REQUEST, options, **{"X-Api-Key": other_key()})


def other_key(made=[]):  # noqa: B006 - caches the key
    if not made:
        slug = f"other-{secrets.token_hex(4)}"
        for command in (["create_tenant", slug, "--name", slug], ["create_api_key", slug, "--name", "patience"]):
            done = subprocess.run([sys.executable, "manage.py", *command], check=True, capture_output=True, text=True)
        made.append(done.stdout.strip())
    return made[0]


def measure(server, path, options, **headers):
    """Return the median and worst response times as text."""
    taken = sorted(seconds_of(server, path, headers) for _ in range(options.asked))
    return f"{statistics.median(taken) * 1000:.1f} ms, {taken[-1] * 1000:.1f} ms"


def seconds_of(server, path, headers):
    start = time.perf_counter()
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    with contextlib.closing(client):
        client.request("GET", path, headers=headers)
        answer = client.getresponse()
        answer.read()
    assert answer.status == 200, json.dumps([path, answer.status])
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
