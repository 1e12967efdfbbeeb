"""A worker whose own connections are lost, with which it takes jobs and notes what has become of them."""

import pytest

from tests.faults.operations import Staff, people, runs, wait_until_settled
from tests.faults.proxy import Fault
from tests.support.waiting import wait_until

#: What a worker executes for itself.
OWN = ["procrastinate_fetch_job", "procrastinate_finish_job", "procrastinate_update_heartbeat"]


def send(tenant, numbers):
    assert tenant.submit("crm/contact/import/", people(numbers), mode="create", missing="create").status == 302


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("statement", OWN)
def test_a_connection_that_a_worker_loses_leaves_no_job_in_the_way_of_the_next(proxied_worker, statement, moment):
    tenant = Staff(proxied_worker.server)
    with proxied_worker.proxy.armed(Fault(statement, moment)) as fault:
        send(tenant, range(10))
        wait_until(fault.struck.is_set, "the connection is lost")
        send(tenant, range(20))
        assert wait_until_settled(tenant), runs(tenant)
    assert [run[1:5] for run in runs(tenant)] == [("planned", 13, 10, 3), ("planned", 23, 20, 3)]
