"""Prefer: respond-async. A worker imports, plans, applies and undoes, and the client polls."""

import io
import json
import time
from contextlib import closing

import pytest
from django.db import connection

from crm.models import Contact
from importexport import errors, services
from importexport.history.recorder import Stopped
from importexport.models import ImportRun
from importexport.runs import worker
from tests.support.api import Api, problem
from tests.support.installation import OF_THIS_DATABASE
from tests.support.waiting import Background, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

FILE = "first_name,last_name,email\nAda,Lovelace,ada@example.com\nA,B,x\n"
ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def api(tenant):
    return Api(tenant)


def accepted(response):
    """Check a 202; return the run."""
    assert response.status_code == 202, response.content
    run = json.loads(response.content)
    assert response["Location"] == f"/api/v1/importexport/imports/{run['id']}"
    assert (response["Preference-Applied"], response["Retry-After"]) == ("respond-async", "2")
    return run


def finished(api, run):
    """Have a worker do what waits; return the run."""
    worker.work(until_empty=True)
    return api.look(f"imports/{run['id']}")


def test_an_import(api):
    run = accepted(api.post_file("contacts", FILE, **ASYNC))
    assert (run["status"], run["startedAt"], Contact.objects.count()) == ("applying", None, 0)
    assert run["progress"] == {"percent": 0, "secondsLeft": None, "ahead": 0}
    done = finished(api, run)
    assert (done["status"], done["imported"], done["skipped"], done["progress"]) == ("done", 1, 1, None)
    assert (
        api.look(f"imports/{run['id']}/rows?action=reject")["results"][0]["error"] == "Row 3: Invalid email format 'x'"
    )
    assert Contact.objects.get().email == "ada@example.com"


def test_an_import_with_options_as_a_form_and_a_query(api):
    accepted(api.post_file("contacts", FILE, query="mode=upsert&match_on=email", **ASYNC))
    worker.work(until_empty=True)
    assert ImportRun.objects.get().options["mode"] == "upsert"


def test_a_plan_its_apply_and_its_undo(api):
    plan = finished(api, accepted(api.post_file("contacts", FILE, to="plan", **ASYNC)))
    assert (plan["status"], plan["created"], Contact.objects.count()) == ("planned", 1, 0)
    done = finished(api, accepted(api.post(f"imports/{plan['id']}/apply", **ASYNC)))
    assert (done["status"], Contact.objects.count()) == ("done", 1)
    undo = finished(api, accepted(api.post(f"imports/{plan['id']}/undo", **ASYNC)))
    assert (undo["kind"], undo["status"], undo["deleted"]) == ("undo", "planned", 1)
    undone = finished(api, accepted(api.post(f"imports/{undo['id']}/apply", **ASYNC)))
    assert (undone["status"], Contact.objects.count()) == ("done", 0)


def test_a_plan_that_no_longer_holds_is_a_plan_with_an_error(api):
    plan = finished(api, accepted(api.post_file("contacts", FILE, to="plan", **ASYNC)))
    api.import_csv("contacts", FILE)
    left = finished(api, accepted(api.post(f"imports/{plan['id']}/apply", **ASYNC)))
    assert left["status"] == "planned"
    assert "Row 2 was to create a record" in left["error"]


def test_a_file_that_fails_is_a_failed_run(api):
    run = finished(api, accepted(api.post_file("contacts", "first_name\nAda\n", **ASYNC)))
    assert (run["status"], run["error"]) == ("failed", api.failure("contacts", "first_name\nAda\n")[1])


def test_what_is_wrong_with_the_request_is_an_error_at_once(api):
    assert api.post_file("contacts", FILE, query="mode=wrong", **ASYNC).status_code == 400
    assert api.post_file("contacts", b"%PDF-1.4", **ASYNC).status_code == 415
    assert api.post("imports/00000000-0000-4000-8000-000000000000/apply", **ASYNC).status_code == 404
    done = api.look(f"imports/{ImportRun.objects.get().pk}") if ImportRun.objects.exists() else None
    assert done is None


