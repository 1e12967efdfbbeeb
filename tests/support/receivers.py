"""Receivers of webhooks, and servers of files: real ones that take, give, refuse or ignore."""

import contextlib
import datetime as dt
import ipaddress
import signal
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.db import connection

from tests.support.installation import ROOT
from tests.support.waiting import ended, wait_until


@dataclass(frozen=True)
class Received:
    """A request: its path, its headers with names in lower case, its body and its method."""

    path: str
    headers: dict
    body: bytes
    method: str


class Receiver:
    """A server on 127.0.0.1 that answers with the statuses in ``answers`` one after the other, then with 204.

    An answer can also be a function, which is called with the handler of the request.
    """

    def __init__(self, *answers, context=None):
        self.answers, self.received = list(answers), []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(self))
        self._server.daemon_threads = True
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def handler_for(receiver):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(self.path, headers, body, self.command))
            answer = receiver.answers.pop(0) if receiver.answers else 204
            with contextlib.suppress(OSError):
                answer(self) if callable(answer) else respond(answer)(self)

        do_GET = do_PUT = do_POST  # noqa: N815 - as the handler calls them

        def log_message(self, *_):
            pass

    return Handler


def respond(status, body=b"", **headers):
    """Return a status with headers and a body."""

    def answer(handler):
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hang(handler):
    """Answer nothing for longer than anybody waits."""
    time.sleep(60)


def drip(handler):
    """Send a byte of the head of an answer from time to time, without an end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(1000):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


def reset(handler):
    """Close the connection without an answer."""
    handler.connection.setsockopt(1, 13, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # SO_LINGER: with a RST
    handler.connection.close()


def flood(handler):
    """Send ten megabytes."""
    respond(200, b"x" * 10_000_000)(handler)


def give(content):
    """Return a file."""
    return respond(200, content if isinstance(content, bytes) else content.encode())


def break_off(handler):
    """Send half of a file, and close the connection."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"first_name,last_name,email\n")


def end_nowhere(handler):
    """Send a file whose end is the end of the connection, which is cut off without saying so."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"first_name,last_name,email\nAda,Lovelace,ada@example.com\n")


def stall(handler):
    """Send the beginning of a file, and then nothing for longer than anybody waits."""
    break_off(handler)
    handler.wfile.flush()
    time.sleep(60)


def pour(handler):
    """Send more and more of a file that does not say how large it is."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(10_000):
        handler.wfile.write(b"x" * 10_000)


def babble(handler):
    """Answer with something that is not HTTP."""
    handler.wfile.write(b"220 smtp.example ESMTP\r\n")


def certificate(folder):
    """Make a certificate for 127.0.0.1; return the file that has it, and a context for a server that has its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")]), dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path, key_path = folder / "certificate.pem", folder / "key.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key_path)
    return path, context


def kill_worker_at(receiver, environment):
    """Start a worker, and kill it as soon as a receiver has been asked; its jobs are those of a dead worker then."""
    worker = subprocess.Popen(
        [sys.executable, "manage.py", "worker"], cwd=ROOT, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        wait_until(lambda: receiver.received or worker.poll() is not None, "the receiver is asked")
    finally:
        worker.send_signal(signal.SIGKILL)
        _, _, said = ended(worker)
    assert receiver.received, said
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '11 s'")
