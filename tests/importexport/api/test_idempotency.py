"""Safe retry: the first answer again, byte for byte, and nothing done twice."""

import datetime as dt
import hashlib
import uuid

import psycopg
import pytest
from django.utils import timezone

from crm.models import Contact
from importexport.models import ImportRun, KeptAnswer, Lease
from tests.support.api import Api, problem
from tests.support.real import RealTenant, contacts, wait_until_blocked
from tests.support.waiting import Background

HEAD = "first_name,last_name,email,shoe\n"
MIXED = HEAD + "A,B,a@example.com,\nA,B,x,\n"
KEY = {"Idempotency-Key": "order-1"}


@pytest.fixture
def api(tenant):
    return Api(tenant)


def test_the_first_answer_comes_again(api):
    first = api.post_file("contacts", MIXED, **KEY)
    again = api.post_file("contacts", MIXED, **KEY)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.getvalue() == first.getvalue()
    assert again["X-Import-Ignored-Columns"] == first["X-Import-Ignored-Columns"] == "shoe"
    assert again["Content-Type"] == first["Content-Type"]
    assert (Contact.objects.count(), ImportRun.objects.count()) == (1, 1)


def test_an_answer_with_very_many_messages_comes_again(api):
    content = HEAD + "".join(f"A,B,x{n},\n" for n in range(5000))
    assert api.post_file("contacts", content, **KEY).getvalue() == api.post_file("contacts", content, **KEY).getvalue()
    assert ImportRun.objects.count() == 1


def test_a_refusal_comes_again(api):
    first, again = (api.post_file("contacts", "first_name\nA\n", **KEY) for _ in range(2))
    assert problem(first) == problem(again)
    assert first.status_code == 400
    assert ImportRun.objects.count() == 1


def test_another_body_is_422(api):
    api.post_file("contacts", MIXED, **KEY)
    detail = "This Idempotency-Key has come with another request within the last 24 hours."
    assert problem(api.post_file("contacts", MIXED + "C,D,c@example.com,\n", **KEY)) == (422, detail)
    assert problem(api.post_file("contacts", MIXED, query="mode=upsert", **KEY)) == (422, detail)
    assert problem(api.post_file("companies", MIXED, **KEY)) == (422, detail)
    assert Contact.objects.count() == 1


def test_the_name_of_the_file_and_the_version_in_the_path_do_not_matter(api):
    first = api.post_file("contacts", MIXED, **KEY)
    assert api.post_file("contacts", MIXED, name="other.csv", **KEY).getvalue() == first.getvalue()


def test_keys_of_others_are_others(api, tenant, other_api):
    for caller in (api, Api(tenant), other_api):
        assert caller.post_file("contacts", MIXED, **KEY).status_code == 200
    assert ImportRun.objects.count() == 3


def test_after_a_day_the_key_is_free(api):
    api.post_file("contacts", MIXED, **KEY)
    KeptAnswer.objects.update(created_at=timezone.now() - dt.timedelta(hours=24, seconds=1))
    assert b"Duplicate contact" in api.post_file("contacts", MIXED, **KEY).getvalue()


def test_the_key_of_a_server_that_was_killed_is_free_when_its_lease_has_ended(api, tenant):
    name = f"key {api.key.pk} {hashlib.sha256(b'order-1').hexdigest()}"
    left = Lease.objects.create(tenant=tenant, name=name, holder=uuid.uuid4())
    detail = "A request with this Idempotency-Key is being carried out at this moment."
    assert problem(api.post_file("contacts", MIXED, **KEY)) == (409, detail)
    Lease.objects.filter(pk=left.pk).update(seen_at=timezone.now() - dt.timedelta(seconds=11))
    assert api.post_file("contacts", MIXED, **KEY).status_code == 200
    assert not Lease.objects.exists()


@pytest.mark.parametrize("to", ["import", "plan"])
def test_a_server_that_was_frozen_for_longer_than_its_lease_stores_nothing(api, settings, to):
    settings.RALLY_LEASE = 0
    assert api.post_file("contacts", MIXED, to=to, **KEY).status_code == 503
    assert not Contact.objects.exists()
    assert not ImportRun.objects.exists()


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "ä"])
def test_a_malformed_key_is_400(api, key):
    detail = "The Idempotency-Key must have 1 to 255 printable ASCII characters."
    assert problem(api.post_file("contacts", MIXED, **{"Idempotency-Key": key})) == (400, detail)
    assert not Contact.objects.exists()


def test_an_identical_file_is_warned_of(api):
    assert "X-Import-Warning" not in api.post_file("contacts", MIXED)
    run = ImportRun.objects.get()
    warning = api.post_file("contacts", MIXED)["X-Import-Warning"]
    assert warning == f"This file was imported before, as {run.pk}, at {run.created_at:%Y-%m-%dT%H:%M:%SZ}."
    assert "X-Import-Warning" not in api.post_file("contacts", MIXED, **KEY)
    assert "X-Import-Warning" not in api.post_file("contacts", MIXED + "E,F,e@example.com,\n")


@pytest.mark.django_db(transaction=True)
def test_plan_apply_and_undo_are_safe_to_retry(api):
    plans = [api.post_file("contacts", MIXED, to="plan", **KEY) for _ in range(2)]
    assert plans[0].content == plans[1].content
    assert plans[0]["Location"] == plans[1]["Location"]
    run = ImportRun.objects.get()
    done = [api.post(f"imports/{run.pk}/apply", **{"Idempotency-Key": "apply"}) for _ in range(2)]
    assert (done[0].status_code, done[0].getvalue()) == (200, done[1].getvalue())
    undone = [api.post(f"imports/{run.pk}/undo", **{"Idempotency-Key": "undo"}) for _ in range(2)]
    assert (undone[0].status_code, undone[0].content) == (201, undone[1].content)
    assert ImportRun.objects.count() == 2


def test_a_request_in_flight_is_409(server):
    tenant = RealTenant(server)
    with psycopg.connect(server.database_url) as by_hand:
        by_hand.execute("LOCK TABLE crm_contact IN ACCESS EXCLUSIVE MODE")
        first = Background(tenant.post, "contacts", contacts(range(10)), headers=KEY)
        wait_until_blocked(tenant, by_hand)
        status, body = tenant.post("contacts", contacts(range(10)), headers=KEY)
        assert (status, body["detail"]) == (
            409,
            "A request with this Idempotency-Key is being carried out at this moment.",
        )
        by_hand.rollback()
    assert first.outcome() == (200, {"totalRows": 10, "imported": 10, "skipped": 0, "errors": []})
    assert tenant.post("contacts", contacts(range(10)), headers=KEY) == first.outcome()
    assert tenant.count("contact") == 10
