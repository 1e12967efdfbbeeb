"""Schedules at work: what is due is started once, fetched or sent, and told like any other import or export."""

import datetime as dt
import json
import uuid
import zoneinfo

import pytest
from django.core.files.storage import storages
from django.db import connection, connections
from django.utils import timezone

from crm.models import Contact
from importexport import mappings
from importexport.models import ImportRun, PreparedExport, Schedule
from importexport.resources import RESOURCES
from importexport.runs import attempts, lifecycle, occurrences, queue, timetable, worker
from importexport.runs.queue import TooManyWaiting, enqueue
from importexport.runs.rescue import Rescue
from importexport.runs.schedules import StillAtWork, start_due, start_now
from importexport.schedules import managing
from importexport.webhooks.managing import Given as Hook
from importexport.webhooks.managing import add_webhook
from tests.support.installation import environment, url_of
from tests.support.receivers import give, kill_worker_at, pour, stall
from tests.support.s3 import BUCKET
from tests.support.staff import add_run
from tests.support.waiting import at_once, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

FILE = "first_name,last_name,email\nAda,Lovelace,ada@example.com\n"
HOUR = dt.timedelta(hours=1)


def add(tenant, address, *, kind="import", name="Nightly", options=None, cron="30 2 * * *", zone="UTC", is_active=True):
    given = managing.Given(name, kind, "contacts", address, cron, zone, options or {}, is_active)
    return managing.add_schedule(managing.checked(given, tenant=tenant), tenant=tenant, actor="Ada")


def make_due(schedule, since=HOUR):
    Schedule.objects.filter(pk=schedule.pk).update(next_at=timezone.now() - since)


def work():
    worker.work(until_empty=True)


def pass_time():
    """Let the time pass until the next attempt, and make it."""
    Schedule.objects.exclude(again_at=None).update(again_at=timezone.now())
    start_due()
    work()


def jobs():
    with connection.cursor() as cursor:
        cursor.execute("SELECT task_name FROM procrastinate_jobs ORDER BY id")
        return [name for (name,) in cursor.fetchall()]


def note_of(schedule):
    return Schedule.objects.get(pk=schedule.pk).note


def hook(tenant, url, *events):
    add_webhook(Hook(url, list(events), is_active=True), tenant=tenant)


# --- due ---


def test_what_is_due_is_imported_like_any_other_file(serve, tenant):
    server = serve(give(FILE))
    schedule = add(tenant, f"{server.url}/contacts.csv")
    make_due(schedule)
    start_due()
    work()
    run = ImportRun.objects.get()
    assert (run.status, run.imported, run.channel, run.schedule) == ("done", 1, "schedule", schedule)
    assert (run.file_name, run.actor, run.size, run.plan_digest) == ("contacts.csv", "Ada", len(FILE), "")
    schedule.refresh_from_db()
    assert (schedule.note, schedule.attempt, schedule.last_at is not None) == ("", None, True)
    assert schedule.next_at > timezone.now()
    assert jobs() == []


def test_what_is_not_due_or_is_switched_off_is_not_started(serve, tenant):
    server = serve()
    off = add(tenant, server.url, name="Off")
    make_due(off)
    Schedule.objects.update(is_active=False)
    add(tenant, server.url)
    start_due()
    assert jobs() == []


def test_a_server_without_hosts_starts_nothing(serve, tenant, settings):
    make_due(add(tenant, serve().url))
    settings.RALLY_SCHEDULE_HOSTS = []
    start_due()
    assert jobs() == []


def test_a_worker_that_does_what_waits_starts_what_is_due(serve, tenant):
    make_due(add(tenant, serve(give(FILE)).url))
    work()
    assert ImportRun.objects.get().imported == 1


