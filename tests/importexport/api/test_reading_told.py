"""What another program's file was read as is told wherever its result is."""

import json

import pytest

from tests.support.api import Api

pytestmark = pytest.mark.django_db(transaction=True)

HUBSPOT = (
    "Record ID,First Name,Last Name,Email,Lead Status,Favourite tea\n"
    "501,Ada,Example,ada@alpha.example,Open,Assam\n"
    "502,Bo,Sample,bo@alpha.example,,\n"
)
TOLD = "source=hubspot; encoding=utf-8"


@pytest.fixture
def api(tenant):
    return Api(tenant)


def test_an_import_and_its_run_tell_the_reading(api):
    response = api.post_file("contacts", HUBSPOT, query="source=hubspot")
    assert response["X-Import-Reading"] == TOLD
    reading = api.look(f"imports/{response['Location'].rpartition('/')[2]}")["reading"]
    assert (reading["source"], reading["headerRow"]) == ("hubspot", 1)
    assert reading["columns"][1] == {"header": "First Name", "column": "first_name", "why": "source", "how": []}


def test_a_dry_run_tells_the_reading(api):
    assert api.post_file("contacts", HUBSPOT, query="source=auto&dry_run=true")["X-Import-Reading"] == TOLD


def test_a_plan_and_its_application_tell_the_reading(api):
    response = api.post_file("contacts", HUBSPOT, to="plan", query="source=hubspot")
    plan = json.loads(response.content)
    assert response["X-Import-Reading"] == TOLD
    assert plan["reading"]["source"] == "hubspot"
    assert api.post(f"imports/{plan['id']}/apply")["X-Import-Reading"] == TOLD
    assert api.look(f"imports/{plan['id']}")["reading"] == plan["reading"]


@pytest.mark.parametrize("to", ["import", "plan"])
def test_a_repeated_request_tells_the_reading_again(api, to):
    asked = {"to": to, "query": "source=hubspot", "Idempotency-Key": "1"}
    first, again = (api.post_file("contacts", HUBSPOT, **asked) for _ in range(2))
    assert again["Idempotent-Replayed"] == "true"
    assert again["X-Import-Reading"] == first["X-Import-Reading"] == TOLD


def test_a_repeated_application_tells_the_reading_again(api):
    plan = api.plan("contacts", HUBSPOT, "source=hubspot")["id"]
    first, again = (api.post(f"imports/{plan}/apply", **{"Idempotency-Key": "1"}) for _ in range(2))
    assert again["Idempotent-Replayed"] == "true"
    assert again["X-Import-Reading"] == first["X-Import-Reading"] == TOLD


def test_a_file_of_ours_has_no_reading(api):
    ours = "first_name,last_name,email\nAda,Example,ada@alpha.example\n"
    response = api.post_file("contacts", ours)
    assert "X-Import-Reading" not in response
    assert api.look(f"imports/{response['Location'].rpartition('/')[2]}")["reading"] is None


def sentences(plan):
    return {group["column"]: group["sentence"] for group in plan["warnings"]}


def test_a_column_that_the_program_has_and_we_have_not_is_not_unknown(api):
    assert sentences(api.plan("contacts", HUBSPOT, "source=hubspot")) == {
        "Lead Status": "The column 'Lead Status' has no counterpart here: it has 1 filled cell, which is not imported",
        "Favourite tea": "The column 'Favourite tea' is unknown: it has 1 filled cell, which is not imported",
    }


def test_without_the_program_the_same_column_is_unknown(api):
    ours = "first_name,last_name,email,Lead Status\nAda,Example,ada@alpha.example,Open\n"
    assert sentences(api.plan("contacts", ours)) == {
        "Lead Status": "The column 'Lead Status' is unknown: it has 1 filled cell, which is not imported"
    }
