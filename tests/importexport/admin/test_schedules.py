"""Schedules in the admin: added, changed and started by the tenant's admins."""

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from importexport import mappings
from importexport.models import ImportRun, PreparedExport, Schedule
from importexport.resources import RESOURCES
from importexport.runs import worker
from importexport.schedules import managing
from tests.support.receivers import give
from tests.support.staff import Staff, add_run

pytestmark = pytest.mark.django_db(transaction=True)

FILE = "first_name,last_name,email\nAda,Lovelace,ada@example.com\n"
ADDRESS = "https://me:secret@files.example.com/contacts-{date}.csv?sig=secret"
SHOWN = "https://me:***@files.example.com/contacts-{date}.csv?sig=***"
FORM = {
    "name": "Nightly", "kind": "import", "entity": "contacts", "address": ADDRESS, "cron": "30  6 * * *",
    "time_zone": "Europe/Berlin", "is_active": "on", "mode": "upsert", "blank": "keep", "missing": "create",
    "mapping": "", "file_format": "csv",
}  # fmt: skip


@pytest.fixture(autouse=True)
def hosts(settings):
    settings.RALLY_SCHEDULE_HOSTS = ["files.example.com"]


@pytest.fixture
def admin(tenant):
    return Staff(tenant, "admin")


def add(staff, **fields):
    return staff.post("importexport_schedule_add", **FORM | fields)


def change(staff, schedule, **fields):
    response = staff.post("importexport_schedule_change", schedule.pk, **FORM | fields)
    schedule.refresh_from_db()
    return response


def scheduled(tenant, **fields):
    given = {"kind": "import", "entity": "contacts", "address": ADDRESS, "cron": "30 6 * * *", "name": "Nightly"}
    given |= {"time_zone": "UTC", "options": {}, "is_active": True}
    return managing.add_schedule(managing.Given(**given | fields), tenant=tenant, actor="ci")


def errors(response):
    form = response.context["adminform"].form
    return [sentence for sentences in form.errors.values() for sentence in sentences]


def test_a_schedule_is_added_and_its_secrets_are_never_shown(admin, tenant, caplog):
    assert add(admin).status_code == 302
    schedule = Schedule.objects.get()
    assert (schedule.tenant, schedule.address, schedule.cron) == (tenant, ADDRESS, "30 6 * * *")
    assert schedule.options == {"mode": "upsert", "blank": "keep", "missing": "create"}
    assert (schedule.user, schedule.actor) == (admin.user, admin.user.username)
    assert schedule.next_at > timezone.now()
    pages = [
        admin.page("importexport_schedule_changelist"),
        admin.get("importexport_schedule_change", schedule.pk).content.decode(),
    ]
    assert all(SHOWN in page for page in pages)
    assert not any("secret" in place for place in [*pages, str(list(LogEntry.objects.values())), caplog.text])


def test_a_new_schedule_has_the_time_zone_of_the_tenant(admin, tenant):
    tenant.timezone = "Asia/Tokyo"
    tenant.save()
    assert 'value="Asia/Tokyo"' in admin.get("importexport_schedule_add").content.decode()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": ""}, "This field is required."),
        ({"address": "https://10.0.0.1/a.csv"}, "Schedules do not use this host:"),
        ({"address": "http://files.example.com/a.csv"}, "The address must begin with https:// or s3://."),
        ({"cron": "0 25 * * *"}, "The hour '25' is not valid:"),
        ({"time_zone": "Mars"}, "Unknown time zone 'Mars'."),
        ({"kind": "sync"}, "Select a valid choice."),
        ({"mode": "merge"}, "Select a valid choice."),
        ({"mapping": "@none"}, "Select a valid choice."),
    ],
)
def test_what_a_schedule_cannot_be(admin, fields, sentence):
    (said,) = errors(add(admin, **fields))
    assert said.startswith(sentence)
    assert not Schedule.objects.exists()


def test_a_name_is_there_once_and_there_are_at_most_so_many(admin, tenant, other_tenant, monkeypatch):
    scheduled(other_tenant)
    add(admin)
    assert errors(add(admin)) == ["There is a schedule with this name already."]
    monkeypatch.setattr(managing, "MOST", 1)
    assert errors(add(admin, name="Other")) == ["There are 1 schedules already, which is the limit."]


def test_an_address_that_is_left_as_it_is_shown_keeps_its_secrets(admin, tenant):
    schedule = scheduled(tenant)
    assert change(admin, schedule, address=SHOWN, name="Other").status_code == 302
    assert (schedule.name, schedule.address) == ("Other", ADDRESS)
    (said,) = errors(change(admin, schedule, address=SHOWN.replace("contacts", "others")))
    assert "give them again" in said


def test_a_change_leaves_what_a_worker_has_stored_meanwhile(admin, tenant):
    schedule = scheduled(tenant, time_zone="Europe/Berlin")
    Schedule.objects.update(next_at="2026-01-01T00:00:00Z", attempts=2, again_at="2026-01-01T00:00:00Z")
    change(admin, schedule, address=SHOWN, cron=schedule.cron)
    assert (schedule.attempts, schedule.again_at is not None, schedule.next_at.year) == (2, True, 2026)
    change(admin, schedule, address=SHOWN, is_active="")
    assert (schedule.is_active, schedule.next_at) == (False, None)


