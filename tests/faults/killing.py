"""Workers that are killed at random moments of a plan, an import, an undo and an export: each ends once, as if it had
run once."""

import random
import signal
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.operations import people
from tests.faults.works import Member, Worker, Works
from tests.support.waiting import moments

#: The phases of a run, in which a kill can hit it.
PHASES = ("waiting", "planning", "applying", "committing", "exporting", "after")
#: The contacts of a file, and its rejected rows: enough for several batches, and of an undo for the lane of large ones.
ROWS, BAD = 10_000, 50
#: Of so many kills, one waits for the COMMIT, which takes too short for chance.
AIMED = 5
#: Seconds after which all has come to its end.
PATIENCE = 60


@dataclass
class Kill:
    """A kill: when, what it hit, and what became of it in seconds from then on."""

    operation: str
    delay: float
    phase: str
    #: Until another worker was at it, and until it was over; None if it was already.
    taken_up: float | None
    ended: float | None
    wrong: list[str]


class Operation:
    """What a worker is killed at."""

    name: str

    def prepare(self, works: Works, tenant: Member, file: Path, number: int) -> str:
        """Do what comes before; return the id of a run."""
        raise NotImplementedError

    def start(self, works: Works, tenant: Member, prepared: str, number: int) -> str:
        """Start what a worker is killed at; return the id of its run."""
        raise NotImplementedError

    def finish(self, works: Works, run: str) -> None:
        """Do what comes after it, undisturbed."""


class Plan(Operation):
    name = "plan"

    def prepare(self, works: Works, tenant: Member, file: Path, number: int) -> str:
        return str(file)

    def start(self, works: Works, tenant: Member, prepared: str, number: int) -> str:
        return works.order("plan", tenant=tenant.pk, user=tenant.user, path=prepared)


class Import(Operation):
    name = "import"

    def prepare(self, works: Works, tenant: Member, file: Path, number: int) -> str:
        run = works.order("plan", tenant=tenant.pk, user=tenant.user, path=str(file))
        works.wait(run)
        return run

    def start(self, works: Works, tenant: Member, prepared: str, number: int) -> str:
        return works.order("confirm", run=prepared)


class Undo(Operation):
    """An undo: every other is disturbed while it is planned."""

    name = "undo"

    def prepare(self, works: Works, tenant: Member, file: Path, number: int) -> str:
        run = works.order("confirm", run=Import().prepare(works, tenant, file, number))
        works.wait(run)
        if number % 2:
            return run
        undo = works.order("undo", run=run, user=tenant.user)
        works.wait(undo)
        return undo

    def start(self, works: Works, tenant: Member, prepared: str, number: int) -> str:
        if number % 2:
            return works.order("undo", run=prepared, user=tenant.user)
        return works.order("confirm", run=prepared)

    def finish(self, works: Works, run: str) -> None:
        if works.status(run) == "planned":
            works.wait(works.order("confirm", run=run))


class Export(Operation):
    name = "export"

    def prepare(self, works: Works, tenant: Member, file: Path, number: int) -> str:
        works.wait(works.order("confirm", run=Import().prepare(works, tenant, file, number)))
        return ""

    def start(self, works: Works, tenant: Member, prepared: str, number: int) -> str:
        return works.order("export", tenant=tenant.pk)


OPERATIONS = {operation.name: operation for operation in (Plan(), Import(), Undo(), Export())}
#: Those that have no COMMIT of their own to be waited for.
UNCOMMITTED = {"plan", "export"}


