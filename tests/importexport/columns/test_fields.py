"""A column by itself, as django-import-export uses a Field: what a cell says is set, and a record's cell is written."""

import datetime as dt
from decimal import Decimal

import pytest

from crm.models import Activity, Company, Contact, Deal, Pipeline, Stage
from importexport.resources import ActivityResource, CompanyResource, ContactResource, DealResource


def saved(resource, instance, **row):
    """Save every column of a row in the order of import, as the library's import_instance does."""
    for field in resource.get_import_fields():
        if field.column_name in row:
            field.save(instance, row)
    return instance


def test_a_column_sets_a_field(tenant):
    contact = saved(ContactResource(tenant), Contact(), first_name=" Ada ", tags="a, b,a", lifecycle_stage="LEAD")
    assert (contact.first_name, contact.tags, contact.lifecycle_stage) == ("Ada", ["a", "b"], "lead")


def test_a_column_sets_a_relation(tenant):
    company = Company.objects.create(tenant=tenant, name="Acme")
    contact = saved(ContactResource(tenant), Contact(), company_name="ACME")
    assert contact.company == company
    assert saved(ContactResource(tenant), contact, company_name="").company is None


def test_a_column_sets_a_relation_that_depends_on_another(tenant):
    other = Pipeline.objects.create(tenant=tenant, name="Partners")
    stage = Stage.objects.create(tenant=tenant, pipeline=other, name="Signed", probability=80)
    deal = saved(DealResource(tenant), Deal(), pipeline_name="partners", stage_name="signed", probability="")
    assert (deal.pipeline, deal.stage, deal.probability) == (other, stage, 80)
    deal = saved(DealResource(tenant), Deal(), pipeline_name="", stage_name="", probability="", currency="")
    default = Pipeline.objects.get(tenant=tenant, is_default=True)
    assert (deal.pipeline, deal.stage.position, deal.probability, deal.currency) == (default, 0, 10, "USD")
    deal = saved(DealResource(tenant), Deal(), pipeline_name="", stage_name="Signed")
    assert (deal.pipeline, deal.stage) == (other, stage)


def test_a_column_looks_at_what_the_columns_before_it_have_set(tenant):
    acme = Company.objects.create(tenant=tenant, name="Acme")
    for pipeline in (Pipeline.objects.get(), Pipeline.objects.create(tenant=tenant, name="Partners")):
        Stage.objects.get_or_create(tenant=tenant, pipeline=pipeline, name="Lead")
        deal = saved(
            DealResource(tenant), Deal(tenant=tenant), name="Big one", pipeline_name=pipeline.name, stage_name="Lead"
        )
        deal.company, deal.currency, deal.probability = (acme if pipeline.is_default else None), "USD", 1
        deal.save()
    first = Deal.objects.get(company=acme)
    activity = saved(
        ActivityResource(tenant), Activity(), company_name="Acme", deal_name="big one", completed_at="2025-06-15"
    )
    assert activity.deal == first
    assert saved(ActivityResource(tenant), activity, status="").status == "completed"


@pytest.mark.parametrize(
    ("resource", "row", "sentence"),
    [
        (ContactResource, {"company_name": "Nobody"}, "Company 'Nobody' not found"),
        (ContactResource, {"email": "nobody"}, "Invalid email format 'nobody'"),
        (ContactResource, {"email": ""}, "Required field 'email' is empty"),
        (DealResource, {"pipeline_name": "x"}, "Pipeline 'x' not found"),
    ],
)
def test_a_column_raises_the_sentence_of_a_wrong_cell(tenant, resource, row, sentence):
    with pytest.raises(ValueError, match=sentence):
        saved(resource(tenant), resource._meta.model(), **row)


def test_a_column_marks_text_that_a_spreadsheet_would_run(tenant):
    company = Company(name="=1+1", phone="+49 30 1234", notes="'=x", annual_revenue=-5, tags=["@a"])
    cells = {name: field.export(company) for name, field in CompanyResource(tenant).fields.items()}
    assert (cells["name"], cells["phone"], cells["notes"]) == ("'=1+1", "+49 30 1234", "''=x")
    assert (cells["annual_revenue"], cells["tags"]) == ("-5.00", "'@a")


def test_a_workbook_gets_numbers_and_dates_as_such(tenant):
    day, moment = dt.date(2025, 6, 15), dt.datetime(2025, 6, 15, 14, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    deal = Deal(name="=1+1", value=Decimal("5.5"), probability=10, expected_close_date=day)
    activity = Activity(subject="x", scheduled_at=moment)
    columns = DealResource(tenant).fields | ActivityResource(tenant).fields
    native = {
        name: columns[name].export(record, force_native_type=True)
        for record in (deal, activity)
        for name in ("name", "value", "probability", "expected_close_date", "scheduled_at", "completed_at", "notes")
        if hasattr(record, columns[name].source.name)
    }
    assert native == {
        "name": "'=1+1",
        "value": Decimal("5.5"),
        "probability": 10,
        "expected_close_date": day,
        "scheduled_at": "2025-06-15T12:30:00Z",
        "completed_at": "",
        "notes": "",
    }
