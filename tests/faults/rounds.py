"""Random faults during each operation, with checks of the responses and the database."""

import hashlib
import io
import random
import threading
import time
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.faults.operations import (
    BASE,
    Answer,
    Caller,
    Operation,
    is_settled,
    people,
    records,
    runs,
    seen,
    wait_until_settled,
)
from tests.faults.site import HARMS, Harm, Site, new_key
from tests.support.waiting import Background, moments

ROWS, BAD = 4_000, 50
FILE = people(range(ROWS), bad=BAD)
#: What is undone is less, for that takes longer.
LESS = people(range(ROWS // 2), bad=BAD)
CREATE = "missing=create"
#: Seconds in which what was disturbed has to come to its end.
PATIENCE = 90


def undo(tenant: Caller, run: str, key: str) -> Answer:
    """Plan and apply an undo of an import."""
    plan = tenant.command(f"imports/{run}/undo", key=f"{key}-plan")
    return tenant.command(f"imports/{plan.json['id']}/apply", key=f"{key}-apply") if plan.status == 201 else plan


def export(tenant: Caller, number: int, _: str) -> Answer:
    """Export as CSV or as a workbook in turn; the body of the result is a digest of the file's content."""
    answer = tenant.get(f"contacts/export{'/excel' if number % 2 else ''}")
    if answer.status != 200:
        return answer
    content = answer.body
    if number % 2:
        # The whole workbook except its creation time.
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            content = book.read("xl/worksheets/sheet1.xml")
    return Answer(200, answer.headers, f'{{"digest": "{hashlib.sha256(content).hexdigest()}"}}'.encode())


OPERATIONS = [
    Operation("import", lambda _: "", lambda t, _, key: t.upload(f"contacts/import?{CREATE}", FILE, key=key), 200),
    Operation("plan", lambda _: "", lambda t, _, key: t.upload(f"contacts/plan?{CREATE}", FILE, key=key), 201),
    Operation(
        "apply",
        lambda t: t.plan(FILE, CREATE),
        lambda t, run, key: t.command(f"imports/{run}/apply", key=key),
        200,
    ),
    Operation("undo", lambda t: t.bring(LESS, CREATE), undo, 200),
]


@dataclass
class Round:
    """An operation with a fault: the response, and what is wrong with it."""

    operation: str
    harm: str
    delay: float
    answers: list[Answer] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def check(self, is_right: bool, what: Any) -> None:
        """Record an error unless a condition is true."""
        if not is_right:
            self.wrong.append(f"{self.operation}, {self.harm} after {self.delay:.3f} s: {what}")


class Rounds:
    """Rounds of random faults on a site, reproducible by ``seed``."""

    def __init__(self, site: Site, *, seed: int) -> None:
        self.site, self.chance = site, random.Random(seed)
        self.done: list[Round] = []
        Caller(site).bring(FILE, CREATE)
        with site.connect() as connection:
            # PostgreSQL does this itself a minute after many rows have been added.
            connection.execute("ANALYZE")

    def all(self, rounds: int) -> None:
        """Try a number of faults in each operation."""
        for operation in OPERATIONS:
            self.try_errors(operation, rounds)
        self.try_exports(rounds)

    def try_errors(self, operation: Operation, rounds: int) -> None:
        """Try a number of faults in an operation, evenly divided by kind, each with a new tenant."""
        usual, gist, right, steps = self._rehearse(operation)
        cases, first = [], OPERATIONS.index(operation)
        for n in range(rounds):
            tenant = Caller(self.site)
            prepared = operation.prepare(tenant)
            key = new_key()
            case = self._disturb(operation, tenant, prepared, key, HARMS[n % len(HARMS)], usual)
            case.check(records(tenant) in steps, f"half stored: {records(tenant)}")
            if (first + n) % 2:
                # The run finishes by itself, and repeating the request returns the outcome.
                case.check(wait_until_settled(tenant, seconds=PATIENCE), f"nobody takes it up: {runs(tenant)}")
            self._send_until_right(case, operation, tenant, prepared, key, gist)
            cases.append((case, tenant))
        for case, tenant in cases:
            case.check(wait_until_settled(tenant, seconds=PATIENCE), f"nobody takes it up: {runs(tenant)}")
            case.check(seen(tenant) == right, f"left {seen(tenant)}, not {right}")

    def _rehearse(self, operation: Operation) -> tuple[float, Any, Any, list[Any]]:
        """Run it without a fault; return the time, the response, the effects, and the states in between."""
        tenant = Caller(self.site)
        prepared = operation.prepare(tenant)
        before, start = records(tenant), time.monotonic()
        answer = operation.send(tenant, prepared, new_key())
        usual = time.monotonic() - start
        assert answer.status == operation.right, answer
        assert is_settled(tenant)
        return usual, answer.gist, seen(tenant), [before, records(tenant)]

    def try_exports(self, rounds: int) -> None:
        """Try a number of faults in exports of a tenant: each export is complete or visibly incomplete."""
        tenant = Caller(self.site)
        tenant.upload("contacts/import", people(range(4 * ROWS), bad=0).replace(b",Acme", b","))
        before, known = seen(tenant), {}
        operation = Operation("export", lambda _: 0, export, 200)
        for kind in (0, 1):
            start = time.monotonic()
            known[kind] = (export(tenant, kind, "").gist, time.monotonic() - start)
        for n in range(rounds):
            # Combine each kind of fault with each kind of file.
            kind = (n // len(HARMS)) % 2
            gist, usual = known[kind]
            case = self._disturb(operation, tenant, kind, "", HARMS[n % len(HARMS)], usual)
            first = case.answers[0]
            case.check(first.status != 200 or first.gist == gist, "the file is not whole, and does not say so")
            self._send_until_right(case, operation, tenant, kind, "", gist)
            case.check(seen(tenant) == before, f"left {seen(tenant)}")

    def _disturb(
        self, operation: Operation, tenant: Caller, prepared: Any, key: str, harm: Harm, usual: float
    ) -> Round:
        """Run it with a fault at a random moment; store the response."""
        case = Round(operation.name, harm.__name__, self.chance.uniform(0, usual))
        self.done.append(case)
        worker = Background(operation.send, tenant, prepared, key)
        time.sleep(case.delay)
        case.check(harm(self.site, self.chance), "nobody was harmed")
        first = worker.outcome()
        case.answers.append(first)
        case.check(first.status == operation.right or first.says_wait, f"answered {first.status} {first.detail}")
        # A killed worker cannot respond, but one that lost its database can.
        is_broken = harm.__name__ != "kill_worker" and operation.name != "export" and first.status == 0
        case.check(not is_broken, "no answer came")
        return case

    def _send_until_right(
        self, case: Round, operation: Operation, tenant: Caller, prepared: Any, key: str, gist: Any
    ) -> None:
        for _ in moments(PATIENCE, 0.2):
            case.answers.append(operation.send(tenant, prepared, key))
            if not case.answers[-1].says_wait:
                break
        last = case.answers[-1]
        is_true = last.status == operation.right and last.gist == gist
        case.check(is_true, f"sent again: {last.status} {last.detail}")

    # --- results ---

    def wrong(self) -> list[str]:
        """Return all errors."""
        return [what for case in self.done for what in case.wrong]

    def statuses(self) -> Counter[int]:
        """Return how often each status was returned; 0 is no response or an incomplete one."""
        return Counter(answer.status for case in self.done for answer in case.answers)

    def harms(self) -> Counter[str]:
        """Return how often each kind of fault was tried."""
        return Counter(case.harm for case in self.done)

    def table(self) -> str:
        """Return a table of faults and responses by operation and status."""
        found = sorted(self.statuses())
        heads = ["operation", "faults", *(f"{status or 'broken off'}" for status in found), "wrong"]
        lines = [heads, ["---"] * len(heads)]
        for name in dict.fromkeys(case.operation for case in self.done):
            cases = [case for case in self.done if case.operation == name]
            count = Counter(answer.status for case in cases for answer in case.answers)
            wrong = sum(len(case.wrong) for case in cases)
            lines.append([name, str(len(cases)), *(str(count[status]) for status in found), str(wrong)])
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


class Bystander(threading.Thread):
    """Another tenant that sends requests all the time, and records the statuses."""

    def __init__(self, site: Site) -> None:
        super().__init__(daemon=True)
        self._tenant, self._end = Caller(site), threading.Event()
        self.statuses: Counter[tuple[str, int]] = Counter()

    def run(self) -> None:
        """Send requests until stopped."""
        while not self._end.wait(0.2):
            for path in (f"{BASE}/imports", f"{BASE}/companies/export", "/readyz"):
                self.statuses[path, self._tenant.ask("GET", path).status] += 1

    def __enter__(self) -> "Bystander":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self.join(130)