def test_a_plan_is_applied_once(api):
    plan = api.plan("contacts", FILE)
    accepted(api.post(f"imports/{plan['id']}/apply", **ASYNC))
    assert api.post(f"imports/{plan['id']}/apply", **ASYNC).status_code == 409
    worker.work(until_empty=True)
    assert api.post(f"imports/{plan['id']}/apply", **ASYNC).status_code == 409
    assert Contact.objects.count() == 1


@pytest.mark.parametrize("prefer", ["Respond-Async", "wait=5, respond-async;x=1", "return=minimal,respond-async"])
def test_the_preference_among_others(api, prefer):
    accepted(api.post_file("contacts", FILE, Prefer=prefer))


@pytest.mark.parametrize("prefer", ["wait=5", "respond-asynchronously", "x=respond-async", ""])
def test_other_preferences_are_ignored(api, prefer):
    assert api.post_file("contacts", FILE, Prefer=prefer).status_code == 200


def test_a_dry_run_is_carried_out_at_once(api):
    response = api.post_file("contacts", FILE, query="dry_run=true", **ASYNC)
    assert (response.status_code, json.loads(response.getvalue())["imported"]) == (200, 1)


# --- sizes ---


def padded(size):
    """Return a file of one contact with blank lines, of a size in bytes."""
    return FILE.encode() + b"\n" * (size - len(FILE))


def test_a_file_above_the_limit_goes_in_with_a_worker_only(api, settings):
    settings.RALLY_IMPORT_MAX_BYTES = 1000
    assert api.post_file("contacts", padded(1001)).status_code == 413
    assert finished(api, accepted(api.post_file("contacts", padded(1001), **ASYNC)))["imported"] == 1
    assert finished(api, accepted(api.post_file("contacts", padded(1001), to="plan", **ASYNC)))["status"] == "planned"


def test_a_file_above_the_limit_of_workers_is_413(api, settings):
    settings.RALLY_IMPORT_MAX_BYTES_ASYNC = 2000
    assert problem(api.post_file("contacts", padded(2001), **ASYNC)) == (413, str(errors.TooLarge(2000)))
    assert not ImportRun.objects.exists()


@pytest.mark.parametrize(("to", "query"), [("import", "dry_run=true"), ("read", "")])
def test_what_is_carried_out_at_once_has_the_usual_limit(api, settings, to, query):
    settings.RALLY_IMPORT_MAX_BYTES = 1000
    response = api.post_file("contacts", padded(1001), to=to, query=query, **ASYNC)
    assert problem(response) == (413, str(errors.TooLarge(1000)))


# --- repeated requests ---


def test_a_repeated_request_gets_the_first_response_and_is_done_once(api):
    key = ASYNC | {"Idempotency-Key": "a"}
    first = api.post_file("contacts", FILE, **key)
    again = api.post_file("contacts", FILE, **key)
    assert again["Idempotent-Replayed"] == "true"
    assert (again.status_code, again.content, again["Location"]) == (202, first.content, first["Location"])
    worker.work(until_empty=True)
    assert (ImportRun.objects.count(), Contact.objects.count()) == (1, 1)


def test_a_tenant_with_too_many_runs_waiting_is_429(api, monkeypatch):
    monkeypatch.setattr(errors, "MOST_WAITING", 1)
    accepted(api.post_file("contacts", FILE, **ASYNC))
    response = api.post_file("contacts", FILE, to="plan", **ASYNC)
    assert problem(response) == (429, "200 imports are waiting already. Try again when some of them are done.")
    assert response["Retry-After"] == "30"
    assert ImportRun.objects.count() == 1


# --- cancelling ---


def test_what_waits_is_cancelled_at_once(api):
    run = accepted(api.post_file("contacts", FILE, **ASYNC))
    response = api.post(f"imports/{run['id']}/cancel")
    cancelled = json.loads(response.content)
    assert (response.status_code, cancelled["status"]) == (200, "failed")
    assert cancelled["error"] == f"Cancelled by {api.key.name}. Nothing was stored."
    worker.work(until_empty=True)
    assert not Contact.objects.exists()


