"""Concurrent plans and undos, and kill -9, with real servers and connections."""

import time

import psycopg

from tests.support.installation import OF_THIS_DATABASE
from tests.support.real import (
    RealTenant,
    add_contact,
    be_cut_off,
    contacts,
    wait_for_progress,
    wait_for_status,
    wait_until_blocked,
)
from tests.support.waiting import Background, at_once, wait_until

ROWS = 10_000


def planned(tenant, content, query=""):
    status, plan = tenant.post("contacts", content, to="plan", query=query)
    assert status == 201, plan
    return plan["id"]


def undo_of(tenant, run, *, server=None):
    status, plan = tenant.send(f"imports/{run}/undo", server=server)
    assert status == 201, plan
    return plan["id"]


def latest(tenant):
    (run,) = tenant.sql(
        "SELECT id FROM importexport_importrun WHERE tenant_id = %s ORDER BY created_at DESC LIMIT 1", tenant.pk
    )
    return run


def test_of_two_concurrent_applies_one_succeeds(real_tenant):
    plan = planned(real_tenant, contacts(range(3000)))
    answers = at_once(*[(real_tenant.send, f"imports/{plan}/apply")] * 4)
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409]
    assert real_tenant.count("contact") == 3000


def test_of_two_concurrent_undos_one_succeeds_and_the_other_finds_nothing_or_changes(real_tenant):
    real_tenant.post("contacts", contacts(range(3000)))
    run = latest(real_tenant)
    plans = [undo_of(real_tenant, run) for _ in range(2)]
    answers = at_once(*[(real_tenant.send, f"imports/{plan}/apply") for plan in plans])
    assert sorted(status for status, _ in answers) == [200, 409]
    assert real_tenant.count("contact") == 0


def test_an_undo_waits_for_a_running_import(real_tenant):
    real_tenant.post("contacts", contacts(range(10)))
    run = latest(real_tenant)
    with psycopg.connect(real_tenant.server.database_url) as by_hand:
        add_contact(by_hand, real_tenant, "c20@example.com")
        importing = Background(real_tenant.post, "contacts", contacts(range(20, 30)))
        wait_until_blocked(real_tenant, by_hand)
        undoing = Background(real_tenant.send, f"imports/{run}/undo")
        waiting = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND {OF_THIS_DATABASE}"
        wait_until(lambda: real_tenant.sql(waiting), "the undo waits for the import")
        by_hand.rollback()
        assert importing.outcome()[1]["imported"] == 10
        status, plan = undoing.outcome()
    assert (status, plan["deleted"], plan["conflicts"]) == (201, 10, 0)
    assert real_tenant.send(f"imports/{plan['id']}/apply")[0] == 200
    assert real_tenant.count("contact") == 10


def test_a_killed_apply_is_done_once_by_the_next_server(start_server):
    server = start_server(RALLY_LEASE="3")
    tenant = RealTenant(server)
    plan = planned(tenant, contacts(range(ROWS)))
    Background(be_cut_off, tenant.send, f"imports/{plan}/apply")
    wait_for_progress(tenant, ROWS + ROWS // 2)
    server.kill()
    assert tenant.count("contact") in {0, ROWS}
    start_server(over=server, RALLY_WORKER="1")
    wait_for_status(tenant, plan, "done")
    assert tenant.count("contact") == ROWS


def test_a_killed_undo_is_done_once_by_the_next_server(start_server):
    server = start_server(RALLY_LEASE="3")
    tenant = RealTenant(server)
    assert tenant.post("contacts", contacts(range(ROWS)))[0] == 200
    undo = undo_of(tenant, latest(tenant))
    Background(be_cut_off, tenant.send, f"imports/{undo}/apply")
    wait_for_status(tenant, undo, "applying", pause=0.005)
    time.sleep(0.1)
    server.kill()
    assert tenant.count("contact") in {0, ROWS}
    again = start_server(over=server, RALLY_WORKER="1")
    wait_for_status(tenant, undo, "done")
    assert tenant.count("contact") == 0
    back = undo_of(tenant, undo, server=again)
    assert tenant.send(f"imports/{back}/apply", server=again)[0] == 200
    assert tenant.count("contact") == ROWS


def test_a_record_linked_to_during_an_undo_is_kept_or_deleted_completely(real_tenant):
    """An unfinished transaction links a deal to a contact while the contact's import is undone."""
    real_tenant.post("contacts", contacts(range(10)))
    undo = undo_of(real_tenant, latest(real_tenant))
    with psycopg.connect(real_tenant.server.database_url) as by_hand:
        # Check the reference, and lock the contact, immediately rather than at the end.
        by_hand.execute("SET CONSTRAINTS ALL IMMEDIATE")
        by_hand.execute(
            "INSERT INTO crm_deal (tenant_id, name, name_key, currency, probability, stage_id, pipeline_id, contact_id,"
            " notes) SELECT %s, 'Big', 'big', 'USD', 10, s.id, s.pipeline_id, c.id, '' FROM crm_stage s, crm_contact c"
            " WHERE s.tenant_id = %s AND c.tenant_id = %s AND c.email = 'c5@example.com'",
            [real_tenant.pk] * 3,
        )
        undoing = Background(real_tenant.send, f"imports/{undo}/apply")
        wait_until_blocked(real_tenant, by_hand)
        by_hand.commit()
        status, body = undoing.outcome()
    assert status == 409, body
    assert "Row 7 was to delete record" in body["detail"]
    assert real_tenant.count("contact") == 10
