"""The endpoints for schedules."""

import json

import pytest

from crm.models.tenant import create_tenant
from importexport.models import ImportRun, PreparedExport, Schedule
from importexport.runs import queue, worker
from importexport.schedules import managing
from tests.support.api import Api, problem
from tests.support.receivers import give

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/importexport/schedules"
FILE = "first_name,last_name,email\nAda,Lovelace,ada@example.com\n"
SETTINGS = {
    "name": "Nightly",
    "kind": "import",
    "entity": "contacts",
    "address": "https://me:secret@files.example.com/contacts-{date}.csv?sig=secret",
    "cron": "30  2 * * *",
    "timeZone": "Europe/Berlin",
    "options": {"mode": "upsert"},
}
SHOWN = "https://me:***@files.example.com/contacts-{date}.csv?sig=***"


@pytest.fixture(autouse=True)
def hosts(settings):
    settings.RALLY_SCHEDULE_HOSTS = ["files.example.com"]


@pytest.fixture
def api(tenant):
    return Api(tenant)


def add(api, **settings):
    return api.client.post(PATH, json.dumps(SETTINGS | settings), content_type="application/json")


def put(api, schedule_id, **settings):
    return api.client.put(f"{PATH}/{schedule_id}", json.dumps(SETTINGS | settings), content_type="application/json")


def test_a_schedule_is_added_and_shown_without_its_secrets(api, caplog):
    response = add(api)
    added = response.json()
    assert (response.status_code, response["Location"]) == (201, f"{PATH}/{added['id']}")
    assert added == {
        "id": added["id"],
        **SETTINGS,
        "address": SHOWN,
        "cron": "30 2 * * *",
        "isActive": True,
        "actor": api.key.name,
        "nextAt": added["nextAt"],
        "lastAt": None,
        "lastImport": None,
        "lastExport": None,
        "note": None,
        "createdAt": added["createdAt"],
    }
    assert added["nextAt"].endswith((":30:00Z", "T00:30:00Z"))
    assert api.look("schedules") == {"results": [added]}
    assert api.look(f"schedules/{added['id']}") == added
    schedule = Schedule.objects.get()
    assert (schedule.key, schedule.tenant, schedule.address) == (api.key, api.tenant, SETTINGS["address"])
    assert "secret" not in caplog.text


def test_a_schedule_is_changed_and_keeps_its_secrets_if_the_address_is_as_it_was_shown(api):
    schedule_id = add(api).json()["id"]
    before = Schedule.objects.get()
    changed = put(api, schedule_id, address=SHOWN, name="Hourly", cron="5 * * * *").json()
    assert (changed["name"], changed["address"], changed["cron"]) == ("Hourly", SHOWN, "5 * * * *")
    schedule = Schedule.objects.get()
    assert schedule.address == before.address
    assert schedule.next_at != before.next_at
    status, detail = problem(put(api, schedule_id, address=SHOWN.replace("contacts", "others")))
    assert (status, "give them again" in detail) == (400, True)


def test_a_change_of_the_name_leaves_the_next_time_as_it_is(api):
    schedule_id = add(api).json()["id"]
    Schedule.objects.update(next_at="2026-01-01T00:00:00Z")
    assert put(api, schedule_id, name="Other").json()["nextAt"] == "2026-01-01T00:00:00Z"


def test_its_kind_cannot_be_changed(api):
    schedule_id = add(api).json()["id"]
    detail = "The kind of a schedule cannot be changed. Add another schedule."
    assert problem(put(api, schedule_id, **EXPORT, options={})) == (400, detail)


def test_switched_off_it_is_never_due(api):
    schedule_id = add(api, isActive=False).json()["id"]
    assert api.look(f"schedules/{schedule_id}")["nextAt"] is None
    assert put(api, schedule_id).json()["nextAt"]


def test_a_schedule_is_deleted(api):
    schedule_id = add(api).json()["id"]
    response = api.client.delete(f"{PATH}/{schedule_id}")
    assert (response.status_code, response.content) == (204, b"")
    assert problem(api.get(f"schedules/{schedule_id}")) == (404, "There is no such schedule.")