def test_a_plan_whose_apply_is_cancelled_is_a_plan_again(api):
    plan = api.plan("contacts", FILE)
    accepted(api.post(f"imports/{plan['id']}/apply", **ASYNC))
    cancelled = json.loads(api.post(f"imports/{plan['id']}/cancel").content)
    assert (cancelled["status"], cancelled["cancelledBy"]) == ("planned", None)
    assert cancelled["error"] == f"Cancelled by {api.key.name}. Nothing was stored."
    assert api.post(f"imports/{plan['id']}/apply").status_code == 200


def test_what_has_ended_cannot_be_cancelled(api):
    api.import_csv("contacts", FILE)
    detail = "Only what is waiting or in progress can be cancelled."
    assert problem(api.post(f"imports/{ImportRun.objects.get().pk}/cancel")) == (409, detail)


def test_cancelling_needs_the_scope_write_and_the_own_tenant(api, tenant, other_api):
    run = accepted(api.post_file("contacts", FILE, **ASYNC))
    assert Api(tenant, scope="read").post(f"imports/{run['id']}/cancel").status_code == 403
    assert other_api.post(f"imports/{run['id']}/cancel").status_code == 404
    assert ImportRun.objects.get().status == "applying"


@pytest.fixture
def contacts_locked(transactional_db):
    """Lock the contacts, so that every import of them is stuck; give back what lets go of them."""
    with closing(connection.copy()) as by_hand, by_hand.cursor() as cursor:
        by_hand.set_autocommit(False)
        cursor.execute("LOCK TABLE crm_contact IN ACCESS EXCLUSIVE MODE")
        yield by_hand


def stuck():
    with connection.cursor() as cursor:
        blocked = f"relation = 'crm_contact'::regclass AND NOT granted AND {OF_THIS_DATABASE}"
        cursor.execute(f"SELECT 1 FROM pg_locks WHERE {blocked}")
        return cursor.fetchone()


@pytest.mark.parametrize("to", ["plan", "import"])
def test_what_is_stuck_in_a_statement_is_cancelled(api, contacts_locked, to):
    run = accepted(api.post_file("contacts", FILE, to=to, **ASYNC))
    working = Background(worker.work, until_empty=True)
    wait_until(stuck, "the worker waits for the contacts")
    assert accepted(api.post(f"imports/{run['id']}/cancel"))["cancelledBy"] == api.key.name
    working.outcome()
    contacts_locked.rollback()
    ended = api.look(f"imports/{run['id']}")
    assert (ended["status"], ended["error"]) == ("failed", f"Cancelled by {api.key.name}. Nothing was stored.")
    assert not Contact.objects.exists()


def test_what_takes_too_long_is_ended(api, contacts_locked, settings):
    settings.RALLY_RUN_TIMEOUT = 1
    run = accepted(api.post_file("contacts", FILE, **ASYNC))
    Background(worker.work, until_empty=True).outcome()
    contacts_locked.rollback()
    ended = api.look(f"imports/{run['id']}")
    assert (ended["status"], ended["error"]) == ("failed", "The import took longer than 1 second. Nothing was stored.")


class SlowFile(io.BytesIO):
    """A file that arrives in pieces of 8 KiB, twenty a second."""

    def read(self, size=-1):
        time.sleep(0.05)
        return super().read(min(size, 8 * 1024))


def test_an_import_at_once_is_cancelled_after_its_batch(api):
    rows = "".join(f"Ada,Lovelace,c{n}@example.com\n" for n in range(60_000))
    file = SlowFile(f"first_name,last_name,email\n{rows}".encode())
    run = ImportRun(tenant=api.tenant, entity="contacts", channel="shell")
    importing = Background(services.import_file, run, file)
    wait_until(lambda: ImportRun.objects.filter(pk=run.pk, status="running"), "the import is announced")
    accepted(api.post(f"imports/{run.pk}/cancel"))
    with pytest.raises(Stopped, match="Cancelled by test"):
        importing.outcome()
    assert (api.look(f"imports/{run.pk}")["status"], Contact.objects.count()) == ("failed", 0)


def test_the_place_in_the_queue_counts_other_tenants(api, other_api):
    accepted(api.post_file("contacts", FILE, **ASYNC))
    run = accepted(other_api.post_file("contacts", FILE, **ASYNC))
    assert run["progress"]["ahead"] == 1
