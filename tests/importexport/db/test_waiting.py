"""Imports that wait for too long."""

import io
import time

import psycopg
import pytest
from django.db import connections, transaction

from importexport import db, services
from importexport.db import locks
from importexport.models import ImportRun
from tests.support.api import one_row, problem
from tests.support.real import RealTenant, contacts, wait_until_blocked
from tests.support.waiting import Background


@pytest.fixture
def hold(transactional_db, tenant):
    """Hold the lock of the tenant's contacts like the import with a name: hold("name")."""
    other = connections.create_connection("default")

    def take(name):
        cursor = other.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT set_config('application_name', %s, true)", [f"{locks.NAMED}{name}"])
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", locks.entity_lock(tenant, "contacts"))

    yield take
    other.close()


def test_waiting_too_long_names_the_running_import(tenant, hold):
    hold("7f3c5e0a-0000-4000-8000-000000000000")
    sentence = "Another import of contacts is running: 7f3c5e0a-0000-4000-8000-000000000000. Try again later."
    with pytest.raises(db.Busy) as raised, db.patience(wait=0.1), transaction.atomic():
        db.lock_entities(tenant, ["contacts"])
    assert str(raised.value) == sentence


def test_an_import_that_waits_too_long_is_503_and_stores_nothing(api, hold, settings):
    settings.RALLY_IMPORT_WAIT = 0.1
    hold("")
    response = api.post_file("contacts", one_row("contacts"))
    assert problem(response) == (503, "Another import of contacts is running. Try again later.")
    assert response["Retry-After"] == "5"
    assert api.look("imports")["count"] == 0
    assert api.import_csv("companies", one_row("companies"))["imported"] == 1


def test_a_plan_that_waits_too_long_is_unchanged(api, hold, settings):
    settings.RALLY_IMPORT_WAIT = 0.1
    plan = api.plan("contacts", one_row("contacts"))
    hold("")
    sentence = "Another import of contacts is running. Try again later."
    assert problem(api.post_file("contacts", one_row("contacts"), to="plan")) == (503, sentence)
    assert problem(api.post(f"imports/{plan['id']}/apply")) == (503, sentence)
    [left] = api.look("imports")["results"]
    assert (left["id"], left["status"]) == (plan["id"], "planned")


def test_a_manual_edit_that_blocks_for_too_long_is_503(start_server):
    server = start_server(RALLY_IMPORT_WAIT="1")
    tenant = RealTenant(server)
    with psycopg.connect(server.database_url) as by_hand:
        by_hand.execute("LOCK TABLE crm_contact IN ACCESS EXCLUSIVE MODE")
        status, body = tenant.post("contacts", contacts(range(3)))
        by_hand.rollback()
    sentence = "Somebody else is changing the same records at this moment. Try again later."
    assert (status, body["detail"]) == (503, sentence)
    assert tenant.post("contacts", contacts(range(3)))[1]["imported"] == 3


def test_a_running_import_is_named_in_the_error(start_server):
    server = start_server()
    hasty, tenant = start_server(over=server, RALLY_IMPORT_WAIT="1"), RealTenant(server)
    _, plan = tenant.post("companies", b"name\nGlobex\n", to="plan")
    with psycopg.connect(server.database_url) as by_hand:
        by_hand.execute("LOCK TABLE crm_company IN ACCESS EXCLUSIVE MODE")
        first = Background(tenant.send, f"imports/{plan['id']}/apply")
        wait_until_blocked(tenant, by_hand)
        status, body = tenant.post("companies", b"name\nAcme\n", server=hasty)
        by_hand.rollback()
    assert (status, body["detail"]) == (503, f"Another import of companies is running: {plan['id']}. Try again later.")
    assert first.outcome() == (200, {"totalRows": 1, "imported": 1, "skipped": 0, "errors": []})


class SlowFile(io.BytesIO):
    """A file that arrives in pieces of 8 KiB, five a second."""

    def read(self, size=-1):
        time.sleep(0.2)
        return super().read(min(size, 8 * 1024))


def test_a_file_of_rejected_rows_only_is_not_taken_for_a_frozen_import(transactional_db, tenant, monkeypatch):
    monkeypatch.setattr("importexport.history.recorder.REJECTED_ROWS", 10)
    run = ImportRun(tenant=tenant, entity="contacts", channel="api")
    content = b"first_name,last_name,email\n" + b"Ada,,\n" * 28_000
    with db.patience(idle=3):
        report = services.import_file(run, SlowFile(content))
    assert report.skipped == 28_000
