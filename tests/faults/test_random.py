"""Faults at random moments of all operations lose or duplicate nothing, and never cause a 500."""

import os
import random

import pytest

from tests.faults.rounds import OPERATIONS, Bystander, Rounds

#: Moments of each operation: each kind of harm once, with half of the requests sent again at once, and half when the
#: operation has settled by itself; of exports, twice, for there are two kinds of files.
ROUNDS, EXPORTS = 5, 10


@pytest.fixture
def rounds(site):
    seed = int(os.environ.get("RALLY_FAULT_SEED") or random.randrange(2**32))
    print(f"RALLY_FAULT_SEED={seed}")  # noqa: T201 - what a failure is told with
    return Rounds(site, seed=seed)


def assert_all_is_well(rounds, bystander):
    print(rounds.table(), dict(bystander.statuses))  # noqa: T201 - what a failure is told with
    assert not rounds.wrong()
    assert set(rounds.statuses()) <= {0, 200, 201, 409, 503}
    assert {status for _, status in bystander.statuses} <= {0, 200, 503}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_fault_at_any_moment_loses_and_duplicates_nothing(site, rounds, operation):
    with Bystander(site) as bystander:
        rounds.try_errors(operation, ROUNDS)
    assert_all_is_well(rounds, bystander)


def test_an_export_is_complete_or_visibly_incomplete(site, rounds):
    with Bystander(site) as bystander:
        rounds.try_exports(EXPORTS)
    assert_all_is_well(rounds, bystander)


def test_no_bug_was_logged(site):
    assert '"message": "Bug ' not in site.log_text()
    assert '"status": 500' not in site.log_text()
