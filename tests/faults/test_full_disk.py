"""A full disk: responses are 503 until there is space again, and no plan is lost."""

import contextlib
import json
import os
import subprocess
import threading
import time
from collections import Counter

import pytest

from tests.faults.operations import BASE, Caller, is_settled, people, records, runs, wait_until_settled
from tests.faults.site import Site, new_key
from tests.support.waiting import Background, moments, wait_until

SIZE = 384 * 1024 * 1024
ROWS, BAD = 20_000, 20
FILE = people(range(ROWS), bad=BAD)
RESULT = ROWS + BAD, ROWS, BAD
#: Seconds within which everything has to be right once there is room; far more than it takes on an idle machine.
SOON = 30


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """A small file system."""
    place = tmp_path_factory.mktemp("disk")
    options = f"size={SIZE},mode=0755"
    mounting = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mounting, capture_output=True, timeout=60).returncode:
        pytest.skip("only root can mount a small file system, and not in every container")
    for parent in place.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o001)  # PostgreSQL runs as another account.
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True, timeout=60)


@pytest.fixture(scope="module")
def site(disk, prepared):
    with Site(disk / "home", prepared=prepared) as site:
        yield site


class Ballast:
    """A big file that leaves a given number of bytes on the disk."""

    def __init__(self, disk):
        self._file = disk / "ballast"

    def fill(self, *, leaving=0):
        free = os.statvfs(self._file.parent)
        size = free.f_bavail * free.f_frsize - leaving
        with contextlib.suppress(OSError), self._file.open("wb", buffering=0) as file:
            os.posix_fallocate(file.fileno(), 0, max(size, 1))

    def top_up(self):
        """Fill the space that has become free."""
        with contextlib.suppress(OSError), self._file.open("ab", buffering=0) as file:
            for _ in range(SIZE // 65536):
                file.write(b"\0" * 65536)

    def remove(self):
        self._file.unlink(missing_ok=True)


@pytest.fixture
def ballast(disk, site):
    ballast = Ballast(disk)
    yield ballast
    ballast.remove()
    assert any(site.takes_connections() for _ in moments(60))


class Everything(threading.Thread):
    """Sends various requests all the time."""

    def __init__(self, tenant):
        super().__init__(daemon=True)
        self.tenant, self._end = tenant, threading.Event()
        self.statuses = Counter()

    def run(self):
        while not self._end.wait(0.2):
            for method, path in (("GET", "imports"), ("GET", "companies/export"), ("GET", "contacts/template")):
                self.statuses[self.tenant.ask(method, f"{BASE}/{path}").status] += 1
            self.statuses[self.tenant.ask("GET", "/readyz").status] += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self.join(130)


def send_again(tenant, path, key, content=None):
    """Repeat a request until it succeeds; return the response, and the statuses before."""
    seen = []
    for _ in moments(SOON, 0.3):
        answer = tenant.upload(path, content, key=key) if content else tenant.command(path, key=key)
        seen.append(answer.status)
        if answer.status < 300:
            break
    return answer, seen


def assert_stored(tenant, how=("import", "done")):
    assert wait_until_settled(tenant, seconds=SOON), runs(tenant)
    assert records(tenant)[0] == ROWS
    assert [run[:5] for run in runs(tenant)] == [(*how, *RESULT)]


def everybody_is_well(tenant):
    answers = [tenant.get(path).status for path in ("imports", "companies/export")]
    return answers == [200, 200] and tenant.ask("GET", "/readyz").status == 200


def test_a_server_that_shuts_down_for_lack_of_space_restarts_when_there_is_some(site, ballast):
    tenant, plans = Caller(site), []
    for n in range(3):
        # Without a company, which the first plan to be applied would create for the others.
        plans.append(tenant.plan(people(range(n * ROWS, n * ROWS + ROWS), bad=BAD).replace(b",Acme", b",")))
    with Everything(Caller(site)) as everything:
        # Space for rows, but not for another WAL segment, without which PostgreSQL shuts down.
        ballast.fill(leaving=14 * 1024 * 1024)
        answers = [tenant.command(f"imports/{plan}/apply", key=plan) for plan in plans]
        ballast.top_up()
        panics = (site.home / "postgres.log").read_text().count("PANIC")
        away = Counter(tenant.get("imports").status for _ in moments(3, 0.1))
        ballast.remove()
        last = [send_again(tenant, f"imports/{plan}/apply", plan) for plan in plans]
    print([answer.status for answer in answers], panics, away, everything.statuses)  # noqa: T201 - what a failure is told with
    assert panics, "PostgreSQL did not give up"
    assert all(answer.status == 200 or answer.is_honest_503 for answer in answers), answers
    assert set(away) | set(everything.statuses) <= {200, 503}
    assert [answer.gist["imported"] for answer, _ in last] == [ROWS] * 3
    assert wait_until_settled(tenant, seconds=SOON)
    assert records(tenant)[0] == 3 * ROWS
    assert [run[:5] for run in runs(tenant)] == [("import", "done", *RESULT)] * 3


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.2, 0.4])
def test_a_disk_that_fills_up_during_an_import_is_503_and_a_repeated_request_succeeds(site, ballast, delay):
    tenant, key = Caller(site), new_key()
    with Everything(Caller(site)) as everything:
        importing = Background(tenant.upload, "contacts/import?missing=create", FILE, key=key)
        time.sleep(delay)
        ballast.fill()
        first = importing.outcome()
        for _ in moments(2, 0.2):
            ballast.top_up()
        while_full = tenant.upload("contacts/import?missing=create", FILE, key=key)
        ballast.remove()
        last, on_the_way = send_again(tenant, "contacts/import?missing=create", key, FILE)
    assert (last.status, set(on_the_way[:-1])) in [(200, set()), (200, {503}), (200, {409}), (200, {409, 503})], last
    print(first.status, while_full.status, on_the_way, everything.statuses)  # noqa: T201 - what a failure is told with
    for answer in (first, while_full):
        assert answer.status == 200 or answer.is_honest_503, (answer.status, answer.detail)
    assert set(everything.statuses) <= {200, 503}
    assert_stored(tenant)


