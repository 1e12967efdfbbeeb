"""The ids of a cell, and its mark in API keys."""

import io
import json

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.utils import DataError
from django.urls import reverse
from openpyxl import load_workbook

from crm.cells import IDS, cell_of, first_id, id_sequences, take_range
from crm.models import Activity, Company, Contact, Deal, Stage
from crm.models.api_key import create_api_key
from crm.models.tenant import create_tenant
from tests.support.api import Api
from tests.support.staff import sign_in

#: The first id of the last cell, zz.
LAST_CELL = 647_500_000_000_001


def rows(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def starts():
    return {sequence.start for sequence in id_sequences()}


def take(settings, cell):
    settings.RALLY_CELL = cell
    take_range()


# --- API keys ---


@pytest.mark.parametrize("cell", ["00", "b7"])
def test_a_new_key_carries_the_cell_and_forty_random_characters(tenant, settings, cell):
    settings.RALLY_CELL = cell
    secrets = [create_api_key(tenant=tenant, name=name)[1] for name in ("one", "two")]
    assert {(secret[:10], len(secret)) for secret in secrets} == {(f"rk_live_{cell}", 50)}
    assert secrets[0][10:] != secrets[1][10:]


def test_a_key_of_another_cell_gets_in(tenant, settings):
    settings.RALLY_CELL = "b7"
    api = Api(tenant)
    settings.RALLY_CELL = "00"
    assert api.get("contacts/template").status_code == 200


# --- ranges ---


@pytest.mark.parametrize(
    ("cell", "first"), [("00", 1), ("01", 500_000_000_001), ("10", 18_000_000_000_001), ("zz", LAST_CELL)]
)
def test_each_cell_has_a_range_of_its_own(cell, first):
    assert first_id(cell) == first
    assert cell_of(first) == cell_of(first + IDS - 1) == cell


def test_a_spreadsheet_keeps_every_digit_of_an_id():
    assert len(str(first_id("zz") + IDS - 1)) == 15


TABLES = """
SELECT c.relname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attname = 'id'
    AND a.atttypid <> 'uuid'::regtype AND (c.relname = 'crm_tenant' OR EXISTS (
        SELECT FROM pg_attribute AS t WHERE t.attrelid = c.oid AND t.attname = 'tenant_id'))
"""
NARROW = """
SELECT c.relname, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0
    AND (a.attname IN ('id', 'record') OR a.attname LIKE '%\\_id' OR a.attname LIKE '%ids')
    AND a.atttypid IN ('int4'::regtype, 'int2'::regtype, 'int4[]'::regtype)
    AND (c.relname LIKE 'crm\\_%' OR c.relname LIKE 'importexport\\_%')
"""


def test_the_ids_of_all_tables_with_a_tenant_are_found(db):
    tables = {table for (table,) in rows(TABLES)}
    assert len(tables) > 10
    assert {sequence.table for sequence in id_sequences()} == tables


def test_every_id_is_wide_enough(db):
    assert set(rows("SELECT DISTINCT format_type(seqtypid, NULL) FROM pg_sequence WHERE seqmax > 2^31")) == {
        ("bigint",)
    }
    # Users are not a tenant's: they have Django's own ids.
    assert {found for found in rows(NARROW) if found[1] != "user_id"} == set()


def test_a_new_installation_takes_the_ids_of_its_cell_when_it_is_migrated(db, settings):
    settings.RALLY_CELL = "zz"
    call_command("migrate", verbosity=0)
    assert starts() == {LAST_CELL}
    assert create_tenant(slug="acme", name="Acme").pk == LAST_CELL


def test_an_installation_without_a_cell_begins_at_1(db):
    assert starts() == {1}
    take_range()
    assert starts() == {1}


def test_ids_are_not_given_twice_when_all_records_are_gone(db, settings):
    take(settings, "b7")
    for slug in ("acme", "globex"):
        create_tenant(slug=slug, name=slug).delete()
    take_range()
    assert create_tenant(slug="acme", name="Acme").pk == first_id("b7") + 2


def test_an_empty_installation_can_change_its_cell(db, settings):
    take(settings, "b7")
    take(settings, "00")
    assert (starts(), create_tenant(slug="acme", name="Acme").pk) == ({1}, 1)


@pytest.mark.parametrize(("had", "has"), [("00", "b7"), ("b7", "00")])
def test_an_installation_with_records_keeps_to_its_range_and_says_so(db, settings, capsys, had, has):
    take(settings, had)
    tenant = create_tenant(slug="acme", name="Acme")
    take(settings, has)
    assert capsys.readouterr().err == (
        f"RALLY_CELL is {has}, but there are records already: they keep their ids, and new ones get theirs from the"
        f" range of cell {had} as before.\n"
    )
    assert starts() == {first_id(had)}
    assert create_tenant(slug="globex", name="Globex").pk == tenant.pk + 1


def test_a_table_that_a_later_version_adds_joins_the_others(db, settings, capsys):
    take(settings, "b7")
    create_tenant(slug="acme", name="Acme")
    rows("CREATE TABLE crm_new (id bigserial, tenant_id bigint)")
    take_range()
    assert rows("INSERT INTO crm_new DEFAULT VALUES RETURNING id") == [(first_id("b7"),)]
    assert capsys.readouterr().err == ""


def test_a_sequence_that_a_later_version_makes_anew_goes_on_counting(db, settings):
    take(settings, "b7")
    tenant = create_tenant(slug="acme", name="Acme")
    first = Company.objects.create(tenant=tenant, name="Acme")
    rows("ALTER SEQUENCE crm_company_id_seq MINVALUE 1 START WITH 1")
    take_range()
    assert starts() == {first_id("b7")}
    assert Company.objects.create(tenant=tenant, name="Globex").pk == first.pk + 1


@pytest.mark.parametrize("beyond", [1, first_id("b8")])
def test_a_sequence_cannot_leave_the_range(db, settings, beyond):
    take(settings, "b7")
    with pytest.raises(DataError, match="out of bounds"):
        rows(f"SELECT setval(pg_get_serial_sequence('crm_contact', 'id'), {beyond})")


# --- the product with the largest ids ---


@pytest.fixture
def last_cell(transactional_db, settings):
    """An API client of a tenant in the last cell."""
    take(settings, "zz")
    yield Api(create_tenant(slug="acme", name="Acme Inc"))
    rows("TRUNCATE crm_tenant CASCADE")
    take(settings, "00")


@pytest.mark.django_db(transaction=True)
def test_records_are_imported_exported_changed_and_undone(last_cell):
    last_cell.import_csv("contacts", "email,first_name,last_name\nada@example.com,A,L\n")
    file = "email,first_name,last_name,company_name\nada@example.com,Ada,Lovelace,Acme\nbob@example.com,Bob,B,\n"
    plan = last_cell.plan("contacts", file, "mode=upsert&missing=create")
    assert last_cell.post(f"imports/{plan['id']}/apply").status_code == 200

    ada, company = Contact.objects.get(email="ada@example.com"), Company.objects.get()
    assert (ada.company, cell_of(ada.pk), cell_of(company.pk)) == (company, "zz", "zz")
    logged = last_cell.look(f"imports/{plan['id']}/rows")["results"]
    assert [(row["action"], row["record"]) for row in logged if row["entity"] == "contacts"][:1] == [("update", ada.pk)]
    traces = last_cell.look(f"contacts/{ada.pk}/imports")["results"]
    assert [trace["action"] for trace in traces] == ["update", "create"]

    last_cell.undo(plan["id"])
    assert list(Contact.objects.values_list("id", "first_name")) == [(ada.pk, "A")]


@pytest.mark.django_db(transaction=True)
def test_references_lead_to_records(last_cell):
    last_cell.import_csv("companies", "name\nAcme\n")
    last_cell.import_csv("deals", "name,company_name,stage_name\nBig one,Acme,Qualified\n")
    last_cell.import_csv("activities", "activity_type,subject,deal_name\ncall,First,Big one\n")
    deal = Deal.objects.get()
    assert deal.company.name == "Acme"
    assert deal.stage == Stage.objects.get(name="Qualified")
    assert Activity.objects.get().deal == deal
    assert cell_of(deal.stage_id) == cell_of(deal.pk) == "zz"


@pytest.mark.django_db(transaction=True)
def test_exports_have_every_digit(last_cell):
    last_cell.import_csv("companies", "name\nAcme\n")
    [_, line] = last_cell.get("companies/export?columns=id,name").getvalue().decode().splitlines()
    assert line == f"{LAST_CELL},Acme"
    book = load_workbook(io.BytesIO(last_cell.get("companies/export/excel?columns=id,name").getvalue()))
    assert book.active["A2"].value == LAST_CELL
    assert book.active.column_dimensions["A"].width > len(str(LAST_CELL))


@pytest.mark.django_db(transaction=True)
def test_the_admin_has_pages_for_records(last_cell):
    last_cell.import_csv("companies", "name\nAcme\n")
    staff = sign_in(last_cell.tenant, "admin")
    path = reverse("admin:crm_company_change", args=[LAST_CELL])
    assert 'value="Acme"' in staff.get(path).content.decode()
    assert path in staff.get(reverse("admin:crm_company_changelist")).content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_request_that_is_repeated_gets_its_first_response(last_cell):
    [first, again] = [last_cell.post_file("companies", "name\nAcme\n", **{"Idempotency-Key": "once"}) for _ in range(2)]
    assert json.loads(first.content) == json.loads(again.content)
    assert Company.objects.count() == 1
