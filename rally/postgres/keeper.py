"""The keeper: starts the embedded PostgreSQL, and stops it when nobody uses it any more. See embedded.

Run as ``python -m rally.postgres.keeper RALLY_DATA_DIR``.
"""

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from psycopg import sql

from rally.postgres.embedded import NAME, USER, WHEEL, answers, connect, open_locked, socket_directory

BINARIES = WHEEL / "pginstall18" / "bin"
SYSTEM_USER = "rally-postgres"
POLL = 0.2
#: Embedded means small and private: one machine, no network, the same durability as any PostgreSQL.
OPTIONS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "4GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}


def main(home: Path) -> None:
    """Keep the server of a data directory until nobody uses it."""
    try:
        keeper = open_locked(home / "postgres.keeper", fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # Somebody else keeps it.
    # Asked to end, it stops the server first, though it be just starting; those who still need it start another.
    requests: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: requests.append(number))
    with keeper:
        server = running_server(home) or start_server(home, unprivileged_account())
        try:
            create_database(home)
            users = wait_until_unused(home, server, requests)
        except BaseException:
            stop_server(server)
            raise
        with users or contextlib.nullcontext():
            stop_server(server)


def unprivileged_account() -> pwd.struct_passwd | None:
    """Return the account that the server runs as where we are root, which PostgreSQL refuses to run as."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    with contextlib.suppress(OSError):
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        subprocess.run(command, check=False, capture_output=True)
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    return pwd.getpwnam("nobody")


def start_server(home: Path, account: pwd.struct_passwd | None) -> psutil.Popen:
    """Start PostgreSQL over the data, made first where there is none; return its process once it answers."""
    prepare_directories(home, account)
    remove_stale_files(home)
    command = [str(BINARIES / "postgres"), "-D", str(home / "postgres"), "-k", str(socket_directory(home))]
    for name, value in OPTIONS.items():
        command += ["-c", f"{name}={value}"]
    for attempt in range(4):
        server = psutil.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, cwd="/", **identity(account))
        while server.poll() is None:
            if answers(home, "postgres"):
                return server
            time.sleep(0.02)
        # The children of a postmaster that was killed keep its shared memory for a moment.
        time.sleep(0.3 * (attempt + 1))
    raise SystemExit("PostgreSQL did not start.")


def identity(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Return how a process becomes the account."""
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


def prepare_directories(home: Path, account: pwd.struct_passwd | None) -> None:
    """Make the data and the socket's directory, for the account alone."""
    sockets = socket_directory(home)
    sockets.mkdir(mode=0o700, exist_ok=True)
    if account:
        open_binaries()
        for path in (home / "postgres", sockets, BINARIES / "postgres"):
            let_through(path)
    own(sockets, account)
    remove_unfinished(home)
    if not (home / "postgres").exists():
        make_cluster(home, account)


def own(path: Path, account: pwd.struct_passwd | None) -> None:
    """Give a directory to the account; refuse one that somebody else put there."""
    if path.is_symlink() or path.stat().st_uid not in {os.geteuid(), account.pw_uid if account else os.geteuid()}:
        raise SystemExit(f"{path} belongs to somebody else.")
    path.chmod(0o700)
    if account:
        os.chown(path, account.pw_uid, account.pw_gid)


def let_through(path: Path) -> None:
    """Let the account pass through the directories above a path; it may not list them."""
    for parent in path.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def open_binaries() -> None:
    """Let everybody read and run the server's programs, where they were installed under a strict umask."""
    if (BINARIES / "postgres").stat().st_mode & stat.S_IXOTH and BINARIES.stat().st_mode & stat.S_IXOTH:
        return
    for path in (BINARIES.parent, *BINARIES.parent.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        # What the owner may read or run, others may; links have no mode of their own.
        if not path.is_symlink():
            path.chmod(mode | (mode & stat.S_IRUSR) >> 6 | (mode & stat.S_IXUSR) >> 6)


def make_cluster(home: Path, account: pwd.struct_passwd | None) -> None:
    """Make the data under another name first, so that a half-made cluster is never taken for a whole one."""
    unfinished = Path(tempfile.mkdtemp(prefix="postgres.unfinished-", dir=home))
    own(unfinished, account)
    command = [str(BINARIES / "initdb"), "-D", str(unfinished), "-U", USER, "--auth=trust", "--encoding=UTF8"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, cwd="/", **identity(account))
    unfinished.rename(home / "postgres")


def remove_unfinished(home: Path) -> None:
    """Remove the half-made data of a killed keeper, once the initdb that may still be making it is ended."""
    for left_over in home.glob("postgres.unfinished-*"):
        # More than once: initdb may start another process while it is looked for.
        for _ in range(3):
            at_work = processes_in(left_over)
            for process in at_work:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(at_work, timeout=10)
        shutil.rmtree(left_over, ignore_errors=True)


def running_server(home: Path) -> psutil.Process | None:
    """Return the server of the data where one runs, though its keeper is gone."""
    try:
        server = psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().split()[0]))
        is_ours = server.name() == "postgres" and str(home / "postgres") in server.cmdline()
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    while is_ours and server.is_running():
        if answers(home, "postgres"):
            return server
        time.sleep(0.1)
    return None


def processes_in(directory: Path) -> list[psutil.Process]:
    """Return the processes of PostgreSQL that work in a data directory, or were told to."""
    found = []
    for process in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if process.info["name"] in {"postgres", "initdb"} and (
                process.cwd() == str(directory) or str(directory) in process.cmdline()
            ):
                found.append(process)
    return found


def remove_stale_files(home: Path) -> None:
    """Remove what a killed server left, lest another process that got its number be taken for it."""
    # The children of a killed server may not have noticed yet.
    _, alive = psutil.wait_procs(processes_in(home / "postgres"), timeout=30)
    if alive:
        raise SystemExit(f"Process {alive[0].pid} of another PostgreSQL is at work in {home / 'postgres'}.")
    for path in (home / "postgres" / "postmaster.pid", *socket_directory(home).glob(".s.PGSQL.*")):
        path.unlink(missing_ok=True)


def create_database(home: Path) -> None:
    """Create the product's database where it is missing."""
    if not answers(home):
        with connect(home, "postgres") as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))


def wait_until_unused(home: Path, server: psutil.Process, requests: list[int]) -> Any:
    """Return the users' lock once nobody else holds it; None when the server has ended, or is requested to."""
    while not requests and server.is_running() and server.status() != psutil.STATUS_ZOMBIE:
        try:
            return open_locked(home / "postgres.users", fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(POLL)
    return None


def stop_server(server: psutil.Process) -> None:
    """Stop the server: a fast shutdown, an immediate one where that takes too long."""
    for signal_, seconds in ((signal.SIGINT, 60), (signal.SIGQUIT, 10)):
        with contextlib.suppress(psutil.NoSuchProcess):
            server.send_signal(signal_)
        with contextlib.suppress(psutil.TimeoutExpired):
            server.wait(seconds)
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
