"""Whether the server could listen on a port. Needs nothing but Python, so that make can ask before the set-up."""

from __future__ import annotations  # The system's Python may be older than the one that the server runs on.

import errno
import os
import socket
import sys


def why_not(host: str, port: int) -> str | None:
    """Return why nothing can listen on a port of a host (a name or an address), or None."""
    if not 1 <= port <= 65_535:
        return f"PORT is {port}; expected a number from 1 to 65535."
    try:
        family, kind, _, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as listener:
            # As gunicorn does: connections of an earlier server that are being closed do not matter.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"Port {port} on {host} is in use. Stop what listens there, or name another port: PORT={port + 1}"
        return f"The server cannot listen on port {port} of {host}: {error.strerror}."
    return None


def main() -> str | None:
    """Check the port that the environment names; a setting that makes no sense is left to the server to report."""
    port = os.environ.get("PORT", "").strip() or "8000"
    is_number = port.isascii() and port.isdigit()
    return why_not(os.environ.get("RALLY_BIND") or "127.0.0.1", int(port)) if is_number else None


if __name__ == "__main__":
    sys.exit(main())
