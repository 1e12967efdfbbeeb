"""Small files with a big effect: each is answered in the time and memory of an ordinary file, through API and shell."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.support.installation import ROOT
from tests.support.real import RealTenant, contacts
from tests.support.waiting import LONGER, Background, moments

MB = 1024 * 1024
#: How much more memory than an ordinary file a file may take, in bytes.
ROOM = 32 * MB
#: How many times as long as an ordinary file of two megabytes a file of up to ten may take. What grows with the square
#: of the size takes hundreds of times as long.
PATIENCE = 60
HEADER = b"first_name,last_name,email\n"


def filled(head, piece, size=10 * MB):
    """Return a file of just under ten megabytes."""
    return head + piece * ((size - len(head) - 2) // len(piece))


#: Two megabytes.
ORDINARY = contacts(range(60_000))
FILES = {
    "an endless address": ("contacts", filled(HEADER + b"A,B,a@a", b".a"), 200),
    "an endless user name": ("contacts", filled(HEADER + b"A,B,a", b".a", 9 * MB) + b"@x.example", 200),
    "a header of commas": ("contacts", filled(b"", b","), 400),
    "a row of millions of cells": ("contacts", filled(HEADER, b"a,"), 200),
    "a row of millions of quoted cells": ("contacts", filled(HEADER, b'"ab",'), 200),
    "a million unknown columns": (
        "contacts",
        HEADER[:-1] + b"".join(b",%x" % n for n in range(1_400_000)) + b"\n",
        400,
    ),
    "a quoted cell of many lines": ("contacts", filled(HEADER + b'A,B,"', b"x\n") + b'"', 200),
    "a row of pieces with a lone CR": ("contacts", filled(HEADER, b"a,b\r"), 200),
    "bad rows only": ("contacts", filled(HEADER, b"a,,\n", 2 * MB), 200),
    "numbers with a letter at the end": ("companies", filled(b"name,phone\n", b"A,+" + b"1" * 9000 + b"x\n"), 200),
    "formulas with a letter at the end": ("companies", filled(b"name,city\n", b"A,=" + b'"' * 9000 + b"x\n"), 200),
}


class Peak:
    """The memory that the processes of a server have taken at most while something is done, above what they had."""

    def __init__(self, server):
        self._server = server
        self.worker = self.database = 0

    def __enter__(self):
        self._workers = psutil.Process(self._server.process.pid).children(recursive=True)
        for worker in self._workers:
            Path(f"/proc/{worker.pid}/clear_refs").write_text("5")  # Forgets the highest memory so far.
        self._before = {worker.pid: memory(worker.pid, "VmRSS") for worker in self._workers}
        self._is_over = False
        self._watch = Background(self._look)
        return self

    def __exit__(self, *_):
        self._is_over = True
        self._watch.outcome()
        self.worker = max(memory(worker.pid, "VmHWM") - self._before[worker.pid] for worker in self._workers)

    def _look(self):
        with self._server.connect() as connection:
            for _ in moments(LONGER, 0.05):
                found = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
                self.database = max([self.database, *(memory(pid, "RssAnon") for (pid,) in found.fetchall())])
                if self._is_over:
                    return


def memory(pid, name):
    """Return an entry of a process's status in bytes; 0 for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


@pytest.fixture(scope="module")
def hardy(launch):
    server = launch(WEB_CONCURRENCY="1")
    RealTenant(server).post("contacts", ORDINARY)
    yield server
    server.stop()


def measured(server, entity, content, to):
    """Send a file; return the status, the answer, the seconds, and the peak memory of worker and database."""
    tenant = RealTenant(server)
    with Peak(server) as peak:
        start = time.monotonic()
        status, body = tenant.post(entity, content, to=to)
        seconds = time.monotonic() - start
    return status, body, seconds, peak


@pytest.fixture(scope="module")
def ordinary(hardy):
    """What an ordinary file takes: seconds, and memory of worker and database, for an import and a plan."""
    return {to: measured(hardy, "contacts", ORDINARY, to)[2:] for to in ("import", "plan")}


#: What a plan does besides: it keeps the rows, the rejected ones and their errors, over a second connection.
OF_PLANS = ("an endless address", "a row of millions of cells", "bad rows only", "numbers with a letter at the end")
#: What a shell does otherwise: it reads the file where it is, and prints what is wrong with it.
OF_SHELLS = ("a header of commas", "a million unknown columns", "a row of pieces with a lone CR", "bad rows only")


@pytest.mark.parametrize(
    ("name", "to"), [*((name, "import") for name in FILES), *((name, "plan") for name in OF_PLANS)]
)
def test_a_file_takes_no_more_than_an_ordinary_one_through_the_api(hardy, ordinary, name, to):
    entity, content, right = FILES[name]
    status, body, seconds, peak = measured(hardy, entity, content, to)
    usual_seconds, usual = ordinary[to]
    assert status == (right if right != 200 or to == "import" else 201)
    if status == 200:
        assert body["skipped"] == len(body["errors"]) > 0
    assert peak.worker < usual.worker + ROOM
    assert peak.database < usual.database + ROOM
    assert seconds < usual_seconds * PATIENCE


def run_shell(installation, slug, entity, path):
    """Import a file in a shell; return the exit status, the seconds and the highest memory in bytes."""
    command = [sys.executable, "manage.py", "import", entity, str(path), "--tenant", slug]
    start = time.monotonic()
    process = subprocess.Popen(
        command, cwd=ROOT, env=installation.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, time.monotonic() - start, usage.ru_maxrss * 1024


@pytest.fixture(scope="module")
def usual_command(hardy, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "ordinary.csv"
    path.write_bytes(ORDINARY)
    return run_shell(hardy, RealTenant(hardy).slug, "contacts", path)


@pytest.mark.parametrize("name", OF_SHELLS)
def test_a_file_takes_no_more_than_an_ordinary_one_in_the_shell(hardy, usual_command, tmp_path, name):
    entity, content, right = FILES[name]
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    status, seconds, peak = run_shell(hardy, RealTenant(hardy).slug, entity, path)
    _, usual_seconds, usual_peak = usual_command
    assert status == (0 if right == 200 else 2)
    assert peak < usual_peak + ROOM
    assert seconds < usual_seconds * PATIENCE


def test_the_row_log_of_rejected_numbers_is_written_in_the_time_of_its_size(hardy, ordinary):
    tenant = RealTenant(hardy)
    entity, content, _ = FILES["numbers with a letter at the end"]
    _, plan = tenant.post(entity, content, to="plan")
    start = time.monotonic()
    answer = tenant.ask("GET", f"imports/{plan['id']}/rows?format=csv")
    assert answer.status == 200
    assert time.monotonic() - start < ordinary["import"][0] * PATIENCE


def test_four_of_the_worst_at_once_leave_the_service_answering(hardy):
    worst = [
        FILES[name]
        for name in ("bad rows only", "a row of millions of quoted cells", "an endless address", "a header of commas")
    ]
    tenants, other = [RealTenant(hardy) for _ in range(4)], RealTenant(hardy)
    with Peak(hardy) as peak:
        sent = [
            Background(tenant.post, *worst[n][:2], to=("import", "plan")[n % 2]) for n, tenant in enumerate(tenants)
        ]
        asked = [other.ask("GET", "imports?limit=1").status for _ in range(20)]
        answers = [background.outcome()[0] for background in sent]
    assert asked == [200] * 20
    assert sorted(set(answers)) == [200, 201, 400]
    assert peak.worker < 4 * ROOM
    assert hardy.get("/healthz").status == 200
    assert other.post("contacts", contacts(range(3)))[1]["imported"] == 3
