"""Runs whose process died are resumed, and a client that repeats its request gets the result."""

import datetime as dt
import time
import uuid
from contextlib import closing

import psycopg
import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from crm.models import Contact
from importexport.db import Lease, LeaseLost, locks
from importexport.models import ImportRun
from importexport.models import Lease as LeaseRow
from importexport.runs import lifecycle, queue, tasks, worker
from importexport.runs.queue import is_left_undone
from importexport.runs.rescue import Rescue, StuckFor, pause_after
from tests.support.api import problem
from tests.support.real import RealTenant, be_cut_off, contacts, wait_for_status, wait_until_blocked
from tests.support.waiting import Background, moments

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


@pytest.fixture
def killed_after(transactional_db):
    """Leave the lease of a process that was killed some seconds ago while it worked on a run."""

    def leave(run, *, seconds):
        row = {"tenant": run.tenant, "name": run.lease_name, "holder": uuid.uuid4()}
        LeaseRow.objects.all().delete()
        LeaseRow.objects.create(seen_at=timezone.now() - dt.timedelta(seconds=seconds), **row)

    return leave


def planned_import(api):
    return uuid.UUID(api.plan("contacts", FILE)["id"])


def planned_undo(api):
    api.post_file("contacts", FILE)
    return uuid.UUID(api.plan_undo(ImportRun.objects.get().pk)["id"])


@pytest.mark.parametrize(("left", "status"), [(left_applying, "done"), (left_planning, "planned")])
def test_an_abandoned_run_is_resumed(api, left, status):
    left(api)
    rescue, before = Rescue(), ImportRun.objects.get().status
    rescue.look()
    worker.work(until_empty=True)
    # Another process might have just started it.
    assert ImportRun.objects.get().status == before
    rescue.look()
    worker.work(until_empty=True)
    assert ImportRun.objects.get().status == status


def test_a_run_that_waits_in_the_queue_is_left_there(api):
    run = left_applying(api)
    queue.enqueue(run)
    assert tasks.unattended() == []


def test_a_run_in_progress_is_left_alone(api):
    run = left_applying(api)
    with tasks.held(run):
        assert tasks.unattended() == []
    assert tasks.unattended() == [run]


def test_a_run_whose_process_was_killed_is_abandoned_when_its_lease_has_ended(api, killed_after):
    run = left_applying(api)
    killed_after(run, seconds=9)
    assert tasks.unattended() == []
    killed_after(run, seconds=11)
    assert tasks.unattended() == [run]


def test_who_takes_over_a_plan_ends_the_connection_that_its_row_log_is_written_over(api, killed_after):
    run = left_planning(api)
    with tasks.held(run) as cut_off:
        cut_off.aside.ensure_connection()
        killed_after(run, seconds=11)
        with tasks.held(run) as other:
            assert other
            with pytest.raises(OperationalError), cut_off.aside.cursor() as cursor:
                cursor.execute("SELECT")


def test_an_import_without_a_plan_is_noted_as_interrupted(tenant):
    run = ImportRun.objects.create(tenant=tenant, entity="contacts", channel="api", status="running", file_name="a.csv")
    rescue = Rescue()
    rescue.look()
    rescue.look()
    run.refresh_from_db()
    assert (run.status, run.error) == ("failed", "The import was interrupted before its end. Nothing was stored.")


def test_the_job_of_a_worker_that_was_killed_is_done_by_another_one(api):
    run = left_applying(api)
    queue.enqueue(run)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '11 s') RETURNING id"
        )
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s", cursor.fetchone())
    worker.work(until_empty=True)
    assert ImportRun.objects.get().status == "applying"
    Rescue().look()
    worker.work(until_empty=True)
    assert ImportRun.objects.get().status == "done"


