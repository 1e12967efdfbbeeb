"""Every statement of the engine names the tenant of the records it touches."""

import re

import pytest
from django.db import connection
from django.db.backends.signals import connection_created
from psycopg import sql

from importexport.models import ImportRun
from tests.importexport.test_tenancy import TABLES

pytestmark = pytest.mark.django_db(transaction=True)

#: A run is found by its id, which is random, and is all that a process knows that takes up the work of another.
RUN_BY_ID = re.compile(r'"?importexport_importrun"?.*WHERE .*"?id"? (=|IN) ', re.DOTALL)
#: An API key is found by its digest, which says whose it is.
KEY_BY_DIGEST = re.compile(r'FROM "crm_apikey" WHERE "crm_apikey"\."digest" = ')
#: Answers, runs and leases are deleted by their age, those of all tenants at once.
BY_AGE = re.compile(r'"(created|seen)_at" < ')
#: A record that is joined by a foreign key is of the same tenant by that key.
JOINED = re.compile(r' (?:INNER|LEFT OUTER) JOIN "\w+" ON \("\w+"\."\w+_id" = "\w+"\."id"\)')
#: What only selects or sets ``tenant_id`` does not say which rows are meant.
SELECTED = re.compile(r'SELECT (?:DISTINCT )?(?:"\w+"\."\w+"(?: AS "\w+")?(?:, )?)+ FROM')
SET = re.compile(r"SET (?:\"\w+\" = (?:'(?:[^']|'')*'(?:::\w+)?|[^,]+?)(?:, )?)+ WHERE")
TOUCHED = re.compile(r'\b(?:FROM|JOIN|INTO|UPDATE|COPY) "?((?:crm|importexport)_[a-z]+)\b')

UPSERT, CREATE = "mode=upsert&missing=create&match_on=email", "missing=create"
COMPANIES = "name,domain\n" + "".join(f"Company {n},c{n}.example\n" for n in range(5))
CONTACTS = "first_name,last_name,email,phone,company_name\n"
DEALS = "name,value,stage_name,contact_email,company_name,pipeline_name\n"
ACTIVITIES = "activity_type,subject,contact_email,company_name,deal_name\n"


class Kept(list):
    """A log of statements that Django does not empty when the next request comes."""

    def clear(self):
        pass


@pytest.fixture
def said(api):
    """The statements of all connections, with their parameters."""
    heard, log = Kept(), connection.queries_log

    def listen(connection, **_):
        connection.force_debug_cursor, connection.queries_log = True, heard

    connection.close()
    connection_created.connect(listen)
    connection.ensure_connection()
    yield lambda: [text(entry["sql"]) for entry in heard]
    connection_created.disconnect(listen)
    connection.force_debug_cursor, connection.queries_log = False, log


def text(statement):
    """Return a statement as text, which COPY takes composed."""
    return statement.as_string() if isinstance(statement, sql.Composable) else statement


def touches(statement):
    """Return the tables of tenants that a statement touches, each as often as it does."""
    return [name for name in TOUCHED.findall(JOINED.sub("", statement)) if name in TABLES]


def names_tenant(statement):
    """Whether a statement names the tenant of each table, or is one of those that cannot."""
    if KEY_BY_DIGEST.search(statement) or BY_AGE.search(statement):
        return True
    if set(touches(statement)) == {"importexport_importrun"} and RUN_BY_ID.search(statement):
        return True
    conditions = SET.sub("SET WHERE", SELECTED.sub("SELECT FROM", statement))
    return conditions.count("tenant_id") >= len(touches(statement))


def test_the_statements_of_imports_plans_undos_and_exports_name_the_tenant(api, said):
    api.import_csv("companies", COMPANIES)
    api.import_csv("contacts", CONTACTS + "Ada,L,ada@example.com,1,Company 1\nEve,,,,\nBob,B,bob@example.com,1,New\n")
    api.import_csv("contacts", CONTACTS + "Ada,L,ada@example.com,2,Company 2\nC,D,c@example.com,,Newer\n", UPSERT)
    plan = api.plan(
        "deals", DEALS + "Engine,10,Lead,ada@example.com,Company 1,\nMill,10,First,,Other,Factory\n", CREATE
    )
    assert api.post(f"imports/{plan['id']}/apply").status_code == 200
    api.import_csv("deals", DEALS + "Engine,20,Qualified,bob@example.com,,\n", "mode=upsert")
    api.import_csv("activities", ACTIVITIES + "call,Call,ada@example.com,Company 1,Engine\n")
    for run in list(ImportRun.objects.filter(tenant=api.tenant, imported__gt=0)):
        undo = api.undo(str(run.pk))
        api.undo(undo["id"])
    for entity in ("companies", "contacts", "deals", "activities"):
        api.export(entity)
    statements = [statement for statement in said() if touches(statement)]
    assert {table for statement in statements for table in touches(statement)} >= EXPECTED
    assert not [statement for statement in statements if not names_tenant(statement)]


#: What the operations touch at least: where one is missing, its statements were not heard.
EXPECTED = {
    *("crm_contact", "crm_company", "crm_deal", "crm_activity", "crm_stage", "crm_pipeline"),
    *("importexport_importrun", "importexport_skippedrow"),
    *("importexport_ledgerpage", "importexport_rowchange"),
}


@pytest.mark.parametrize(
    ("statement", "is_named"),
    [
        ('SELECT "crm_contact"."id" FROM "crm_contact" WHERE "crm_contact"."tenant_id" = 1', True),
        ('SELECT "crm_contact"."tenant_id" FROM "crm_contact" WHERE "crm_contact"."id" = 1', False),
        ('UPDATE "crm_contact" SET "tenant_id" = 1, "notes" = \'a, b\' WHERE "crm_contact"."id" = 1', False),
        ("INSERT INTO crm_contact (id, tenant_id, email) SELECT id, 1, email FROM rally_incoming", True),
        ("COPY importexport_rowchange (run_id, number) FROM STDIN", False),
        ("DELETE FROM importexport_rowchange WHERE run_id = 1", False),
        ("SELECT FROM crm_contact t JOIN crm_deal d ON d.contact_id = t.id WHERE t.tenant_id = 1", False),
    ],
)
def test_a_statement_that_leaves_the_tenant_out_is_noticed(statement, is_named):
    assert names_tenant(statement) == is_named
