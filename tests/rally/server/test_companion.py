"""The worker beside a server: it is there for as long as the server is, whatever happens to it or to the database."""

import contextlib
import time

import psutil
import pytest

from tests.faults.operations import people
from tests.faults.works import Clerk, Member
from tests.support.waiting import wait_until

ROWS = 20_000


@pytest.fixture
def server(start_server):
    return start_server(RALLY_WORKER="1", RALLY_LEASE="2")


@pytest.fixture
def clerk(server):
    with Clerk(server) as clerk:
        yield clerk


@pytest.fixture
def tenant(server):
    return Member(server)


def worker_of(server):
    """Wait for the worker beside a server; return its process."""

    def found():
        with contextlib.suppress(psutil.NoSuchProcess):
            return [each for each in psutil.Process(server.process.pid).children() if "worker" in each.cmdline()]
        return []

    return wait_until(found, "there is a worker")[0]


def begun(clerk, tenant, tmp_path):
    """Have the worker plan the import of a file; return the run when it is at it."""
    file = tmp_path / "people.csv"
    file.write_bytes(people(range(ROWS)))
    run = clerk.order("plan", tenant=tenant.pk, user=tenant.user, path=str(file))
    at_work = "SELECT 1 FROM importexport_importrun WHERE id = %s AND started_at IS NOT NULL"
    wait_until(lambda: tenant.sql(at_work, run), "the worker is at it", pause=0.005)
    return run


def wait_until_planned_once(tenant, run):
    planned = "SELECT 1 FROM importexport_importrun WHERE id = %s AND status = 'planned'"
    wait_until(lambda: tenant.sql(planned, run), "the run is planned")
    assert tenant.has()["log"] == (ROWS, 1, 3)


def test_a_worker_that_was_killed_is_started_again_and_its_run_goes_on(server, clerk, tenant, tmp_path):
    run, worker = begun(clerk, tenant, tmp_path), worker_of(server)
    worker.kill()
    wait_until_planned_once(tenant, run)
    assert worker_of(server).pid != worker.pid


def test_a_worker_whose_database_was_away_goes_on_by_itself(server, clerk, tenant, tmp_path):
    run, worker = begun(clerk, tenant, tmp_path), worker_of(server)
    with server.away():
        assert server.get("/readyz").status == 503
        time.sleep(1)
    wait_until_planned_once(tenant, run)
    assert worker_of(server).pid == worker.pid


def test_a_server_that_is_stopped_ends_its_worker_and_the_next_one_goes_on(
    server, start_server, clerk, tenant, tmp_path
):
    run, worker = begun(clerk, tenant, tmp_path), worker_of(server)
    assert server.stop() == 0
    assert not worker.is_running()
    start_server(over=server)
    wait_until_planned_once(tenant, run)
