"""Workers on hosts of their own, which are network namespaces, and a cable to each that can be pulled.

PostgreSQL is reached over TCP, as from another host. Needs root, and iproute2.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.faults.killing import OPERATIONS, Kill, Kills
from tests.faults.works import Member, Worker, Works
from tests.support.installation import Installation, environment, free_port
from tests.support.waiting import moments

#: Seconds that a host stays cut off after others have done its work.
LONGER = 3.0


def why_not() -> str:
    """Return why there can be no network namespaces here, or ""."""
    if os.geteuid() != 0:
        return "Network namespaces need root."
    if not shutil.which("ip"):
        return "Network namespaces need the command ip (iproute2)."
    made = ip("netns", "add", name := f"rally-{os.getpid()}-try", check=False)
    if made.returncode:
        return f"Network namespaces are not possible here: {made.stderr.strip()}"
    ip("netns", "delete", name)
    return ""


def ip(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command of iproute2."""
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True, timeout=30)


class Host:
    """A network namespace with a cable to this host."""

    def __init__(self, number: int) -> None:
        self.name, self._cable = f"rally-{os.getpid()}-{number}", f"rk{os.getpid() % 10**7}h{number}"
        self.near, far = f"10.213.{number}.1", f"10.213.{number}.2"
        ip("netns", "add", self.name)
        ip("link", "add", self._cable, "type", "veth", "peer", "name", "far", "netns", self.name)
        ip("address", "add", f"{self.near}/24", "dev", self._cable)
        ip("-n", self.name, "address", "add", f"{far}/24", "dev", "far")
        ip("-n", self.name, "link", "set", "lo", "up")
        ip("-n", self.name, "link", "set", "far", "up")
        self.connect()

    @property
    def prefix(self) -> tuple[str, ...]:
        """What stands before a command that is to run on the host."""
        return ("ip", "netns", "exec", self.name)

    def connect(self) -> None:
        """Plug the cable in."""
        ip("link", "set", self._cable, "up")

    def cut_off(self) -> None:
        """Pull the cable: what is sent is lost, and nobody is told."""
        ip("link", "set", self._cable, "down")

    def remove(self) -> None:
        """Delete the namespace, and with it the cable."""
        ip("netns", "delete", self.name, check=False)
        ip("link", "delete", self._cable, check=False)


@contextlib.contextmanager
def two_hosts() -> Iterator[list[Host]]:
    """Two hosts."""
    hosts: list[Host] = []
    try:
        hosts += [Host(number) for number in (1, 2)]
        yield hosts
    finally:
        for host in hosts:
            host.remove()


@contextlib.contextmanager
def on_tcp_server(hosts: list[Host]) -> Iterator[Installation]:
    """A new installation with a PostgreSQL that the hosts reach over TCP. The installation itself uses a socket."""
    from rally.postgres import keeper
    from rally.postgres.embedded import NAME, USER, socket_directory

    account, port = keeper.unprivileged_account(), free_port()
    with tempfile.TemporaryDirectory(prefix="rally-network-", ignore_cleanup_errors=True) as folder:
        home = Path(folder, "home")
        home.mkdir(mode=0o711)
        keeper.prepare_directories(home, account)
        with (home / "postgres" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.213.0.0/16 trust\n")
        options = {"listen_addresses": ",".join(host.near for host in hosts), "port": str(port), "timezone": "UTC"}
        command = [str(keeper.BINARIES / "postgres"), "-D", str(home / "postgres"), "-k", str(socket_directory(home))]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with (home / "log").open("wb") as log:
            server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **keeper.identity(account)
            )
        try:
            at = f"host={socket_directory(home)}&port={port}"
            create_database(f"postgresql://{USER}@/postgres?{at}", NAME)
            url = f"postgresql://{USER}@/{NAME}?{at}"
            found = Installation(url, environment(home, DATABASE_URL=url, TCP=f":{port}/{NAME}"))
            done = found.manage("migrate", "--verbosity", "0", timeout=300)
            assert done.returncode == 0, done.stderr
            yield found
        finally:
            server.send_signal(signal.SIGQUIT)  # At once: a session of a host that is gone would be waited for.
            server.wait(60)


def create_database(url: str, name: str) -> None:
    """Create a database as soon as the server takes connections."""
    for _ in moments(60, 0.1):
        with (
            contextlib.suppress(psycopg.OperationalError),
            psycopg.connect(url, autocommit=True) as connection,
        ):
            connection.execute(f"CREATE DATABASE {name}")
            return
    raise TimeoutError("PostgreSQL does not start.")


class Cuts(Kills):
    """Rounds in which the worker at a run is cut off from the database, and comes back when others have done it."""

    def __init__(self, works: Works, folder: Path, hosts: list[Host], *, seed: int, rows: int) -> None:
        super().__init__(works, folder, seed=seed, rows=rows)
        self._hosts = {}
        self.ended = 0
        for host in hosts:
            self._start(host)

    def _start(self, host: Host) -> Worker:
        from rally.postgres.embedded import USER

        url = f"postgresql://{USER}@{host.near}{self.works.installation.env['TCP']}"
        worker = self.works.start_worker(*host.prefix, DATABASE_URL=url)
        self._hosts[worker] = host
        return worker

    def _round(self, name: str, number: int, usual: float, right: object) -> None:
        tenant, run, begun = self._begin(name, number)
        time.sleep(self.chance.uniform(0.1, 0.9) * usual)
        victim = self.works.at_work(run)
        for _ in moments(10, 0.001):
            if victim := victim or self.works.at_work(run):
                break
            if self.works.is_over(run):
                victim = self.chance.choice(self.works.workers)
        host = self._hosts[victim]
        host.cut_off()
        phase, cut, delay, taken_up, ended = self.phase(run), time.monotonic(), time.monotonic() - begun, None, None
        for _ in moments(60, 0.01):
            at_work = self.works.at_work(run)
            if taken_up is None and at_work and at_work is not victim:
                taken_up = time.monotonic() - cut
            if self.works.is_over(run):
                ended = time.monotonic() - cut
                break
        wrong = [] if ended else [f"nobody takes it up: {self.works.status(run)}"]
        time.sleep(LONGER)
        before = tenant.has()
        host.connect()
        time.sleep(LONGER)
        if tenant.has() != before:
            wrong.append(f"stored when it was back: {tenant.has()}, not {before}")
        wrong += self._works_again(victim, host)
        self._start_anew()
        OPERATIONS[name].finish(self.works, run)
        wrong += self._wrong(tenant, right)
        self.done.append(
            Kill(name, delay, phase, taken_up, ended, [f"{name} {number}, {phase}: {what}" for what in wrong])
        )

    def _works_again(self, worker: Worker, host: Host) -> list[str]:
        """Return what is wrong with a worker whose host is back: alone, it has to do a run."""
        for other in [each for each in self.works.workers if each is not worker]:
            self.works.kill_worker(other)
        for _ in moments(LONGER, 0.1):
            if worker.process.poll() is not None:
                self.ended += 1
                break
        else:
            tenant = Member(self.works.installation)
            run = OPERATIONS["plan"].start(self.works, tenant, str(self._file), 0)
            try:
                self.works.wait(run)
            except TimeoutError as error:
                return [f"the one that is back does nothing: {error}"]
        return []

    def _start_anew(self) -> None:
        """Replace both workers."""
        for worker in list(self.works.workers):
            self.works.kill_worker(worker)
        for host in set(self._hosts.values()):
            self._start(host)