def test_no_plan_is_lost_because_of_a_full_disk(site, ballast):
    tenant, key = Caller(site), new_key()
    plan = tenant.plan(FILE, "missing=create")
    ballast.fill(leaving=512 * 1024)
    answers = [tenant.command(f"imports/{plan}/apply", key=key) for _ in range(3)]
    assert {answer.status for answer in answers} <= {503, 409}, [answer.detail for answer in answers]
    assert any(answer.is_honest_503 for answer in answers), "the disk was not full"
    ballast.remove()
    last, _ = send_again(tenant, f"imports/{plan}/apply", key)
    assert (last.status, last.json["imported"]) == (200, ROWS)
    assert_stored(tenant)


def test_a_plan_interrupted_by_a_full_disk_is_completed_automatically(site, ballast):
    tenant = Caller(site)
    planning = Background(tenant.upload, "contacts/plan?missing=create", FILE)
    begun = "SELECT 1 FROM importexport_importrun WHERE tenant_id = %s"
    wait_until(lambda: tenant.sql(begun, tenant.pk) or planning.is_done, "the plan is being made", pause=0.005)
    ballast.fill()
    answer = planning.outcome()
    print(answer.status)  # noqa: T201 - what a failure is told with
    assert answer.status == 201 or answer.is_honest_503, (answer.status, answer.detail)
    ballast.remove()
    assert any(everybody_is_well(tenant) for _ in moments(SOON))
    assert wait_until_settled(tenant, seconds=SOON), runs(tenant)
    assert [run[:2] for run in runs(tenant)] == [("import", "planned")]


def test_all_requests_succeed_within_seconds_after_a_full_disk(site, ballast):
    tenant = Caller(site)
    with Everything(tenant) as everything:
        ballast.fill()
        answers = []
        for n in range(10):
            # Written until there is no space for a single word.
            content = people(range(n * 3000, n * 3000 + 3000), bad=0)
            answers.append(tenant.upload("contacts/import?missing=create", content))
            ballast.top_up()
        ballast.remove()
        assert any(everybody_is_well(tenant) for _ in moments(SOON))
        answer = tenant.upload("contacts/import?missing=create", people(range(900_000, 900_010), bad=0))
        assert (answer.status, answer.gist["imported"]) == (200, 10)
    print(Counter(answer.status for answer in answers), everything.statuses)  # noqa: T201 - what a failure is told with
    assert any(answer.status == 503 for answer in answers), "the disk was not full"
    assert all(answer.status == 200 or answer.is_honest_503 for answer in answers), answers
    assert set(everything.statuses) <= {200, 503}
    stored = 3000 * sum(answer.status == 200 for answer in answers) + 10
    assert records(tenant)[0] == stored
    assert is_settled(tenant)


def test_no_bug_was_logged(site):
    lines = [json.loads(line) for line in site.log_text().splitlines() if '"message": "Bug ' in line]
    assert [(line["message"], line["exception"][-1500:]) for line in lines] == []
    assert '"status": 500' not in site.log_text()