@pytest.mark.parametrize("planned", [planned_import, planned_undo])
def test_a_plan_whose_planner_is_about_to_let_go_of_it_is_applied(api, planned):
    run = planned(api)
    by_planner = Lease(api.tenant.pk, f"run {run}")
    assert by_planner.take()
    letting_go = Background(give_back_later, by_planner)
    assert api.post(f"imports/{run}/apply").status_code == 200
    letting_go.outcome()


def give_back_later(lease):
    time.sleep(0.3)
    lease.give_back()
    connection.close()


def test_jobs_that_are_left_undone_for_a_moment_do_not_end_the_worker():
    stuck = StuckFor()
    looks = [(0, True), (2, True), (4, False), (6, True), (16, True)]
    assert [stuck.look(left, now=now) for now, left in looks] == [0, 2, 0, 0, 10]


def test_a_job_that_is_due_is_left_undone_unless_another_one_is_being_done(api):
    assert not is_left_undone()
    queue.enqueue(left_applying(api))
    assert is_left_undone()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing'")
    assert not is_left_undone()


def test_a_run_that_keeps_failing_is_retried_with_increasing_pauses():
    assert [pause_after(attempts) for attempts in range(7)] == [0.5, 1, 2, 4, 8, 15, 15]


def test_a_plan_abandoned_while_applied_is_applied_on_request(api):
    run = left_applying(api)
    response = api.post(f"imports/{run.pk}/apply")
    assert response.status_code == 200
    assert response.getvalue() == (
        b'{"totalRows": 2, "imported": 1, "skipped": 1, "errors": ["Row 3: Invalid email format \'x\'"]}'
    )
    assert ImportRun.objects.get().status == "done"
    assert Contact.objects.count() == 1


def test_a_plan_being_applied_is_not_applied_again(api):
    run = left_applying(api)
    with tasks.held(run):
        detail = "The plan is being applied at this moment; a plan is applied only once."
        assert problem(api.post(f"imports/{run.pk}/apply")) == (409, detail)
    assert not Contact.objects.exists()


def test_of_two_processes_working_on_a_run_the_second_finds_it_done(api):
    run = left_applying(api)
    with tasks.held(run) as hold:
        before = ImportRun.objects.get()
        assert tasks.carry_out(run.pk, hold).imported == 1
        ImportRun.objects.filter(pk=run.pk).update(status=before.status)
        late = ImportRun.objects.get()
        ImportRun.objects.filter(pk=run.pk).update(status="done")
        with pytest.raises(tasks.Settled):
            tasks._import(late, hold, observers=(), progress=None)
    assert Contact.objects.count() == 1
    assert ImportRun.objects.get().imported == 1


def test_a_process_that_has_lost_its_lease_stores_nothing(api):
    run = left_applying(api)
    with tasks.held(run) as hold:
        hold.lease.lose()
        with pytest.raises(LeaseLost):
            tasks.carry_out(run.pk, hold)
    assert not Contact.objects.exists()
    assert ImportRun.objects.get().status == "applying"


def interrupt(*_):
    raise tasks.Interruption


@pytest.mark.parametrize("left", [left_applying, left_planning])
def test_a_run_whose_worker_has_to_stop_keeps_its_status_and_is_resumed_later(api, left):
    run = left(api)
    before = ImportRun.objects.get().status
    with tasks.held(run) as hold, pytest.raises(tasks.Interruption):
        tasks.carry_out(run.pk, hold, progress=interrupt)
    assert (ImportRun.objects.get().status, Contact.objects.count()) == (before, 0)
    queue.enqueue(run)
    worker.work(until_empty=True)
    assert ImportRun.objects.get().status in {"done", "planned"}


def test_who_takes_over_a_run_ends_the_transaction_that_its_process_has_left(api, killed_after):
    run = left_applying(api)
    killed_after(run, seconds=11)
    with closing(connection.copy()) as cut_off, cut_off.cursor() as cursor:
        cut_off.set_autocommit(False)
        cursor.execute("SELECT set_config('application_name', %s, true)", [f"rally import {run.pk}"])
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", locks.entity_lock(run.tenant, "contacts"))
        assert api.post(f"imports/{run.pk}/apply").status_code == 200
        with pytest.raises(OperationalError):
            cursor.execute("SELECT 1")


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


