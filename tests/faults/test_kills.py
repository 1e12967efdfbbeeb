"""Workers that are killed, or lose what the queue knows of them, lose and duplicate nothing.

`python -m tests.faults.kills` does more of it, and cuts workers off from the network.
"""

import os
import random

import pytest

from tests.faults.killing import OPERATIONS, Kills
from tests.faults.operations import people
from tests.faults.works import Member, Works

ROWS = 3_000


@pytest.fixture(scope="module")
def works(new_installation):
    with Works(new_installation(), lease=2) as works:
        yield works


@pytest.fixture
def lonely(works):
    """The works with one worker, which is new."""
    for worker in list(works.workers):
        works.kill_worker(worker)
    works.start_worker()
    return works


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_a_killed_worker_was_at_is_done_once(works, tmp_path, name):
    seed = int(os.environ.get("RALLY_FAULT_SEED") or random.randrange(2**32))
    kills = Kills(works, tmp_path, seed=seed, rows=ROWS)
    kills.try_operation(name, 1)
    print(f"RALLY_FAULT_SEED={seed} {kills.done}")  # noqa: T201 - what a failure is told with
    assert kills.wrong() == []


def test_a_worker_that_others_took_for_dead_goes_on_working(lonely, tmp_path):
    tenant, file = Member(lonely.installation), tmp_path / "people.csv"
    file.write_bytes(people(range(10)))
    lonely.connection.execute("DELETE FROM procrastinate_workers")
    lonely.wait(lonely.order("plan", tenant=tenant.pk, user=tenant.user, path=str(file)))
    assert lonely.ended() == []


def test_no_bug_was_logged(works):
    assert [line for line in works.log_text().splitlines() if '"message": "Bug ' in line] == []
