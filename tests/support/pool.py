"""pgbouncer in front of the tests' PostgreSQL, in transaction mode: each transaction gets a session of a few."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.installation import free_port
from tests.support.waiting import moments

#: Sessions of each database.
PLACES = 4
MISSING = "pgbouncer was not found; install it (apt-get install pgbouncer, or brew install pgbouncer)."
CONFIGURATION = """
[databases]
* = {server}
[pgbouncer]
pool_mode = transaction
default_pool_size = {places}
max_client_conn = 1000
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
query_wait_timeout = 30
server_login_retry = 0
"""


class Pool:
    """A running pgbouncer. ``server`` has the libpq parameters of PostgreSQL, without the name of a database."""

    def __init__(self, server: dict[str, str]) -> None:
        self.port = free_port()
        # Outside pytest's directories, which the account below cannot access.
        self._folder = Path(tempfile.mkdtemp(prefix="rally-pool-"))
        self._folder.chmod(0o755)
        file, self._log = self._folder / "pgbouncer.ini", self._folder / "log"
        parameters = " ".join(f"{name}={value}" for name, value in server.items() if value)
        file.write_text(CONFIGURATION.format(server=parameters, places=PLACES, port=self.port))
        with self._log.open("wb") as output:
            self._process = subprocess.Popen([program(), file], stdout=output, stderr=output, **account(server["host"]))
        assert any(self._is_up() for _ in moments()), self._log.read_text()

    def _is_up(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
            return True
        assert self._process.poll() is None, self._log.read_text()
        return False

    def url(self, database_url: str) -> str:
        """Return the URL of a database through the pool."""
        return f"postgresql://pooled@127.0.0.1:{self.port}{urlsplit(database_url).path}"

    def stop(self) -> None:
        """End it, with its sessions."""
        self._process.kill()
        self._process.wait(30)
        shutil.rmtree(self._folder)


def program() -> str:
    """Return the path of pgbouncer; skip the test, or fail where it is required, if there is none."""
    # Debian installs it where not everybody looks.
    found = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        if os.environ.get("RALLY_REQUIRE_POOL") == "1":
            pytest.fail(MISSING, pytrace=False)
        pytest.skip(MISSING)
    return found


def account(host: str) -> dict[str, Any]:
    """Return the arguments that start a process as the owner of PostgreSQL's socket: pgbouncer does not run as root."""
    if os.geteuid() != 0:
        return {}
    owner = Path(host).stat() if host.startswith("/") else None
    ids = (owner.st_uid, owner.st_gid) if owner and owner.st_uid else (65534, 65534)
    return {"user": ids[0], "group": ids[1], "extra_groups": []}