def test_options_that_the_form_does_not_have_stay_as_they_are(admin, tenant):
    options = {"mode": "upsert", "tags": "add", "mapping": {"Vorname": "first_name"}}
    schedule = scheduled(tenant, options=options)
    change(admin, schedule, address=SHOWN, missing="create")
    assert schedule.options == options | {"blank": "keep", "missing": "create"}
    change(admin, schedule, address=SHOWN, mode="create")
    assert schedule.options == {"mode": "create", "missing": "create", "mapping": {"Vorname": "first_name"}}
    change(admin, schedule, address=SHOWN, entity="companies")
    assert "mapping" not in schedule.options


def test_a_saved_mapping_is_chosen(admin, tenant, other_tenant):
    spec = RESOURCES["contacts"].describe()
    for owner, name in ((tenant, "shop"), (other_tenant, "theirs")):
        mappings.save_mapping(name, {"mapping": {"Vorname": "first_name"}}, tenant=owner, spec=spec)
    add(admin, mapping="@shop")
    assert Schedule.objects.get().options["mapping"] == "@shop"
    assert errors(add(admin, name="Other", mapping="@theirs"))[0].startswith("Select a valid choice.")


def test_an_export_has_a_format(admin):
    add(admin, kind="export", file_format="csv-excel")
    schedule = Schedule.objects.get()
    assert schedule.options == {"format": "csv", "bom": True}
    change(admin, schedule, kind="export", address=SHOWN, file_format="xlsx")
    assert schedule.options == {"format": "xlsx"}


def test_run_now_imports_and_the_list_leads_to_the_import(admin, tenant, serve):
    schedule = scheduled(tenant, address=serve(give(FILE)).url, is_active=False)
    page = admin.client.get(admin.post("importexport_schedule_run", schedule.pk).url).content.decode()
    assert "Started. The result will be shown here" in page
    again = admin.client.get(admin.post("importexport_schedule_run", schedule.pk).url).content.decode()
    assert "What the schedule has started before is still at work." in again
    worker.work(until_empty=True)
    run = ImportRun.objects.get()
    listed = admin.get("importexport_schedule_changelist").content.decode()
    assert f"/admin/importexport/importrun/{run.pk}/change/" in listed
    assert "Switched off" in listed
    assert "Schedule" in admin.run_page(run)
    assert run.file_name in admin.page("importexport_importrun_changelist", query="?channel=schedule")


def test_what_went_wrong_is_told(admin, tenant, serve):
    schedule = scheduled(tenant, kind="export", address=serve(500).url, options={"format": "csv"})
    admin.post("importexport_schedule_run", schedule.pk)
    worker.work(until_empty=True)
    page = admin.page("importexport_schedule_change", schedule.pk)
    assert "Being exported" in page
    assert "The file could not be sent. The server answered 500. The next attempt is made after 1 minute." in page


def test_a_list_asks_as_much_for_many_as_for_one(admin, tenant):
    asked = []
    for n in range(2):
        schedule = scheduled(tenant, name=f"{n}")
        add_run(tenant, channel="schedule", schedule=schedule)
        PreparedExport.objects.create(tenant=tenant, entity="contacts", file_format="csv", schedule=schedule)
        Schedule.objects.update(last_at=timezone.now())
        admin.get("importexport_schedule_changelist")
        with CaptureQueriesContext(connection) as queries:
            admin.get("importexport_schedule_changelist")
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_where_the_server_has_no_places_there_are_no_pages(admin, tenant, settings):
    schedule = scheduled(tenant)
    assert "/admin/importexport/schedule/" in admin.get("index").content.decode()
    settings.RALLY_SCHEDULE_HOSTS = []
    assert "/admin/importexport/schedule/" not in admin.get("index").content.decode()
    for view, *args in (("changelist",), ("add",), ("change", schedule.pk)):
        assert admin.get(f"importexport_schedule_{view}", *args).status_code in {302, 403}
    assert admin.post("importexport_schedule_run", schedule.pk).status_code == 404


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_admins_see_schedules(tenant, role):
    schedule, other = scheduled(tenant), Staff(tenant, role)
    for view, *args in (("changelist",), ("add",), ("change", schedule.pk), ("delete", schedule.pk)):
        assert other.get(f"importexport_schedule_{view}", *args).status_code in {302, 403}
    assert other.post("importexport_schedule_run", schedule.pk).status_code == 404
    assert add(other).status_code == 403


def test_what_is_another_tenants_is_not_found(admin, other_tenant):
    schedule = scheduled(other_tenant, name="Theirs")
    assert "Theirs" not in admin.page("importexport_schedule_changelist")
    assert admin.post("importexport_schedule_run", schedule.pk).status_code == 404
    assert admin.get("importexport_schedule_change", schedule.pk).status_code == 302


def test_a_schedule_is_deleted_and_its_imports_stay(admin, tenant):
    schedule = scheduled(tenant)
    run = add_run(tenant, channel="schedule", schedule=schedule)
    admin.post("importexport_schedule_delete", schedule.pk, post="yes")
    run.refresh_from_db()
    assert (Schedule.objects.count(), run.schedule_id) == (0, None)
