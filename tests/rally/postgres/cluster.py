"""A data directory of the embedded PostgreSQL, and the processes that use it."""

import contextlib
import subprocess
import sys
from pathlib import Path

import psutil

from tests.support.installation import ROOT, environment
from tests.support.waiting import ended, moments, read_line

#: A user of the server: takes part, says so, and stays until its standard input ends.
USER = """
import sys
import sysconfig
import tempfile
from pathlib import Path
from rally.postgres.embedded import NAME, connect, ensure_running
home = Path(sys.argv[1])
ensure_running(home)
connect(home, NAME).execute("CREATE TABLE IF NOT EXISTS seen (pid int)") if sys.argv[2:] else None
print("here", flush=True)
sys.stdin.read()
"""


class Cluster:
    """A data directory, and the processes that use it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.users: list[subprocess.Popen[str]] = []

    def begin(self, *args: str, python: str = sys.executable, **options) -> subprocess.Popen[str]:
        """Start a user without waiting for it."""
        command = [python, "-c", USER, str(self.home), *args]
        options = {"cwd": ROOT, "env": environment(self.home)} | options
        pipe = subprocess.PIPE
        user = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, **options)
        self.users.append(user)
        return user

    def use(self, *args: str, **options) -> subprocess.Popen[str]:
        """Start a user and wait until it is connected."""
        user = self.begin(*args, **options)
        self.see_in(user)
        return user

    def see_in(self, *users: subprocess.Popen[str]) -> None:
        """Wait until users are connected; fail with their output and the log if one is not."""
        for user in users:
            assert read_line(user.stdout) == "here\n", self.last_words(user)

    def last_words(self, user: subprocess.Popen[str]) -> str:
        user.kill()
        return ended(user)[2] + self.log()

    def log(self) -> str:
        return (self.home / "postgres.log").read_text()

    def processes(self) -> list[psutil.Process]:
        """Return the keeper and all of PostgreSQL's processes."""
        return [process for process in psutil.process_iter() if self.owns(process)]

    def owns(self, process: psutil.Process) -> bool:
        try:
            return (str(self.home) in process.cmdline()[1:] and "-c" not in process.cmdline()[:2]) or (
                process.name() == "postgres" and process.cwd().startswith(str(self.home))
            )
        except psutil.Error:
            return False

    def keepers(self) -> list[psutil.Process]:
        # process_iter ignores processes that end in the meantime.
        return [
            process
            for process in psutil.process_iter(["cmdline"])
            if {"rally.postgres.keeper", str(self.home)} <= set(process.info["cmdline"] or ())
        ]

    def keeper(self) -> psutil.Process:
        [keeper] = self.keepers()
        return keeper

    def postmaster(self) -> psutil.Process:
        return psutil.Process(int((self.home / "postgres" / "postmaster.pid").read_text().split()[0]))

    def is_at_rest(self) -> bool:
        """Whether the keeper and the server end soon after the last user."""
        return any(not self.processes() for _ in moments(20, 0.05))

    def end(self) -> None:
        for user in self.users:
            user.kill()
            ended(user)
        self.kill()
        assert self.is_at_rest()

    def kill(self) -> None:
        """Kill the keeper and all PostgreSQL processes, some of which may end by themselves in the meantime."""
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def copy(home: Path, place: Path) -> None:
    """Copy a data directory with all attributes of its files."""
    subprocess.run(["cp", "-a", home, place], check=True, timeout=60)


def leave(user: subprocess.Popen[str]) -> None:
    """Let a user end normally."""
    assert ended(user)[0] == 0