def test_a_worker_looks_again_and_again_what_is_due(serve, tenant, monkeypatch):
    monkeypatch.setattr(timetable, "PACE", 0.01)
    make_due(add(tenant, serve().url))
    thread = timetable.Timetable()
    thread.start()
    wait_until(jobs, "the schedule is started")
    thread.stop()
    thread.join(60)
    assert jobs() == ["attempt"]


def test_workers_that_look_at_the_same_moment_start_it_once(serve, tenant):
    schedule = add(tenant, serve().url)
    make_due(schedule)

    def look():
        try:
            start_due()
        finally:
            connections.close_all()

    at_once(*[(look,)] * 3)
    assert jobs() == ["attempt"]


def test_days_that_were_missed_are_made_up_for_once(serve, tenant):
    server = serve(give(FILE))
    zone = zoneinfo.ZoneInfo("Asia/Tokyo")
    schedule = add(tenant, server.url.replace("/hook", "/{date}-{time}.csv"), zone="Asia/Tokyo")
    make_due(schedule, dt.timedelta(days=5))
    start_due()
    start_due()
    work()
    now = timezone.now().astimezone(zone)
    last = now if (now.hour, now.minute) >= (2, 30) else now - dt.timedelta(days=1)
    assert [got.path for got in server.received] == [f"/{last:%Y-%m-%d}-0230.csv"]
    assert ImportRun.objects.count() == 1


def test_while_it_is_at_work_it_is_passed_over(serve, tenant):
    schedule = add(tenant, serve().url)
    make_due(schedule)
    start_due()
    make_due(schedule)
    start_due()
    assert jobs() == ["attempt"]
    assert note_of(schedule) == "Passed over. What the schedule has started before is still at work."
    assert Schedule.objects.get().next_at > timezone.now()
    with pytest.raises(StillAtWork):
        start_now(schedule)


@pytest.mark.parametrize("status", ["applying", "planning"])
def test_while_its_import_is_at_work_it_is_passed_over(serve, tenant, status):
    schedule = add(tenant, serve().url)
    add_run(tenant, channel="schedule", schedule=schedule, status=status)
    make_due(schedule)
    start_due()
    assert note_of(schedule).startswith("Passed over.")


def test_an_export_that_has_lost_its_job_is_in_the_way_of_nothing(serve, tenant):
    schedule = add(tenant, serve().url, kind="export")
    start_now(schedule)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    assert start_now(schedule)


def test_where_too_much_waits_it_is_passed_over(serve, tenant, monkeypatch):
    monkeypatch.setattr(queue.errors, "MOST_WAITING", 1)
    enqueue(add_run(tenant, status="planning"))
    schedule = add(tenant, serve().url)
    make_due(schedule)
    start_due()
    assert jobs() == ["run"]
    assert note_of(schedule).startswith("Passed over. 200 imports are waiting already.")
    with pytest.raises(TooManyWaiting):
        start_now(schedule)


def test_a_schedule_that_cannot_be_started_is_in_the_way_of_no_other(serve, tenant):
    broken = add(tenant, serve().url, name="Broken")
    schedule = add(tenant, serve().url)
    for each in (broken, schedule):
        make_due(each)
    Schedule.objects.filter(pk=broken.pk).update(time_zone="Gone/Zone")
    start_due()
    assert jobs() == ["attempt"]


def test_jobs_of_schedules_come_after_those_that_somebody_waits_for(serve, tenant):
    schedule = add(tenant, serve().url)
    scheduled = add_run(tenant, channel="schedule", schedule=schedule, status="applying", entity="companies")
    enqueue(scheduled)
    waited_for = add_run(tenant, status="applying", size=10)
    enqueue(waited_for)
    assert (queue.ahead_of(waited_for), queue.ahead_of(scheduled)) == (0, 1)


def test_a_job_of_a_schedule_that_has_waited_for_ten_minutes_comes_in_its_turn(serve, tenant):
    scheduled = add_run(tenant, channel="schedule", status="applying", entity="companies")
    enqueue(scheduled)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_events SET at = at - interval '11 minutes'")
    waited_for = add_run(tenant, status="applying")
    enqueue(waited_for)
    assert (queue.ahead_of(scheduled), queue.ahead_of(waited_for)) == (0, 1)


