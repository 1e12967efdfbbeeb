"""The API behind a connection pool in transaction mode, with fewer places than requests."""

from collections import Counter
from functools import partial

import pytest

from importexport.models import ImportRun
from importexport.runs import lifecycle
from tests.support.in_process import connected_to
from tests.support.installation import OF_THIS_DATABASE, Installation
from tests.support.pool import PLACES
from tests.support.real import RealTenant, contacts, wait_for_status
from tests.support.waiting import at_once, wait_until

MANY = 6 * PLACES
#: A good row, and one that refers to a company that there is not.
FILE = contacts([1]) + b"Bob,Bobson,bob@example.com,Nowhere\n"


@pytest.fixture(scope="module")
def pooled(pool, new_installation, launch):
    """A server behind a pool, with a worker; its way past the pool is open."""
    installation = new_installation()
    urls = {"DATABASE_URL": pool.url(installation.database_url), "RALLY_DIRECT_DATABASE_URL": installation.database_url}
    # A tenant may have a quarter of the threads.
    server = launch(installation, **urls, RALLY_WORKER="1", RALLY_THREADS=str(4 * MANY))
    yield server
    server.kill()


@pytest.fixture
def tenant(pooled):
    return RealTenant(pooled)


def check_nothing_is_left(tenant):
    """Check that no advisory lock is held, and no lease; the announcer gives its own back a moment later."""
    locks = f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND {OF_THIS_DATABASE}"
    assert tenant.sql(locks) == (0,)
    leases = "SELECT count(*) FROM importexport_lease WHERE tenant_id = %s"
    wait_until(lambda: tenant.sql(leases, tenant.pk) == (0,), "no lease is held")


def test_every_endpoint_answers_behind_a_pool(tenant):
    assert tenant.post("contacts", FILE)[0] == 200
    status, plan = tenant.post("contacts", FILE, to="plan", query="mode=upsert")
    assert status == 201
    assert tenant.post("contacts", FILE, to="read")[0] == 200
    assert tenant.send(f"imports/{plan['id']}/apply")[0] == 200
    *_, run = tenant._ask("GET", "imports", server=None, headers=None)[1]["results"]
    [contact] = tenant.sql("SELECT id FROM crm_contact WHERE tenant_id = %s", tenant.pk)
    status, undo = tenant.send(f"imports/{run['id']}/undo")
    assert (status, undo["deleted"]) == (201, 1)
    saved = tenant.ask(
        "PUT",
        "mappings/ours?entity=contacts",
        headers={"Content-Type": "application/json"},
        body=b'{"source": "hubspot"}',
    )
    assert saved.status == 201
    paths = [
        "mappings", "mappings/ours?entity=contacts", "sources", "sources/hubspot", "imports", f"imports/{run['id']}",
        f"imports/{run['id']}/rows", f"imports/{run['id']}/rows?format=csv", f"imports/{run['id']}/rejected",
        f"imports/{run['id']}/rejected?format=xlsx", f"contacts/{contact}/imports", "contacts/export",
        "contacts/export/excel", "contacts/template",
    ]  # fmt: skip
    assert {path: tenant.ask("GET", path).status for path in paths} == dict.fromkeys(paths, 200)
    assert tenant.server.get("/api/v1/me", X_Api_Key=tenant.secret).status == 200
    assert tenant.send(f"imports/{undo['id']}/apply")[0] == 200
    assert tenant.count("contact") == 0
    check_nothing_is_left(tenant)


def test_requests_with_keys_of_their_own_do_not_disturb_each_other(tenant):
    post = lambda n: tenant.post("contacts", contacts([n]), headers={"Idempotency-Key": f"k{n}"})  # noqa: E731
    calls = [(post, n) for n in range(MANY)]
    first = at_once(*calls)
    assert [status for status, _ in first] == [200] * MANY
    assert at_once(*calls) == first
    assert tenant.count("contact") == MANY
    check_nothing_is_left(tenant)


def test_of_requests_with_the_same_key_one_is_carried_out(tenant):
    post = partial(tenant.post, "contacts", contacts(range(1000)), headers={"Idempotency-Key": "k"})
    done = {"totalRows": 1000, "imported": 1000, "skipped": 0, "errors": []}
    answers = at_once(*[(post,)] * MANY)
    assert {status for status, _ in answers} <= {200, 409}
    assert [body for status, body in answers if status == 200 and body != done] == []
    assert post() == (200, done)
    assert tenant.count("contact") == 1000
    check_nothing_is_left(tenant)


def test_more_work_at_once_than_the_pool_has_places_is_all_done(pooled):
    """Each of these has a transaction, and another connection for its progress, its lease or the rows of its plan."""
    tenants = [RealTenant(pooled) for _ in range(MANY // 4)]
    assert Counter(at_once(*((life_of, tenant, n) for n, tenant in enumerate(tenants)))) == {"done": len(tenants)}
    calls = [(part, tenant) for tenant in tenants for part in (imported, planned, undone, exported)]
    assert Counter(at_once(*calls)) == {200: len(tenants) * 2, 201: len(tenants) * 2}
    for tenant in tenants:
        check_nothing_is_left(tenant)


def life_of(tenant, n):
    """Plan, apply and undo an import."""
    _, plan = tenant.post("contacts", contacts(range(500)), to="plan", headers={"Idempotency-Key": f"plan {n}"})
    assert tenant.send(f"imports/{plan['id']}/apply", headers={"Idempotency-Key": f"apply {n}"})[0] == 200
    _, undo = tenant.send(f"imports/{plan['id']}/undo")
    assert tenant.send(f"imports/{undo['id']}/apply")[0] == 200
    return tenant._ask("GET", f"imports/{undo['id']}", server=None, headers=None)[1]["status"]


def imported(tenant):
    return tenant.post("companies", b"name\nAcme\n")[0]


def planned(tenant):
    return tenant.post("contacts", contacts(range(500)), to="plan")[0]


def undone(tenant):
    """Undo the latest run, which is an undo."""
    [run] = tenant.sql(
        "SELECT id FROM importexport_importrun WHERE tenant_id = %s AND kind = 'undo' AND status = 'done'", tenant.pk
    )
    return tenant.send(f"imports/{run}/undo")[0]


def exported(tenant):
    return tenant.ask("GET", "contacts/export").status


def test_a_worker_with_no_way_past_the_pool_looks_into_the_queue(pool, new_installation, launch, django_db_blocker):
    made = new_installation()
    env = {name: value for name, value in made.env.items() if name != "RALLY_DIRECT_DATABASE_URL"}
    server = launch(Installation(made.database_url, env), DATABASE_URL=pool.url(made.database_url), RALLY_WORKER="1")
    try:
        tenant = RealTenant(server)
        _, plan = tenant.post("contacts", contacts(range(10)), to="plan")
        wait_until(lambda: tenant.sql("SELECT 1 FROM procrastinate_workers"), "the worker works")
        with django_db_blocker.unblock(), connected_to(server.database_url):
            lifecycle.confirm(ImportRun.objects.get(pk=plan["id"]))
        wait_for_status(tenant, plan["id"], "done")
        assert tenant.count("contact") == 10
        assert (
            tenant.sql("SELECT 1 FROM pg_stat_activity WHERE query ILIKE 'listen%%' AND datname = current_database()")
            is None
        )
    finally:
        server.kill()
