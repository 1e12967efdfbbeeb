"""The headers that lead from an import's result to its run and to its rejected rows."""

import pytest

from importexport.models import ImportRun
from tests.support.api import Api

GOOD = "first_name,last_name,email\nAda,Lovelace,ada@x.example\n"
MIXED = GOOD + "A,B,x\n"
KEY = {"Idempotency-Key": "order-1"}


@pytest.fixture
def api(tenant):
    return Api(tenant)


def path_of(run):
    return f"/api/v1/importexport/imports/{run.pk}"


def links(response):
    return response.headers.get("Location"), response.headers.get("Link")


def test_an_import_leads_to_its_run_and_to_its_rejected_rows(api):
    response = api.post_file("contacts", MIXED)
    path = path_of(ImportRun.objects.get())
    assert (response.status_code, links(response)) == (200, (path, f'<{path}/rejected>; rel="rejected"'))
    assert api.client.get(response["Location"]).status_code == 200
    assert b"Invalid email format" in api.client.get(f"{path}/rejected").getvalue()


def test_without_rejected_rows_nothing_leads_to_them(api):
    response = api.post_file("contacts", GOOD)
    assert links(response) == (path_of(ImportRun.objects.get()), None)


def test_a_dry_run_leads_nowhere(api):
    assert links(api.post_file("contacts", MIXED, query="dry_run=true")) == (None, None)


def test_a_file_that_failed_leads_nowhere(api):
    response = api.post_file("contacts", "first_name\nAda\n")
    assert (response.status_code, links(response)) == (400, (None, None))


def test_a_repeated_import_leads_to_the_first_run(api):
    first, again = (api.post_file("contacts", MIXED, **KEY) for _ in range(2))
    assert links(again) == links(first) != (None, None)


@pytest.mark.django_db(transaction=True)
def test_an_applied_plan_leads_to_itself_and_so_does_a_repeated_request(api):
    plan = api.plan("contacts", MIXED)
    path = f"/api/v1/importexport/imports/{plan['id']}"
    first, again = (api.post(f"imports/{plan['id']}/apply", **KEY) for _ in range(2))
    assert links(again) == links(first) == (path, f'<{path}/rejected>; rel="rejected"')


@pytest.mark.django_db(transaction=True)
def test_an_applied_undo_leads_to_itself(api):
    api.import_csv("contacts", MIXED)
    undo = api.plan_undo(ImportRun.objects.get().pk)
    first, again = (api.post(f"imports/{undo['id']}/apply", **KEY) for _ in range(2))
    assert links(again) == links(first) == (f"/api/v1/importexport/imports/{undo['id']}", None)