# --- imports ---


def test_its_options_are_those_of_imports(serve, tenant):
    spec = RESOURCES["contacts"].describe()
    mappings.save_mapping("theirs", {"mapping": {"Vorname": "first_name"}}, tenant=tenant, spec=spec)
    server = serve(give(FILE.replace("first_name", "Vorname").replace("Ada", "Eve")))
    Contact.objects.create(tenant=tenant, first_name="Ada", last_name="Lovelace", email="ada@example.com")
    start_now(add(tenant, server.url, options={"mode": "upsert", "mapping": "@theirs"}))
    work()
    run = ImportRun.objects.get()
    assert (run.counts["update"], run.options["saved_mapping"]) == (1, "theirs")
    assert Contact.objects.get().first_name == "Eve"


def test_a_file_that_cannot_be_imported_fails_like_any_other(serve, tenant, receive):
    receiver = receive()
    hook(tenant, receiver.url, "import.failed")
    start_now(add(tenant, serve(give("name\nAda\n")).url))
    work()
    assert ImportRun.objects.get().error.startswith("Required column")
    assert json.loads(receiver.received[0].body)["data"]["channel"] == "schedule"


def test_what_cannot_be_fetched_is_tried_three_times_and_is_a_run_that_failed(serve, tenant, receive):
    receiver, server = receive(), serve(500, 500, 404)
    hook(tenant, receiver.url, "import.failed")
    schedule = add(tenant, f"{server.url}?sig=secret")
    start_now(schedule)
    work()
    again = "The file could not be fetched. The server answered 500. The next attempt is made after"
    assert note_of(schedule) == f"{again} 1 minute."
    start_due()
    assert jobs() == []
    pass_time()
    assert note_of(schedule) == f"{again} 5 minutes."
    assert not ImportRun.objects.exists()
    pass_time()
    run, sentence = ImportRun.objects.get(), "The file could not be fetched. The server answered 404."
    assert (run.status, run.error, run.channel, run.schedule) == ("failed", sentence, "schedule", schedule)
    assert (note_of(schedule), len(server.received)) == (sentence, 3)
    (told,) = receiver.received
    assert json.loads(told.body)["data"]["error"] == sentence
    pass_time()
    assert len(server.received) == 3


def test_the_second_attempt_may_succeed_and_asks_for_the_same_file(serve, tenant):
    server = serve(500, give(FILE))
    schedule = add(tenant, server.url.replace("/hook", "/{date}-{time}.csv"))
    make_due(schedule, dt.timedelta(days=2))
    start_due()
    work()
    pass_time()
    first, second = server.received
    assert first.path == second.path
    assert first.path.endswith("-0230.csv")
    assert (ImportRun.objects.get().imported, note_of(schedule)) == (1, "")


def test_a_file_over_the_limit_is_left_where_the_limit_is(serve, tenant, settings):
    settings.RALLY_IMPORT_MAX_BYTES_ASYNC = 100_000
    start_now(add(tenant, serve(pour).url))
    work()
    run = ImportRun.objects.get()
    assert (run.status, run.size) == ("failed", None)
    assert run.error.startswith("The file could not be fetched. The file is larger than the limit of 100000 bytes.")
    assert storages["uploads"].listdir(str(tenant.pk))[1] == []


def test_a_host_that_is_not_allowed_any_more_is_not_asked_again(serve, tenant, settings):
    server = serve()
    schedule = add(tenant, server.url)
    settings.RALLY_SCHEDULE_HOSTS = ["files.example.com"]
    start_now(schedule)
    work()
    assert ImportRun.objects.get().error.startswith("The file could not be fetched. Schedules do not use this host:")
    assert (server.received, Schedule.objects.get().again_at) == ([], None)


