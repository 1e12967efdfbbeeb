"""Imports read no more records than they need, even if PostgreSQL's statistics are misleading.

Statistics do not include a new tenant, so PostgreSQL underestimates its records and may choose a bad index. The tests
count the records that PostgreSQL fetched, which does not depend on the machine.
"""

from contextlib import contextmanager

import pytest
from django.db import connection

ROWS = 2_000
#: Of a handful of looks at each record; to look at all for each row would be a thousand times as much.
FETCHED = 12 * ROWS


@pytest.fixture(autouse=True)
def _statistics(tenant, other_api):
    """The statistics include another tenant, but not the one under test."""
    other_api.import_csv("companies", companies("Known"))
    other_api.import_csv("contacts", contacts("known", phone="1"))
    other_api.import_csv("deals", deals("Known", value="1"))
    other_api.import_csv("activities", activities(body="1", contact="known"))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE crm_company, crm_contact, crm_deal, crm_activity")


def companies(name, *, domain="example.com"):
    return "name,domain\n" + "".join(f"{name} {n},{n}.{domain}\n" for n in range(ROWS))


def contacts(name, *, phone, company=""):
    rows = "".join(f"A,B,{name}{n}@example.com,{phone},{company}\n" for n in range(ROWS))
    return f"first_name,last_name,email,phone,company_name\n{rows}"


def deals(name, *, value):
    return "name,value\n" + "".join(f"{name} {n},{value}\n" for n in range(ROWS))


def activities(*, body, contact=""):
    rows = "".join(
        f"note,Subject {n},{body},{'2025-06-15' if n % 2 else ''},{contact and f'{contact}{n}@example.com'}\n"
        for n in range(ROWS)
    )
    return f"activity_type,subject,body,due_date,contact_email\n{rows}"


def fetched():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
            " WHERE relname IN ('crm_company', 'crm_contact', 'crm_deal', 'crm_activity')"
        )
        return int(cursor.fetchone()[0])


@contextmanager
def reading_little(most=FETCHED):
    before = fetched()
    yield
    assert fetched() - before < most


def test_an_upsert_finds_contacts_by_index(api):
    api.import_csv("contacts", contacts("c", phone="1"))
    with reading_little():
        assert api.import_csv("contacts", contacts("c", phone="2"), "mode=upsert")["imported"] == ROWS


def test_an_upsert_finds_deals_by_index(api):
    api.import_csv("deals", deals("D", value="1"))
    with reading_little():
        assert api.import_csv("deals", deals("D", value="2"), "mode=upsert")["imported"] == ROWS


def test_an_upsert_finds_taken_domains_by_index(api):
    api.import_csv("companies", companies("C"))
    with reading_little():
        assert api.import_csv("companies", companies("C", domain="example.org"), "mode=upsert")["imported"] == ROWS


def test_an_upsert_finds_companies_by_their_domain_by_index(api):
    api.import_csv("companies", companies("C"))
    with reading_little():
        assert api.import_csv("companies", companies("D"), "mode=upsert&match_on=domain")["imported"] == ROWS


def test_an_upsert_finds_activities_by_index(api):
    api.import_csv("activities", activities(body="1"))
    with reading_little():
        assert api.import_csv("activities", activities(body="2"), "mode=upsert")["imported"] == ROWS


def test_an_undo_finds_taken_domains_by_index(api):
    api.import_csv("companies", companies("C"))
    api.import_csv("companies", companies("C", domain="example.org"), "mode=upsert")
    changed = api.look("imports?limit=1")["results"][0]["id"]
    with reading_little():
        assert api.plan_undo(changed)["updated"] == ROWS


def few(content):
    """Return a file with some of the rows of another file, changed to be different records."""
    lines = content.splitlines(keepends=True)
    return "".join([lines[0], *(line.replace("Few", "New") for line in lines[1:11])])


@pytest.mark.parametrize(
    ("entity", "content"),
    [
        ("companies", companies("Few", domain="few.example")),
        ("contacts", contacts("Few", phone="1")),
        ("deals", deals("Few", value="1")),
        ("activities", activities(body="1").replace("Subject", "Few")),
    ],
)
def test_an_undo_of_a_few_records_does_not_scan_the_others(api, entity, content):
    api.import_csv(entity, content)
    api.import_csv(entity, few(content).replace("few.example", "new.example"))
    created = api.look("imports?limit=1")["results"][0]["id"]
    with connection.cursor() as cursor:
        # The import is checked here, so that the check is not counted.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with reading_little(ROWS // 10):
        assert api.undo(created)["deleted"] == 10


def test_references_are_found_by_index(api):
    api.import_csv("companies", companies("C"))
    with reading_little():
        rows = "".join(f"A,B,c{n}@example.com,C {n}\n" for n in range(ROWS))
        assert api.import_csv("contacts", f"first_name,last_name,email,company_name\n{rows}")["imported"] == ROWS


def test_duplicates_are_found_by_index(api):
    api.import_csv("companies", companies("C"))
    with reading_little():
        assert api.import_csv("companies", companies("C", domain="example.org"))["skipped"] == ROWS
