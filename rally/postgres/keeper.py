"""The keeper, which starts the embedded PostgreSQL and stops it when no process uses it. See rally.postgres.embedded.

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
#: A small, private server: one machine, no network, but the same durability as any PostgreSQL.
OPTIONS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    # As for any disk without moving parts. The search reads an index of all contacts instead of the table.
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}


def main(home: Path) -> None:
    """Run the server of a data directory until no process uses it."""
    try:
        keeper = open_locked(home / "postgres.keeper", fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # Another keeper is running.
    # On SIGTERM, stop the server first, even if it is still starting. Processes that need it start another keeper.
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
    """Return the account to run the server as if this process runs as root, which PostgreSQL does not allow."""
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
    """Start PostgreSQL, creating its data if necessary; return the process once it accepts connections."""
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
        # The children of a killed postmaster hold its shared memory for a moment.
        time.sleep(0.3 * (attempt + 1))
    raise SystemExit("PostgreSQL did not start.")


def identity(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Return the arguments that start a process as an account."""
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


def prepare_directories(home: Path, account: pwd.struct_passwd | None) -> None:
    """Create the directories of the data and the socket, which only the account can access."""
    sockets = socket_directory(home)
    sockets.mkdir(mode=0o700, exist_ok=True)
    if account:
        open_binaries()
        for path in (home / "postgres", sockets, BINARIES / "postgres"):
            allow_traversal(path)
    take_ownership(sockets, account)
    remove_incomplete_data(home)
    if not (home / "postgres").exists():
        create_cluster(home, account)


def take_ownership(path: Path, account: pwd.struct_passwd | None) -> None:
    """Make the account the owner of a directory; exit if it belongs to another user."""
    if path.is_symlink() or path.stat().st_uid not in {os.geteuid(), account.pw_uid if account else os.geteuid()}:
        raise SystemExit(f"{path} belongs to another user.")
    path.chmod(0o700)
    if account:
        os.chown(path, account.pw_uid, account.pw_gid)


def allow_traversal(path: Path) -> None:
    """Let the account traverse, but not list, the parent directories of a path."""
    for parent in path.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def open_binaries() -> None:
    """Let all users read and run the server's programs, in case they were installed with a strict umask."""
    if (BINARIES / "postgres").stat().st_mode & stat.S_IXOTH and BINARIES.stat().st_mode & stat.S_IXOTH:
        return
    for path in (BINARIES.parent, *BINARIES.parent.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        # Give other users the permissions of the owner. Links have no permissions of their own.
        if not path.is_symlink():
            path.chmod(mode | (mode & stat.S_IRUSR) >> 6 | (mode & stat.S_IXUSR) >> 6)


def create_cluster(home: Path, account: pwd.struct_passwd | None) -> None:
    """Create the data under a temporary name, so that incomplete data is never used."""
    unfinished = Path(tempfile.mkdtemp(prefix="postgres.unfinished-", dir=home))
    take_ownership(unfinished, account)
    command = [str(BINARIES / "initdb"), "-D", str(unfinished), "-U", USER, "--auth=trust", "--encoding=UTF8"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, cwd="/", **identity(account))
    unfinished.rename(home / "postgres")


def remove_incomplete_data(home: Path) -> None:
    """Remove the incomplete data of a killed keeper, after killing its initdb, which may still be running."""
    for left_over in home.glob("postgres.unfinished-*"):
        # Repeated, because initdb may start another process in the meantime.
        for _ in range(3):
            at_work = processes_in(left_over)
            for process in at_work:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(at_work, timeout=10)
        shutil.rmtree(left_over, ignore_errors=True)


def running_server(home: Path) -> psutil.Process | None:
    """Return the server if one is running without a keeper."""
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
    """Return the PostgreSQL processes that run in a data directory, or have it as an argument."""
    found = []
    for process in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if process.info["name"] in {"postgres", "initdb"} and (
                process.cwd() == str(directory) or str(directory) in process.cmdline()
            ):
                found.append(process)
    return found


def remove_stale_files(home: Path) -> None:
    """Remove the files of a killed server. Another process may have its process id by now."""
    # The children of a killed server may not have noticed yet.
    _, alive = psutil.wait_procs(processes_in(home / "postgres"), timeout=30)
    if alive:
        raise SystemExit(f"Process {alive[0].pid} of another PostgreSQL is using {home / 'postgres'}.")
    for path in (home / "postgres" / "postmaster.pid", *socket_directory(home).glob(".s.PGSQL.*")):
        path.unlink(missing_ok=True)


def create_database(home: Path) -> None:
    """Create the product's database if it does not exist."""
    if not answers(home):
        with connect(home, "postgres") as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))


def wait_until_unused(home: Path, server: psutil.Process, requests: list[int]) -> Any:
    """Return the users' lock once no process holds it; None if the server has ended or has been asked to stop."""
    while not requests and server.is_running() and server.status() != psutil.STATUS_ZOMBIE:
        try:
            return open_locked(home / "postgres.users", fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(POLL)
    return None


def stop_server(server: psutil.Process) -> None:
    """Stop the server with a fast shutdown, or an immediate one if that takes too long."""
    for signal_, seconds in ((signal.SIGINT, 60), (signal.SIGQUIT, 10)):
        with contextlib.suppress(psutil.NoSuchProcess):
            server.send_signal(signal_)
        with contextlib.suppress(psutil.TimeoutExpired):
            server.wait(seconds)
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