def test_a_saved_mapping_that_is_gone_is_told(serve, tenant):
    schedule = add(tenant, serve().url)
    Schedule.objects.update(options={"mapping": "@gone"})
    start_now(schedule)
    work()
    assert "There is no saved mapping 'gone' for contacts." in ImportRun.objects.get().error


def test_a_file_in_a_bucket_is_imported(place, tenant):
    place.client.put_object(Bucket=BUCKET, Key="acme/in/contacts.csv", Body=FILE.encode())
    start_now(add(tenant, f"s3://{BUCKET}/acme/in/contacts.csv"))
    work()
    assert (ImportRun.objects.get().imported, ImportRun.objects.get().file_name) == (1, "contacts.csv")


def test_an_attempt_that_is_made_twice_imports_once(serve, tenant):
    """As when a worker was taken for dead, but only was slow."""
    server = serve(give(FILE), give(FILE))
    schedule = add(tenant, server.url)
    start_now(schedule)
    schedule.refresh_from_db()
    which = {"tenant_id": tenant.pk, "schedule_id": schedule.pk, "attempt": schedule.attempt}

    def other_is_quicker():
        if len(server.received) == 1:
            occurrences.carry_out(**which, check=lambda: None)

    occurrences.carry_out(**which, check=other_is_quicker)
    assert len(server.received) == 2
    assert ImportRun.objects.count() == 1
    work()
    assert (ImportRun.objects.get().status, len(storages["uploads"].listdir(str(tenant.pk))[1])) == ("done", 1)


def test_a_schedule_that_is_deleted_while_it_is_at_work_imports_nothing(serve, tenant):
    server = serve(give(FILE))
    schedule = add(tenant, server.url)
    start_now(schedule)
    schedule.refresh_from_db()

    def delete():
        if server.received:
            Schedule.objects.filter(pk=schedule.pk).delete()

    occurrences.carry_out(tenant_id=tenant.pk, schedule_id=schedule.pk, attempt=schedule.attempt, check=delete)
    work()
    assert (ImportRun.objects.count(), jobs()) == (0, [])


def test_a_deleted_schedule_leaves_its_runs(serve, tenant):
    schedule = add(tenant, serve(give(FILE)).url)
    start_now(schedule)
    work()
    schedule.delete()
    run = ImportRun.objects.get()
    assert (run.status, run.schedule_id, run.channel) == ("done", None, "schedule")


def test_a_bug_is_a_run_that_failed(serve, tenant):
    schedule = add(tenant, serve().url)
    Schedule.objects.update(options={"mode": 7})
    start_now(schedule)
    work()
    run = ImportRun.objects.get()
    assert (run.status, note_of(schedule)) == ("failed", run.error)
    assert "Something went wrong on our side." in run.error


def test_a_fetch_that_is_killed_is_made_again_and_imported_once(serve, made, tenant, data_dir, settings):
    server = serve(stall, give(FILE))
    schedule = add(tenant, server.url)
    start_now(schedule)
    allowed = {"RALLY_SCHEDULE_HOSTS": "127.0.0.1", "SSL_CERT_FILE": str(made[0]), "SECRET_KEY": settings.SECRET_KEY}
    env = environment(data_dir, DATABASE_URL=url_of(connection.settings_dict["NAME"]), **allowed)
    kill_worker_at(server, env)
    Rescue().look()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL")
    work()
    assert (len(server.received), ImportRun.objects.get().imported, Contact.objects.count()) == (2, 1, 1)


# --- exports ---


