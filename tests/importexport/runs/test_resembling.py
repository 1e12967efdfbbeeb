"""Names that would be created and resemble existing ones are told, as names that are not found are."""

import csv
import io

import pytest

from crm.models import Company, Pipeline, Stage

HEAD = "first_name,last_name,email,company_name\n"


@pytest.fixture
def acme(tenant):
    return Company.objects.create(tenant=tenant, name="Acme")


def created(api, plan, entity):
    """Return the rows that create records of an entity because they are named."""
    rows = api.look(f"imports/{plan['id']}/rows?action=create")["results"]
    return [row for row in rows if row["entity"] == entity]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["create", "upsert"])
def test_a_company_that_resembles_one_is_told_where_it_would_be_created(api, acme, mode):
    content = HEAD + "A,B,a@example.com,Acmee\nA,B,b@example.com,Zebra\nA,B,c@example.com,acmee\n"
    plan = api.plan("contacts", content, f"mode={mode}&missing=create")
    assert created(api, plan, "companies") == [
        {"row": 2, "action": "create", "entity": "companies", "record": None, "changes": {"name": ["", "Acmee"]},
         "didYouMean": {"company_name": ["Acme"]}},
        {"row": 3, "action": "create", "entity": "companies", "record": None, "changes": {"name": ["", "Zebra"]}},
    ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_the_hint_does_not_keep_the_plan_from_being_applied(api, acme):
    plan = api.plan("contacts", HEAD + "A,B,a@example.com,Acmee\n", "missing=create")
    assert api.post(f"imports/{plan['id']}/apply").status_code == 200
    assert set(Company.objects.values_list("name", flat=True)) == {"Acme", "Acmee"}
    (row,) = created(api, plan, "companies")
    assert row["didYouMean"] == {"company_name": ["Acme"]}


@pytest.mark.django_db(transaction=True)
def test_a_stage_that_resembles_one_is_told(api, tenant):
    content = "name,pipeline_name,stage_name\nBig,Sales Pipeline,Propsal\n"
    plan = api.plan("deals", content, "missing=create")
    (row,) = created(api, plan, "stages")
    assert row["didYouMean"] == {"stage_name": ["Proposal"]}


@pytest.mark.django_db(transaction=True)
def test_the_same_stage_of_another_pipeline_is_no_slip(api, tenant):
    other = Pipeline.objects.create(tenant=tenant, name="Partners")
    Stage.objects.create(tenant=tenant, pipeline=other, name="Signed")
    plan = api.plan("deals", "name,pipeline_name,stage_name\nBig,Sales Pipeline,Signed\n", "missing=create")
    (row,) = created(api, plan, "stages")
    assert "didYouMean" not in row


@pytest.mark.django_db(transaction=True)
def test_another_tenants_company_is_not_told(api, other_tenant):
    Company.objects.create(tenant=other_tenant, name="Acme")
    plan = api.plan("contacts", HEAD + "A,B,a@example.com,Acmee\n", "missing=create")
    (row,) = created(api, plan, "companies")
    assert "didYouMean" not in row


@pytest.mark.django_db(transaction=True)
def test_the_row_log_as_csv_has_the_sentence(api, acme):
    plan = api.plan("contacts", HEAD + "A,B,a@example.com,Acmee\n", "missing=create")
    text = api.get(f"imports/{plan['id']}/rows?format=csv").getvalue().decode()
    _contact, company = csv.DictReader(io.StringIO(text))
    assert (company["entity"], company["after"]) == ("companies", "Acmee")
    assert company["import_error"] == "Row 2: Company 'Acmee' is new (did you mean 'Acme'?)"


@pytest.mark.django_db(transaction=True)
def test_a_name_that_is_not_found_is_told_as_before(api, acme):
    plan = api.plan("contacts", HEAD + "A,B,x,Acmee\n", "missing=create")
    (row,) = api.look(f"imports/{plan['id']}/rows")["results"]
    assert row["error"] == "Row 2: Invalid email format 'x'"
    plan = api.plan("contacts", HEAD + "A,B,a@example.com,Acmee\n")
    (row,) = api.look(f"imports/{plan['id']}/rows")["results"]
    assert row["error"] == "Row 2: Company 'Acmee' not found (did you mean 'Acme'?)"