EXPORT = {"kind": "export", "address": "https://files.example.com/a.csv"}


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"name": " "}, "'name' must have 1 to 100 characters, and no control characters."),
        ({"name": "x" * 101}, "'name' must have 1 to 100 characters,"),
        ({"name": "a\nb"}, "'name' must have 1 to 100 characters,"),
        ({"name": "\ud800"}, "'name' must have 1 to 100 characters,"),
        ({"name": 7}, "'name' must be a text."),
        ({"kind": "sync"}, "Unknown kind 'sync'. Expected one of: import, export."),
        ({"entity": "orders"}, "Unknown entity 'orders'. Expected one of: contacts, companies, deals, activities."),
        ({"address": "https://10.0.0.1/"}, "Schedules do not use this host:"),
        ({"address": "http://files.example.com/"}, "The address must begin with https:// or s3://."),
        ({"address": "https://files.example.com/***?sig=***"}, "The address has *** where its password"),
        ({"cron": "* * * * *"}, "This is too often:"),
        ({"cron": "0 25 * * *"}, "The hour '25' is not valid:"),
        ({"timeZone": "Mars"}, "Unknown time zone 'Mars'."),
        ({"timeZone": None}, "'timeZone' must be a text."),
        ({"options": []}, "'options' must be an object."),
        ({"options": {"mode": "merge"}}, "Unknown mode 'merge'. Expected one of: create, update, upsert."),
        ({"options": {"mode": "create", "blank": "clear"}}, "'blank' means nothing with mode 'create'."),
        ({"options": {"dry_run": "true"}}, "Unknown option 'dry_run'. Expected some of: mode,"),
        ({"options": {"mode": True}}, "'mode' must be a text."),
        ({"options": {"mode": {"a": 1}}}, "'mode' must be a text."),
        ({"options": {"mapping": "@none"}}, "There is no saved mapping 'none' for contacts. None is saved."),
        ({"options": {"mapping": {"Name": "nothing"}}}, "'mapping' gives 'Name' to 'nothing', which is no column."),
        (EXPORT | {"options": {"format": "pdf"}}, "Unknown format 'pdf'. Expected one of: csv, xlsx."),
        (EXPORT | {"options": {"columns": "email,none"}}, "Unknown column 'none'."),
        (EXPORT | {"options": {"mode": "upsert"}}, "Unknown option 'mode'. Expected some of: format, bom, columns,"),
        (EXPORT | {"options": {"format": "xlsx", "bom": True}}, "Unknown option 'bom'."),
        (EXPORT | {"options": {"bom": "perhaps"}}, "'bom' must be true or false."),
        (EXPORT | {"options": {"country": "\ud800"}}, "'country' must be a text without control characters."),
        (EXPORT | {"options": {"lifecycle_stage": "none"}}, "Unknown lifecycle_stage 'none'."),
        ({"isActive": "yes"}, "'isActive' must be true or false."),
        ({"secret": "x"}, "Unknown member 'secret'. Expected: name, kind, entity, address, cron, timeZone, options,"),
    ],
)
def test_what_a_schedule_cannot_be(api, changes, detail):
    kind = EXPORT if changes.get("kind") == "export" else {}
    schedule_id = add(api, name="First", **kind | {"options": {}}).json()["id"]
    for response in (add(api, **changes), put(api, schedule_id, **changes)):
        status, said = problem(response)
        assert status == 400
        assert said.startswith(detail), said
    assert Schedule.objects.count() == 1


def test_what_must_be_given(api):
    for name in ("name", "kind", "entity", "address", "cron"):
        body = json.dumps({key: value for key, value in SETTINGS.items() if key != name})
        response = api.client.post(PATH, body, content_type="application/json")
        assert problem(response) == (400, f"'{name}' must be a text.")


def test_the_options_of_an_export_have_its_format(api):
    added = add(api, **EXPORT, options={"columns": "email", "bom": "TRUE"}).json()
    assert added["options"] == {"format": "csv", "columns": "email", "bom": True}