def test_an_export_is_sent_and_told_when_it_has_been(serve, tenant, receive):
    receiver, server = receive(), serve(201)
    hook(tenant, receiver.url, "export.ready")
    Contact.objects.create(tenant=tenant, first_name="Ada", last_name="Lovelace", email="ada@example.com")
    address = server.url.replace("https://", "https://me:secret@") + "?sig=secret"
    export = start_now(add(tenant, address, kind="export", options={"columns": "email,first_name"}))
    assert export.status == "waiting"
    work()
    (got,) = server.received
    assert (got.method, got.path, got.body) == (
        "PUT",
        "/hook?sig=secret",
        b"email,first_name\r\nada@example.com,Ada\r\n",
    )
    export.refresh_from_db()
    assert (export.status, export.error, export.sent_at is not None) == ("ready", "", True)
    data = json.loads(receiver.received[0].body)["data"]
    shown = f"https://me:***@127.0.0.1:{server.port}/hook?sig=***"
    assert (data["id"], data["destination"], data["schedule"]) == (str(export.pk), shown, export.schedule_id)
    assert jobs() == []


def test_an_export_that_cannot_be_sent_is_tried_three_times_and_has_failed(serve, tenant, receive):
    receiver, server = receive(), serve(500, 500, 500)
    hook(tenant, receiver.url, "export.ready")
    schedule = add(tenant, server.url, kind="export")
    export = start_now(schedule)
    work()
    pass_time()
    export.refresh_from_db()
    assert export.status == "waiting"
    with pytest.raises(StillAtWork):
        start_now(schedule)
    pass_time()
    export.refresh_from_db()
    sentence = "The file could not be sent. The server answered 500."
    assert (export.status, export.error, note_of(schedule)) == ("failed", sentence, sentence)
    assert (len({got.body for got in server.received}), len(server.received), receiver.received) == (1, 3, [])
    assert start_now(schedule)


def test_an_export_is_sent_to_a_bucket(place, tenant):
    schedule = add(tenant, f"s3://{BUCKET}/acme/in/contacts-{{date}}.xlsx", kind="export", options={"format": "xlsx"})
    start_now(schedule)
    work()
    assert place.names() == [f"acme/in/contacts-{timezone.now():%Y-%m-%d}.xlsx"]


def test_an_export_whose_schedule_is_deleted_is_not_sent(serve, tenant):
    server = serve()
    schedule = add(tenant, server.url, kind="export")
    export = start_now(schedule)
    schedule.delete()
    work()
    export.refresh_from_db()
    assert (export.status, export.error) == ("failed", "The schedule was deleted before the file was sent.")
    assert server.received == []


def test_an_export_of_what_is_gone_has_failed(serve, tenant):
    schedule = add(tenant, serve().url, kind="export")
    Schedule.objects.update(options={"format": "csv", "company_name": "Gone"})
    export = start_now(Schedule.objects.get(pk=schedule.pk))
    work()
    export.refresh_from_db()
    assert (export.status, export.error[:22], note_of(schedule)) == ("failed", "Unknown company_name '", export.error)


def test_an_export_that_was_made_is_not_made_again(serve, tenant):
    """As when a worker is killed between the end of a job and its next one."""
    server = serve(204)
    schedule = add(tenant, server.url, kind="export")
    export = start_now(schedule)
    export.size, export.sha256 = 3, "x"
    PreparedExport.objects.filter(pk=export.pk).update(size=3, sha256="x")
    work()
    assert (jobs(), server.received) == ([], [])
    assert PreparedExport.objects.get().size == 3


def test_an_attempt_of_another_occurrence_stores_nothing(serve, tenant):
    schedule = add(tenant, serve().url)
    schedule.attempt = uuid.uuid4()
    with pytest.raises(attempts.Overtaken):
        attempts.end(schedule)
    with pytest.raises(attempts.Overtaken):
        attempts.postpone(schedule, "No.")


def test_an_import_of_a_schedule_can_be_undone(serve, tenant):
    start_now(add(tenant, serve(give(FILE)).url))
    work()
    undo = lifecycle.plan_undo(ImportRun.objects.get(), channel="admin", actor="Ada")
    lifecycle.apply_now(undo)
    assert not Contact.objects.exists()