#: Who takes up a run → whether there is a worker.
BY_WORKER = {"the client": "0", "a worker": "1"}


def answer_in_the_end(call):
    """Repeat a request, as a client does, while it is still being carried out."""
    for _ in moments(pause=0.05):
        status, body = call()
        if status not in {409, 503} or "at this moment" not in body["detail"]:
            return status, body
    return status, body


@pytest.mark.parametrize("taken_up_by", list(BY_WORKER))
def test_a_repeated_apply_gets_a_response_after_kill_9(start_server, taken_up_by):
    server = start_server(RALLY_LEASE="3")
    tenant = RealTenant(server)
    _, plan = tenant.post("contacts", contacts(range(10)), to="plan")
    killed_while_blocked(server, tenant, lambda: tenant.send(f"imports/{plan['id']}/apply", headers=KEY))
    again = start_server(over=server, RALLY_WORKER=BY_WORKER[taken_up_by])
    if taken_up_by == "a worker":
        wait_for_status(tenant, plan["id"], "done")
    answer = answer_in_the_end(lambda: tenant.send(f"imports/{plan['id']}/apply", server=again, headers=KEY))
    assert answer == (200, {"totalRows": 10, "imported": 10, "skipped": 0, "errors": []})
    assert tenant.count("contact") == 10
    assert tenant.send(f"imports/{plan['id']}/apply", server=again, headers=KEY) == answer


@pytest.mark.parametrize("taken_up_by", list(BY_WORKER))
def test_a_repeated_undo_gets_a_response_after_kill_9(start_server, taken_up_by):
    server = start_server(RALLY_LEASE="3")
    tenant = RealTenant(server)
    assert tenant.post("contacts", contacts(range(10)))[0] == 200
    (run,) = tenant.sql("SELECT id FROM importexport_importrun WHERE tenant_id = %s", tenant.pk)
    _, undo = tenant.send(f"imports/{run}/undo")
    killed_while_blocked(server, tenant, lambda: tenant.send(f"imports/{undo['id']}/apply", headers=KEY))
    again = start_server(over=server, RALLY_WORKER=BY_WORKER[taken_up_by])
    if taken_up_by == "a worker":
        wait_for_status(tenant, undo["id"], "done")
    status, body = answer_in_the_end(lambda: tenant.send(f"imports/{undo['id']}/apply", server=again, headers=KEY))
    assert (status, body["status"], body["deleted"]) == (200, "done", 10)
    assert tenant.count("contact") == 0
    assert tenant.send(f"imports/{undo['id']}/apply", server=again, headers=KEY) == (status, body)


@pytest.mark.parametrize("taken_up_by", list(BY_WORKER))
def test_a_repeated_plan_gets_a_response_after_kill_9(start_server, taken_up_by):
    server = start_server(RALLY_LEASE="3")
    tenant = RealTenant(server)
    post = {"to": "plan", "headers": KEY}
    killed_while_blocked(server, tenant, lambda: tenant.post("contacts", contacts(range(10)), **post))
    (run,) = tenant.sql("SELECT id FROM importexport_importrun WHERE tenant_id = %s", tenant.pk)
    again = start_server(over=server, RALLY_WORKER=BY_WORKER[taken_up_by])
    if taken_up_by == "a worker":
        wait_for_status(tenant, run, "planned")
    status, body = answer_in_the_end(lambda: tenant.post("contacts", contacts(range(10)), server=again, **post))
    assert (status, body["id"], body["status"], body["created"]) == (201, str(run), "planned", 10)
    assert tenant.sql("SELECT count(*) FROM importexport_importrun WHERE tenant_id = %s", tenant.pk) == (1,)
