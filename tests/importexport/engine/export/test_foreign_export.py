"""Exports in another program's words come in again as that program's files, and give the same records."""

import csv
import io

import pytest

from crm.models import Tenant
from importexport.engine.export.selection import covers
from importexport.resources import RESOURCES
from importexport.sources.outgoing import outgoing
from importexport.sources.presets import presets
from tests.support.api import Api

pytestmark = pytest.mark.django_db

RECORDS = {
    "companies": [
        "name,domain,industry,description,employee_count,annual_revenue,phone,website,address,city,tags,notes",
        '"Alpha, ""Tools""",alpha.example,Tools,"Line 1\nLine 2",250,1234.50,+49 30 1,https://alpha.example,1 Way,Köln,"VIP,a b",=1+1',
        "Beta,,,<b>bold</b> &amp; more,,,,,,,,",
    ],
    "contacts": [
        "first_name,last_name,email,phone,mobile,title,department,company_name,lifecycle_stage,lead_source,tags,notes",
        "Ada,Example,ada@x.example,+1 555,+1 556,Buyer,Sales,Beta,customer,Web,VIP,Likes <i>tea</i>",
        "Bo,Sample,bo@x.example,,,,,,qualified,,,",
        "Cy,van der Berg,cy@x.example,,,,,,lead,,\"a,b c\",\"one\ntwo\"",
    ],
    "deals": [
        "name,value,currency,probability,expected_close_date,stage_name,contact_email,company_name,notes",
        "Alpha deal,1234.50,EUR,20,2025-06-15,Proposal,ada@x.example,Beta,Soon",
        "Beta deal,,USD,100,2025-01-02,Closed Won,,,",
        "Gamma deal,99.00,USD,0,,Closed Lost,,,",
    ],
    "activities": [
        "activity_type,subject,body,scheduled_at,completed_at,status,priority,due_date,contact_email,company_name,deal_name",
        "call,Intro,Ask <about> budget & more,2025-05-02T14:30:00Z,2025-05-02T14:55:10Z,completed,high,2025-05-02,ada@x.example,Beta,Alpha deal",
        "task,Send offer,,,,pending,normal,2025-05-09,,,",
        "meeting,Lunch,\"one\n\ntwo\",2025-05-10T12:00:00Z,,cancelled,low,,,,",
    ],
}  # fmt: skip
PAIRS = [(source, entity) for source in presets() for entity in RECORDS if covers(source, RESOURCES[entity]())]


@pytest.fixture
def filled(tenant):
    """An API of a tenant with records of all entities."""
    return with_records(tenant, RECORDS)


def with_records(tenant, entities):
    api = Api(tenant)
    for entity in (one for one in RECORDS if one in entities):
        result = api.import_csv(entity, "\n".join(RECORDS[entity]) + "\n")
        assert result["errors"] == []
    return api


def rows_of(api, entity, query=""):
    text = api.get(f"{entity}/export{query}").getvalue().decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(("source", "entity"), PAIRS)
def test_a_file_in_a_programs_words_gives_the_same_records(filled, source, entity):
    file = filled.get(f"{entity}/export?headers={source}").getvalue()
    names = list(RESOURCES[entity].column_names())
    covered = {one.column for one in outgoing(source, entity)} & set(names)
    if "full_name" in {one.column for one in outgoing(source, entity)}:
        covered |= {"first_name", "last_name"}
    others = [one for one in RECORDS if one in ("companies", "contacts", "deals")]
    other = with_records(
        Tenant.objects.create(slug="other", name="Other"),
        others[: others.index(entity)] if entity in others else others,
    )
    before = len(rows_of(other, entity))
    result = other.import_csv(entity, file.decode(), f"source={source}&incomplete=accept&missing=create")
    assert result["errors"] == []
    found = rows_of(other, entity)[before:]
    assert [{name: row[name] for name in covered} for row in found] == [
        {name: row[name] for name in covered} for row in rows_of(filled, entity)
    ]


def test_headers_and_values_are_the_programs(filled):
    first = rows_of(filled, "contacts", "?headers=hubspot")[1]
    assert (first["First Name"], first["Lifecycle Stage"]) == ("Bo", "Sales Qualified Lead")
    assert rows_of(filled, "deals", "?headers=hubspot")[0]["Deal probability"] == "0.2"


@pytest.mark.parametrize("kind", ["new", "old"])
def test_numbers_are_written_with_the_labels_that_tell_them_apart(filled, kind):
    label = {"new": "Label", "old": "Type"}[kind]
    first, second, _ = rows_of(filled, "contacts", f"?headers=google_{kind}")
    numbers = [f"Phone 1 - {label}", "Phone 1 - Value", f"Phone 2 - {label}", "Phone 2 - Value"]
    assert [first[name] for name in numbers] == ["Work", "+1 555", "Mobile", "+1 556"]
    assert [second[name] for name in numbers] == ["", "", "", ""]


def test_our_own_export_is_recognised_as_ours_and_changes_nothing(filled):
    for entity, lines in RECORDS.items():
        before = filled.export(entity)
        result = filled.import_csv(entity, before, "source=auto&mode=upsert")
        run = filled.look(f"imports/{filled.look('imports')['results'][0]['id']}")
        assert (run["unchanged"], result["skipped"], run["reading"]["source"]) == (len(lines) - 1, 0, "rally")
        assert filled.export(entity) == before


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("headers=nobody", "Unknown headers 'nobody'. Expected one of: rally, act"),
        ("headers=linkedin", "'linkedin' has no deals."),
        ("headers=hubspot&columns=name", "'headers' chooses the columns: it cannot be given together with 'columns'."),
    ],
)
def test_headers_that_cannot_be_written_are_told(filled, query, detail):
    response = filled.get(f"deals/export?{query}")
    assert response.status_code == 400
    assert detail in response.content.decode()
