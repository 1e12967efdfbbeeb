"""Background work: a few runs at once, one of each tenant's entity, and nobody waits for somebody else's."""

import threading

from importexport.runs.background import AT_ONCE, Queue
from tests.support.waiting import LONG, wait_until


class Work:
    """Work that takes until it is let go of, and notes what it has begun with."""

    def __init__(self):
        self.begun, self._gates = [], {}

    def __call__(self, run):
        self.begun.append(run)
        assert self._gate(run).wait(LONG)

    def let_go(self, *runs):
        for run in runs:
            self._gate(run).set()

    def _gate(self, run):
        return self._gates.setdefault(run, threading.Event())


def begun(work, *runs):
    wait_until(lambda: len(work.begun) >= len(runs), f"{runs} have begun")
    assert sorted(work.begun) == sorted(runs)


def test_of_each_tenants_entity_one_run_is_worked_on():
    queue = Queue(work := Work())
    for run in ("a1", "a2", "a3"):
        queue.add(run, (1, "contacts"))
    queue.add("b1", (2, "contacts"))
    queue.add("c1", (1, "deals"))
    begun(work, "a1", "b1", "c1")
    work.let_go("a1", "b1", "c1")
    begun(work, "a1", "b1", "c1", "a2")
    work.let_go("a2", "a3")
    begun(work, "a1", "b1", "c1", "a2", "a3")
    wait_until(lambda: "a3" not in queue, "all is done")
    assert not any(run in queue for run in work.begun)


def test_a_few_runs_are_worked_on_at_once():
    queue = Queue(work := Work())
    runs = [f"run {n}" for n in range(AT_ONCE + 2)]
    for n, run in enumerate(runs):
        queue.add(run, (n, "contacts"))
    begun(work, *runs[:AT_ONCE])
    assert all(run in queue for run in runs)
    work.let_go(*runs)
    begun(work, *runs)


def test_a_run_that_is_here_already_is_worked_on_once():
    queue = Queue(work := Work())
    for _ in range(3):
        queue.add("a", (1, "contacts"))
    work.let_go("a")
    wait_until(lambda: "a" not in queue, "it is done")
    assert work.begun == ["a"]
    queue.add("a", (1, "contacts"))
    wait_until(lambda: "a" not in queue, "it is done again")
    assert work.begun == ["a", "a"]


def test_the_runs_of_others_come_before_the_next_one_of_the_same_tenant():
    queue = Queue(work := Work())
    for n in range(AT_ONCE):
        queue.add(f"a{n}", (n, "contacts"))
    begun(work, *(f"a{n}" for n in range(AT_ONCE)))
    queue.add("again", (0, "contacts"))
    queue.add("other", (9, "contacts"))
    work.let_go("a0")
    begun(work, *(f"a{n}" for n in range(AT_ONCE)), "other")
    work.let_go("a1", "a2", "a3", "other", "again")
    wait_until(lambda: "again" not in queue, "all is done")
