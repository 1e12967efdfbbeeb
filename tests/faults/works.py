"""A database with worker processes, without a server, and a process that starts runs as the admin does."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.faults.operations import Caller, runs
from tests.support.installation import ROOT, Installation
from tests.support.waiting import moments, read_line

#: The states at which a run or an export needs nobody.
SETTLED = ("planned", "done", "failed", "ready")
#: What a job is about.
SUBJECT = "coalesce(args ->> 'run_id', args ->> 'export_id')"


class Worker:
    """A process of `manage.py worker`, and the ids of its lanes in the queue."""

    def __init__(self, installation: Installation, log: Path, prefix: Sequence[str] = (), **env: str) -> None:
        self.log, self.ids = log, set[int]()
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, "manage.py", "worker"], cwd=ROOT, env=installation.env | env,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0,
            )  # fmt: skip

    def signal(self, number: int) -> None:
        """Send a signal to the process and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        self.signal(signal.SIGKILL)
        self.process.wait(30)


class Clerk:
    """The process that starts runs as the admin does. Use as a context manager."""

    def __init__(self, installation: Installation) -> None:
        self._env = installation.env

    def __enter__(self) -> "Clerk":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.clerk"], cwd=ROOT, env=self._env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)

    def order(self, deed: str, **arguments: Any) -> str:
        """Have something done; return the run's id."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": deed} | arguments) + "\n")
        self._process.stdin.flush()
        return json.loads(read_line(self._process.stdout))


class Works:
    """Workers on a database, and a clerk. Use as a context manager."""

    def __init__(self, installation: Installation, *, lease: int = 2, workers: int = 2) -> None:
        self.installation = installation
        installation.env["RALLY_LEASE"] = str(lease)
        self._number, self._folder = workers, Path(tempfile.mkdtemp(prefix="rally-works-"))
        self.workers: list[Worker] = []

    def __enter__(self) -> "Works":
        try:
            self.connection = self.installation.connect()
            self._clerk = Clerk(self.installation).__enter__()
            for _ in range(self._number):
                self.start_worker()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.kill()
        if hasattr(self, "_clerk"):
            self._clerk.__exit__()
        if hasattr(self, "connection"):
            self.connection.close()

    def start_worker(self, *prefix: str, **env: str) -> Worker:
        """Start a worker, and wait until it takes jobs."""
        from importexport.runs.lanes import LANES  # Needs Django, which a command has not set up before.

        known = self.lanes()
        worker = Worker(self.installation, self._folder / "log", prefix, **env)
        self.workers.append(worker)
        for _ in moments(60):
            worker.ids = self.lanes() - known
            if len(worker.ids) == len(LANES):
                return worker
        raise TimeoutError(f"The worker does not start:\n{self.log_text()}")

    def kill_worker(self, worker: Worker) -> None:
        """Kill a worker, which is none any more."""
        worker.kill()
        self.workers.remove(worker)

    def lanes(self) -> set[int]:
        """Return the ids of the workers that the queue knows."""
        return {number for (number,) in self.connection.execute("SELECT id FROM procrastinate_workers")}

    def order(self, deed: str, **arguments: Any) -> str:
        """Have the clerk do something; return the run's id."""
        return self._clerk.order(deed, **arguments)

    # --- what is to be seen of a run or an export ------------------------------------------------------------

    def status(self, run: str) -> str:
        """Return the status of a run or an export."""
        return self.one(STATUS, run, run)[0]

    def one(self, statement: str, *values: Any) -> Any:
        """Return the first row that a query finds, or None."""
        return self.connection.execute(statement, values).fetchone()

    def at_work(self, run: str) -> Worker | None:
        """Return the worker that is at a run's job, as the queue says."""
        found = self.one(f"SELECT worker_id FROM procrastinate_jobs WHERE {SUBJECT} = %s AND status = 'doing'", run)
        return next((each for each in self.workers if found and found[0] in each.ids), None)

    def is_over(self, run: str) -> bool:
        """Whether a run is settled and has no job any more."""
        return self.status(run) in SETTLED and not self.one(
            f"SELECT 1 FROM procrastinate_jobs WHERE {SUBJECT} = %s", run
        )

    def wait(self, run: str, *, seconds: float = 90) -> float:
        """Wait until a run is over; return the seconds that took."""
        start = time.monotonic()
        for _ in moments(seconds):
            if self.is_over(run):
                return time.monotonic() - start
        raise TimeoutError(f"{run} is still {self.status(run)}; jobs: {self.jobs()}\n{self.log_text()[-3000:]}")

    def jobs(self) -> list[Any]:
        """Return the jobs in the queue."""
        return self.connection.execute("SELECT * FROM procrastinate_jobs").fetchall()

    def log_text(self) -> str:
        """Return what the workers have logged."""
        return (self._folder / "log").read_text()

    def ended(self) -> list[int]:
        """Return the exit statuses of workers that have ended by themselves."""
        return [status for each in self.workers if (status := each.process.poll()) is not None]

    def bugs(self) -> list[str]:
        """Return the lines of the log that speak of a bug."""
        return [line for line in self.log_text().splitlines() if '"message": "Bug ' in line]


