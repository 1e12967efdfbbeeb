"""Out as a workbook, through a spreadsheet, and back in as the CSV that it saves."""

import io

import pytest

from crm.demo import create_demo_records
from crm.models import Activity
from crm.models.tenant import create_tenant
from importexport import services
from importexport.models import ImportRun
from tests.support.spreadsheet import saved_as_csv

ENTITIES = ["companies", "contacts", "deals", "activities"]


def workbook(tenant, entity):
    return io.BytesIO(b"".join(services.export_file(entity, tenant=tenant, format="xlsx")))


def imported(tenant, entity, content, **options):
    """Import a file; return the report."""
    run = ImportRun(tenant=tenant, entity=entity, channel="shell", options=options)
    file = io.BytesIO(content.encode()) if isinstance(content, str) else content
    return services.import_file(run, file)


@pytest.fixture
def berlin(db):
    return create_tenant(slug="berlin", name="Berlin", timezone="Europe/Berlin")


def test_times_come_back_as_they_were_in_every_zone(berlin):
    imported(
        berlin,
        "activities",
        "activity_type,subject,scheduled_at,completed_at,due_date\n"
        "call,Summer,2025-06-15 14:30,2025-06-15 15:00:30,2025-06-15\n"
        "call,Winter,2025-01-15T14:30:00Z,,\n"
        "call,Twice an hour,2025-10-26T01:30:00Z,,\n"
        "call,Fine,2025-06-15T14:30:00.25Z,2025-06-15T14:30:00.000001Z,\n"
        "call,Old,1899-12-31T14:30:00Z,,1899-12-31\n",
    )
    report = imported(berlin, "activities", saved_as_csv(workbook(berlin, "activities")))
    assert list(report.messages) == [
        f"Row {row}: Duplicate activity with subject '{subject}'"
        for row, subject in enumerate(["Summer", "Winter", "Twice an hour", "Fine", "Old"], start=2)
    ]
    assert Activity.objects.count() == 5


@pytest.mark.parametrize("entity", ENTITIES)
def test_what_a_spreadsheet_saves_changes_nothing(berlin, entity):
    create_demo_records(berlin)
    content = saved_as_csv(workbook(berlin, entity))
    before = b"".join(services.export_file(entity, tenant=berlin))
    match_on = {"contacts": "email", "activities": "subject"}.get(entity, "name")
    report = imported(berlin, entity, content, mode="upsert", match_on=match_on)
    assert list(report.messages) == []
    run = ImportRun.objects.get()
    assert run.counts["unchanged"] == run.total_rows > 0
    assert b"".join(services.export_file(entity, tenant=berlin)) == before


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns"])
@pytest.mark.parametrize("entity", ENTITIES)
def test_our_own_workbook_changes_nothing(db, entity, zone):
    tenant = create_tenant(slug="there", name="There", timezone=zone)
    create_demo_records(tenant)
    imported(
        tenant,
        "activities",
        "activity_type,subject,body,scheduled_at,completed_at\n"
        "call,Midnight,'=1+1,2025-06-15T00:00:00Z,2025-06-15T14:30:00.25Z\n"
        "call,Old,'#N/A,1899-12-31T14:30:00Z,2025-06-15T14:30:00.000001Z\n",
    )
    imported(tenant, "deals", "name,value,probability\nBig,9999999999999999.99,0\nSmall,0.1,100\n")
    match_on = {"contacts": "email", "activities": "subject"}.get(entity, "name")
    before = b"".join(services.export_file(entity, tenant=tenant))
    report = imported(tenant, entity, workbook(tenant, entity), mode="upsert", match_on=match_on)
    assert list(report.messages) == []
    (run,) = (run for run in ImportRun.objects.all() if run.options.get("mode") == "upsert")
    assert run.counts["unchanged"] == run.total_rows > 0
    assert b"".join(services.export_file(entity, tenant=tenant)) == before