def test_a_name_is_there_once(api, other_tenant):
    add(api)
    assert problem(add(api)) == (409, "There is a schedule with this name already.")
    other = add(api, name="Other").json()["id"]
    assert problem(put(api, other)) == (409, "There is a schedule with this name already.")
    assert add(Api(other_tenant)).status_code == 201


def test_a_tenant_has_at_most_so_many_schedules(api, monkeypatch):
    monkeypatch.setattr(managing, "MOST", 1)
    add(api)
    assert problem(add(api, name="Other"))[0] == 409


def test_a_server_without_hosts_says_that_it_has_no_schedules(api, settings):
    schedule_id = add(api).json()["id"]
    settings.RALLY_SCHEDULE_HOSTS = []
    for response in (add(api, name="Other"), put(api, schedule_id), api.post(f"schedules/{schedule_id}/run")):
        status, detail = problem(response)
        assert (status, detail[:33]) == (409, "Schedules are switched off on thi")
    assert len(api.look("schedules")["results"]) == 1
    assert api.client.delete(f"{PATH}/{schedule_id}").status_code == 204


@pytest.mark.parametrize("scope", ["read", "write"])
def test_schedules_need_the_scope_of_admins(tenant, api, scope):
    schedule_id = add(api).json()["id"]
    other = Api(tenant, scope=scope)
    for response in (
        other.get("schedules"),
        other.get(f"schedules/{schedule_id}"),
        add(other),
        put(other, schedule_id),
        other.post(f"schedules/{schedule_id}/run"),
        other.client.delete(f"{PATH}/{schedule_id}"),
    ):
        assert response.status_code == 403


def test_what_is_another_tenants_is_not_found(api):
    schedule_id = add(api).json()["id"]
    other = Api(create_tenant(slug="globex", name="Globex"))
    assert other.look("schedules")["results"] == []
    for response in (
        other.get(f"schedules/{schedule_id}"),
        put(other, schedule_id),
        other.client.delete(f"{PATH}/{schedule_id}"),
        other.post(f"schedules/{schedule_id}/run"),
    ):
        assert response.status_code == 404
    assert Schedule.objects.count() == 1


@pytest.mark.parametrize("schedule_id", ["0", "x", "9" * 18, "9" * 30, "²"])
def test_an_id_of_no_schedule_is_not_found(api, schedule_id):
    assert api.get(f"schedules/{schedule_id}").status_code == 404


def test_an_import_is_started_and_its_run_is_the_last_one(api, serve):
    schedule_id = add(api, address=serve(give(FILE)).url).json()["id"]
    response = api.post(f"schedules/{schedule_id}/run")
    assert (response.status_code, response["Location"]) == (202, f"{PATH}/{schedule_id}")
    assert problem(api.post(f"schedules/{schedule_id}/run"))[0] == 409
    worker.work(until_empty=True)
    (run,) = api.look("imports")["results"]
    assert (run["channel"], run["schedule"], run["imported"]) == ("schedule", schedule_id, 1)
    assert api.look(f"schedules/{schedule_id}")["lastImport"] == run["id"]


def test_an_export_is_started_and_found_at_its_location(api, serve):
    schedule_id = add(api, kind="export", address=serve(201).url, options={}).json()["id"]
    response = api.post(f"schedules/{schedule_id}/run")
    assert response.status_code == 202
    worker.work(until_empty=True)
    export = api.client.get(response["Location"]).json()
    assert (export["status"], export["schedule"], export["sentAt"] is not None) == ("ready", schedule_id, True)
    assert api.look(f"schedules/{schedule_id}")["lastExport"] == export["id"]
    assert PreparedExport.objects.count() == 1


def test_where_too_much_waits_nothing_is_started(api, monkeypatch):
    schedule_id = add(api).json()["id"]
    monkeypatch.setattr(queue.errors, "MOST_WAITING", 0)
    assert problem(api.post(f"schedules/{schedule_id}/run"))[0] == 429
    assert not ImportRun.objects.exists()