@contextlib.contextmanager
def on_embedded_server() -> Iterator[Installation]:
    """A new installation with an embedded server of its own, which writes to the disk like any."""
    from rally.postgres.embedded import NAME, USER, socket_directory
    from tests.support.installation import environment

    # Outside private directories, which the account of the server cannot access.
    with tempfile.TemporaryDirectory(prefix="rally-kills-", ignore_cleanup_errors=True) as folder:
        home = Path(folder, "home")
        url = f"postgresql://{USER}@/{NAME}?host={socket_directory(home)}"
        found = Installation(url, environment(home))
        # The server runs for as long as somebody uses it, who is the clerk later.
        done = found.manage("migrate", "--verbosity", "0", timeout=300)
        assert done.returncode == 0, done.stderr
        user = subprocess.Popen(
            [sys.executable, "manage.py", "shell", "-c",
             "from django.db import connection; connection.ensure_connection(); print('ready', flush=True); input()"],
            cwd=ROOT, env=found.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert any("ready" in read_line(user.stdout) for _ in range(9))
            yield found
        finally:
            user.communicate("\n", timeout=30)
            from rally.postgres.embedded import has_keeper

            for _ in moments(90):
                if not has_keeper(home):
                    break


# --- what a tenant has -----------------------------------------------------------------------------------------


class Member(Caller):
    """A tenant, and a member who starts runs."""

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        (self.user,) = self.sql(
            "INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active,"
            " date_joined) VALUES ('!', false, %s, '', '', '', true, true, now()) RETURNING id",
            self.slug,
        )
        self.sql(
            "INSERT INTO crm_membership (tenant_id, user_id, role) VALUES (%s, %s, 'admin') RETURNING id",
            self.pk, self.user,
        )  # fmt: skip

    def has(self) -> dict[str, Any]:
        """Return all that is stored for the tenant by its runs, as SQL counts it."""
        return {
            "records": self.sql(RECORDS, *[self.pk] * 4),
            "runs": runs(self),
            "log": self.sql(LOG, *[self.pk] * 3),
            "exports": self.exports(),
        }

    def exports(self) -> list[tuple[Any, ...]]:
        """Return the status of each prepared export, the lines of its file, and whether it is as it was noted."""
        with self.server.kept_connection() as connection:
            found = connection.execute(EXPORTS, [self.pk]).fetchall()
        folder = Path(self.server.env["RALLY_DATA_DIR"], "uploads")
        files = [(folder / name).read_bytes() for _, name, _ in found]
        return [
            (status, len(file.splitlines()), hashlib.sha256(file).hexdigest() == digest)
            for (status, _, digest), file in zip(found, files, strict=True)
        ]

    def has_left(self) -> tuple[int, ...]:
        """Return how many leases, jobs and advisory locks there are: none of them outlives its work."""
        return self.sql(LEFT)


STATUS = """
SELECT status FROM importexport_importrun WHERE id = %s
UNION ALL SELECT status FROM importexport_preparedexport WHERE id = %s
"""
EXPORTS = "SELECT status, upload_name, sha256 FROM importexport_preparedexport WHERE tenant_id = %s ORDER BY created_at"
#: Contacts, different addresses among them, their ids, and companies.
RECORDS = """
SELECT (SELECT count(*) FROM crm_contact WHERE tenant_id = %s),
  (SELECT count(DISTINCT email_key) FROM crm_contact WHERE tenant_id = %s),
  (SELECT count(DISTINCT company_id) FROM crm_contact WHERE tenant_id = %s),
  (SELECT count(*) FROM crm_company WHERE tenant_id = %s)
"""
#: All of the row log, also what belongs to no run.
LOG = """
SELECT (SELECT coalesce(sum(n), 0) FROM importexport_ledgerpage p, unnest(p.counts) n WHERE tenant_id = %s),
  (SELECT count(*) FROM importexport_rowchange WHERE tenant_id = %s),
  (SELECT count(*) FROM importexport_skippedrow WHERE tenant_id = %s)
"""
LEFT = """
SELECT (SELECT count(*) FROM importexport_lease), (SELECT count(*) FROM procrastinate_jobs),
  (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
