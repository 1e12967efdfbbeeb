"""Runs whose process died are resumed, and a client that repeats its request gets the result."""

import threading
import uuid

import psycopg
import pytest
from django.db import connection

from crm.models import Contact
from importexport.db import advisory_lock
from importexport.models import ImportRun
from importexport.models.import_run import lock_of
from importexport.runs import lifecycle, tasks
from importexport.runs.caretaker import Caretaker, Pauses
from tests.support.api import problem
from tests.support.real import RealTenant, be_cut_off, contacts, wait_for_status, wait_until_blocked
from tests.support.waiting import LONG, Background, moments

#: What is done in the background, by other threads, sees what is stored.
pytestmark = pytest.mark.django_db(transaction=True)

FILE = "first_name,last_name,email\nAda,Lovelace,ada@example.com\nA,B,x\n"
KEY = {"Idempotency-Key": "order-1"}


def left_applying(api):
    """Plan a file, and leave it as if a process had been killed while applying it."""
    plan = api.plan("contacts", FILE)
    run = ImportRun.objects.get(pk=plan["id"])
    lifecycle.claim(run)
    return run


def left_planning(api):
    run = left_applying(api)
    ImportRun.objects.filter(pk=run.pk).update(status=ImportRun.Status.PLANNING, plan_digest="")
    return run


def planned_import(api):
    return uuid.UUID(api.plan("contacts", FILE)["id"])


def planned_undo(api):
    api.post_file("contacts", FILE)
    return uuid.UUID(api.plan_undo(ImportRun.objects.get().pk)["id"])


@pytest.mark.parametrize(("left", "status"), [(left_applying, "done"), (left_planning, "planned")])
def test_an_abandoned_run_is_resumed_automatically(api, left, status):
    run = left(api)
    caretaker, before = Caretaker(), ImportRun.objects.get().status
    caretaker.look()
    # Another process might have just started it.
    assert ImportRun.objects.get().status == before
    caretaker.look()
    assert tasks.wait(run.pk, seconds=60)
    assert ImportRun.objects.get().status == status


def test_a_run_in_progress_is_left_alone(api):
    run = left_applying(api)
    with tasks.held(run.pk):
        assert tasks.unattended() == set()
    # Not only once the server has noticed that the session ended.
    assert tasks.unattended() == {run.pk}


@pytest.mark.parametrize("planned", [planned_import, planned_undo])
def test_a_plan_whose_planner_is_about_to_let_go_of_it_is_applied(api, planned):
    run = planned(api)
    by_planner = connection.copy()
    assert advisory_lock(lock_of(run), session=True, over=by_planner)
    letting_go = threading.Timer(0.3, by_planner.connection.close)
    letting_go.start()
    assert api.post(f"imports/{run}/apply").status_code == 200
    letting_go.join(LONG)


def test_a_run_that_keeps_failing_is_retried_with_increasing_pauses():
    pauses, run, other = Pauses(), uuid.uuid4(), uuid.uuid4()
    assert [second for second in range(100) if pauses.due({run}, now=second)] == [0, 2, 6, 14, 29, 44, 59, 74, 89]
    assert pauses.due({run, other}, now=100) == [other]


def test_a_run_that_was_finished_in_the_meantime_is_retried_immediately():
    pauses, run = Pauses(), uuid.uuid4()
    assert pauses.due({run}, now=0)
    assert pauses.due({run}, now=2)
    assert pauses.due({run}, now=100)
    assert pauses.due({run}, now=102)


def test_a_plan_abandoned_while_applied_is_applied_on_request(api):
    run = left_applying(api)
    response = api.post(f"imports/{run.pk}/apply")
    assert response.status_code == 200
    assert response.getvalue() == (
        b'{"totalRows": 2, "imported": 1, "skipped": 1, "errors": ["Row 3: Invalid email format \'x\'"]}'
    )
    assert ImportRun.objects.get().status == "done"
    assert Contact.objects.count() == 1


def test_an_abandoned_plan_is_completed_when_it_is_to_be_applied(api):
    run = left_planning(api)
    detail = "Only a plan can be applied, and this one is still being made."
    assert problem(api.post(f"imports/{run.pk}/apply")) == (409, detail)
    assert tasks.wait(run.pk, seconds=60)
    assert api.post(f"imports/{run.pk}/apply").status_code == 200


def test_a_plan_being_applied_is_not_applied_again(api):
    run = left_applying(api)
    with tasks.held(run.pk):
        detail = "The plan is being applied at this moment; a plan is applied only once."
        assert problem(api.post(f"imports/{run.pk}/apply")) == (409, detail)
    assert not Contact.objects.exists()