class Kills:
    """Rounds of kills, reproducible by ``seed`` as far as chance goes."""

    def __init__(self, works: Works, folder: Path, *, seed: int, rows: int = ROWS) -> None:
        self.works, self.chance, self.done = works, random.Random(seed), list[Kill]()
        self._file = folder / "people.csv"
        self._file.write_bytes(people(range(rows), bad=BAD))

    def rehearse(self, name: str, times: int) -> tuple[dict[int, float], Any]:
        """Do an operation undisturbed, in both of its ways; return the seconds of each, and what is stored then."""
        usual, found = {}, []
        for number in range(min(times, 2)):
            tenant, run, _ = self._begin(name, number)
            start = time.monotonic()
            for _ in moments(PATIENCE, 0.005):
                if self.works.is_over(run):
                    break
            usual[number] = time.monotonic() - start
            OPERATIONS[name].finish(self.works, run)
            found.append(tenant.has())
        assert found[0] == found[-1], found
        return usual, found[0]

    def try_operation(self, name: str, times: int) -> None:
        """Kill a worker a number of times at an operation, each time of another tenant."""
        usual, right = self.rehearse(name, times)
        for number in range(times):
            self._round(name, number, usual[number % 2], right)
            sys.stderr.write(f"{self.done[-1]}\n")

    def _begin(self, name: str, number: int) -> tuple[Member, str, float]:
        tenant, operation = Member(self.works.installation), OPERATIONS[name]
        prepared = operation.prepare(self.works, tenant, self._file, number)
        return tenant, operation.start(self.works, tenant, prepared, number), time.monotonic()

    def _round(self, name: str, number: int, usual: float, right: Any) -> None:
        tenant, run, begun = self._begin(name, number)
        if number % AIMED == AIMED - 1 and name not in UNCOMMITTED:
            self._wait_for_commit(run)
        else:
            time.sleep(self.chance.uniform(0, 1.1 * usual))
        delay, wrong = time.monotonic() - begun, list[str]()
        victim = self._frozen(run)
        phase = self.phase(run)
        self.works.kill_worker(victim)
        killed = time.monotonic()
        taken_up, ended = None, None
        for _ in moments(PATIENCE, 0.01):
            if taken_up is None and phase != "after" and self.works.at_work(run):
                taken_up = time.monotonic() - killed
            if self.works.is_over(run):
                ended = time.monotonic() - killed
                break
        else:
            wrong.append(f"nobody takes it up: {self.works.status(run)}, {self.works.jobs()}")
        self.works.start_worker()
        OPERATIONS[name].finish(self.works, run)
        wrong += self._wrong(tenant, right)
        self.done.append(
            Kill(name, delay, phase, taken_up, ended, [f"{name} {number}, {phase}: {what}" for what in wrong])
        )

    def _wrong(self, tenant: Member, right: Any) -> list[str]:
        found = [f"stored {has}, not {right}"] if (has := tenant.has()) != right else []
        # The sessions of a killed process, and those of housekeeping, end a moment later.
        if not any(tenant.has_left() == (0, 0, 0) for _ in moments(15, 0.05)):
            found.append(f"leases, jobs and locks are left: {tenant.has_left()}")
        return found

    def _frozen(self, run: str) -> Worker:
        """Freeze the worker that is at a run, or any if none is, and return it: it does nothing before it is killed."""
        victim = self.works.at_work(run) or self.chance.choice(self.works.workers)
        victim.signal(signal.SIGSTOP)
        holder = self.works.at_work(run)
        if holder and holder is not victim:
            victim.signal(signal.SIGCONT)
            holder.signal(signal.SIGSTOP)
            return holder
        return victim

    def _wait_for_commit(self, run: str) -> None:
        for _ in moments(PATIENCE, 0.0005):
            if self.phase(run) in ("committing", "after"):
                return

    def phase(self, run: str) -> str:
        """Return the phase that a run is in."""
        status, is_started, commits = self.works.one(PHASE, run, run)
        if status not in ("planning", "applying", "exporting"):
            return "after"
        if not is_started:
            return "waiting"
        return "committing" if commits else status

    # --- results ---

    def wrong(self) -> list[str]:
        """Return all that was wrong."""
        return [what for kill in self.done for what in kill.wrong]

    def table(self) -> str:
        """Return a table of the kills by operation."""
        heads = ["operation", "kills", *PHASES, "taken up after (median, longest)", "ended after", "wrong"]
        lines = [heads, ["---"] * len(heads)]
        for name in dict.fromkeys(kill.operation for kill in self.done):
            kills = [kill for kill in self.done if kill.operation == name]
            phases = Counter(kill.phase for kill in kills)
            lines.append([
                name, str(len(kills)), *(str(phases[phase]) for phase in PHASES),
                spread([kill.taken_up for kill in kills if kill.taken_up is not None]),
                spread([kill.ended for kill in kills if kill.ended is not None and kill.phase != "after"]),
                str(sum(bool(kill.wrong) for kill in kills)),
            ])  # fmt: skip
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


#: During COMMIT, the session still has the name of the import.
PHASE = """
SELECT status, started_at IS NOT NULL, EXISTS (
  SELECT FROM pg_stat_activity WHERE application_name = 'rally import ' || run.id AND state = 'active' AND query = 'COMMIT'
) FROM importexport_importrun AS run WHERE id = %s
UNION ALL
SELECT CASE status WHEN 'waiting' THEN 'exporting' ELSE status END, started_at IS NOT NULL, false
FROM importexport_preparedexport WHERE id = %s
"""


def spread(seconds: list[float]) -> str:
    """Return the median and the largest of some times."""
    return f"{statistics.median(seconds):.1f} s, {max(seconds):.1f} s" if seconds else "–"
