"""Servers whose database can be harmed, and servers that reach theirs through a proxy that breaks connections."""

import fcntl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.proxy import Proxy
from tests.faults.site import Site, copy
from tests.support.installation import ROOT, Installation, Server


@pytest.fixture(scope="session")
def prepared(run_folder: Path) -> Path:
    """A data folder with a migrated database and static files, to be copied. The first process that needs it makes it."""
    place = run_folder / "prepared"
    with (run_folder / "prepared.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            site = Site()
            for command in (
                ["migrate"],
                ["shell", "-c", "from rally.server import static_files; static_files.collect()"],
            ):
                done = site.manage(*command, "--verbosity", "0")
                assert done.returncode == 0, done.stderr
            site.wait_until_stopped()
            copy(site.home, place)
            site.__exit__()
    return place


@pytest.fixture(scope="session")
def site(prepared: Path) -> Iterator[Site]:
    """A server with an embedded PostgreSQL of its own, both of which can be harmed."""
    with Site(prepared=prepared) as site:
        yield site


@dataclass
class Proxied:
    """A server, and the proxy in front of its database. The tests' own connections bypass it."""

    server: Server
    proxy: Proxy


@pytest.fixture(scope="session")
def proxied(new_installation: Callable[..., Installation], launch: Callable[..., Server]) -> Iterator[Proxied]:
    """A server behind a proxy, and a worker that takes up what is left, past it."""
    installation = new_installation(RALLY_RATE_LIMIT="100000", RALLY_LEASE="3")
    with tempfile.TemporaryDirectory() as folder, Proxy(installation.database_url, Path(folder)) as proxy:
        server = launch(installation, DATABASE_URL=proxy.url)
        worker = subprocess.Popen([sys.executable, "manage.py", "worker"], cwd=ROOT, env=installation.env)
        yield Proxied(server, proxy)
        worker.kill()
        worker.wait(30)
        server.kill()


@pytest.fixture(scope="session")
def proxied_worker(new_installation: Callable[..., Installation], launch: Callable[..., Server]) -> Iterator[Proxied]:
    """A server with a worker beside it, both behind a proxy."""
    installation = new_installation(RALLY_RATE_LIMIT="100000", RALLY_LEASE="3", RALLY_WORKER="1")
    with tempfile.TemporaryDirectory() as folder, Proxy(installation.database_url, Path(folder)) as proxy:
        server = launch(installation, DATABASE_URL=proxy.url)
        yield Proxied(server, proxy)
        server.kill()


@dataclass
class Shell(Installation):
    """Commands with a separate database, whose connections can be broken. There is no server."""

    proxy: Proxy


@pytest.fixture(scope="module")
def shell(new_installation: Callable[..., Installation]) -> Iterator[Shell]:
    installation = new_installation()
    with tempfile.TemporaryDirectory() as folder, Proxy(installation.database_url, Path(folder)) as proxy:
        yield Shell(installation.database_url, installation.env | {"DATABASE_URL": proxy.url}, proxy)


def pytest_make_parametrize_id(config: Any, val: Any) -> str | None:
    """Use the names of operations as test ids."""
    return str(val) if hasattr(val, "is_repeatable") else None