def test_of_two_processes_working_on_a_run_the_second_finds_it_done(api):
    run = left_applying(api)
    with tasks.held(run.pk) as aside:
        before = ImportRun.objects.get()
        assert tasks.carry_out(run.pk, aside).imported == 1
        ImportRun.objects.filter(pk=run.pk).update(status=before.status)
        late = ImportRun.objects.get()
        ImportRun.objects.filter(pk=run.pk).update(status="done")
        with pytest.raises(tasks.Settled):
            tasks._import(late, aside, observers=(), progress=None)
    assert Contact.objects.count() == 1
    assert ImportRun.objects.get().imported == 1


# --- with an Idempotency-Key, by real processes ---------------------------------------------------------------


def killed_while_blocked(server, tenant, call, table="crm_contact"):
    """Send a request that is blocked by a lock, and kill the server meanwhile."""
    with psycopg.connect(server.database_url) as by_hand:
        by_hand.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        asking = Background(be_cut_off, call)
        wait_until_blocked(tenant, by_hand)
        server.kill()
        asking.outcome()
        by_hand.rollback()


def answer_in_the_end(call):
    """Repeat a request, as a client does, while it is still being carried out."""
    for _ in moments(pause=0.05):
        status, body = call()
        if status not in {409, 503} or "at this moment" not in body["detail"]:
            return status, body
    return status, body


@pytest.mark.parametrize("taken_up_by", ["the client", "the server"])
def test_a_repeated_apply_gets_a_response_after_kill_9(start_server, taken_up_by):
    server = start_server()
    tenant = RealTenant(server)
    _, plan = tenant.post("contacts", contacts(range(10)), to="plan")
    killed_while_blocked(server, tenant, lambda: tenant.send(f"imports/{plan['id']}/apply", headers=KEY))
    again = start_server(over=server)
    if taken_up_by == "the server":
        wait_for_status(tenant, plan["id"], "done")
    answer = answer_in_the_end(lambda: tenant.send(f"imports/{plan['id']}/apply", server=again, headers=KEY))
    assert answer == (200, {"totalRows": 10, "imported": 10, "skipped": 0, "errors": []})
    assert tenant.count("contact") == 10
    assert tenant.send(f"imports/{plan['id']}/apply", server=again, headers=KEY) == answer


@pytest.mark.parametrize("taken_up_by", ["the client", "the server"])
def test_a_repeated_undo_gets_a_response_after_kill_9(start_server, taken_up_by):
    server = start_server()
    tenant = RealTenant(server)
    assert tenant.post("contacts", contacts(range(10)))[0] == 200
    (run,) = tenant.sql("SELECT id FROM importexport_importrun WHERE tenant_id = %s", tenant.pk)
    _, undo = tenant.send(f"imports/{run}/undo")
    killed_while_blocked(server, tenant, lambda: tenant.send(f"imports/{undo['id']}/apply", headers=KEY))
    again = start_server(over=server)
    if taken_up_by == "the server":
        wait_for_status(tenant, undo["id"], "done")
    status, body = answer_in_the_end(lambda: tenant.send(f"imports/{undo['id']}/apply", server=again, headers=KEY))
    assert (status, body["status"], body["deleted"]) == (200, "done", 10)
    assert tenant.count("contact") == 0
    assert tenant.send(f"imports/{undo['id']}/apply", server=again, headers=KEY) == (status, body)


@pytest.mark.parametrize("taken_up_by", ["the client", "the server"])
def test_a_repeated_plan_gets_a_response_after_kill_9(start_server, taken_up_by):
    server = start_server()
    tenant = RealTenant(server)
    post = {"to": "plan", "headers": KEY}
    killed_while_blocked(server, tenant, lambda: tenant.post("contacts", contacts(range(10)), **post))
    (run,) = tenant.sql("SELECT id FROM importexport_importrun WHERE tenant_id = %s", tenant.pk)
    again = start_server(over=server)
    if taken_up_by == "the server":
        wait_for_status(tenant, run, "planned")
    status, body = answer_in_the_end(lambda: tenant.post("contacts", contacts(range(10)), server=again, **post))
    assert (status, body["id"], body["status"], body["created"]) == (201, str(run), "planned", 10)
    assert tenant.sql("SELECT count(*) FROM importexport_importrun WHERE tenant_id = %s", tenant.pk) == (1,)
