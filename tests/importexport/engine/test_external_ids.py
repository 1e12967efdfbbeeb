"""The ids that records have in other programs: stored, unique, and told of where they are taken."""

import csv
import io

import pytest
from django.db import connection

from crm.models import Activity, Company, Contact, Deal
from crm.models.tenant import create_tenant
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from tests.support.api import one_row


def result(imported, *errors):
    return {"totalRows": imported + len(errors), "imported": imported, "skipped": len(errors), "errors": list(errors)}


def with_id(entity, number="501", source="hubspot", **cells):
    """Return a file of one record with an external id."""
    header, row, _ = one_row(entity, **cells).split("\r\n")
    return f"{header},external_id,external_source\r\n{row},{number},{source}\r\n"


def ids(model):
    return list(model.objects.order_by("id").values_list("external_source", "external_id"))


MODELS = {"contacts": Contact, "companies": Company, "deals": Deal, "activities": Activity}
NAMED = {
    "contacts": {"email": "other@example.com"},
    "companies": {"name": "Other"},
    "deals": {"name": "Other"},
    "activities": {"subject": "Other"},
}
ENTITIES = pytest.mark.parametrize("entity", MODELS)


# --- files ---------------------------------------------------------------------------------------------------


@ENTITIES
def test_an_id_and_its_source_are_stored(api, entity):
    assert api.import_csv(entity, with_id(entity)) == result(1)
    assert ids(MODELS[entity]) == [("hubspot", "501")]


@ENTITIES
def test_an_id_needs_no_source(api, entity):
    header, row, _ = one_row(entity).split("\r\n")
    assert api.import_csv(entity, f"{header},External ID\r\n{row},501\r\n") == result(1)
    assert ids(MODELS[entity]) == [("", "501")]


@ENTITIES
def test_a_file_without_ids_stores_none(api, entity):
    assert api.import_csv(entity, one_row(entity)) == result(1)
    assert ids(MODELS[entity]) == [("", "")]


@ENTITIES
def test_templates_and_plain_exports_have_no_ids(api, entity):
    api.import_csv(entity, with_id(entity))
    header = api.get(f"{entity}/template").getvalue().decode().strip().split(",")
    assert not {"external_id", "external_source"}.intersection(header)
    assert api.export(entity).split("\r\n")[0].split(",") == header


@ENTITIES
def test_an_export_has_ids_where_they_are_asked_for(api, entity):
    api.import_csv(entity, with_id(entity, number="=501"))
    columns = [*RESOURCES[entity].column_names(), "external_source", "external_id"]
    exported = api.get(f"{entity}/export?columns={','.join(columns)}").getvalue().decode()
    (row,) = csv.DictReader(io.StringIO(exported, newline=""))
    assert (row["external_source"], row["external_id"]) == ("hubspot", "'=501")
    MODELS[entity].objects.all().delete()
    assert api.import_csv(entity, exported) == result(1)
    assert ids(MODELS[entity]) == [("hubspot", "=501")]


def test_ids_are_told_apart_by_every_character(api):
    rows = [("001A", "sf"), ("001a", "sf"), ("001A", "SF"), ("001A ", "sf")]
    lines = "".join(f"Company {n},{number},{source}\n" for n, (number, source) in enumerate(rows))
    assert api.import_csv("companies", f"name,external_id,external_source\n{lines}") == result(
        3, "Row 5: Duplicate company with external_id '001A'"
    )


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"number": "x" * 256}, "Value too long in 'external_id' (maximum 255 characters)"),
        ({"source": "x" * 51}, "Value too long in 'external_source' (maximum 50 characters)"),
        ({"number": "a\x01b"}, "Invalid character in 'external_id'"),
        ({"number": "#N/A"}, "Spreadsheet error value '#N/A' in 'external_id'"),
    ],
)
def test_an_id_that_cannot_be_stored_is_refused(api, cells, sentence):
    assert api.errors("contacts", with_id("contacts", **cells)) == [f"Row 2: {sentence}"]
    assert not Contact.objects.exists()


def test_the_longest_id_is_stored(api):
    assert api.import_csv("contacts", with_id("contacts", "ö" * 255, "ö" * 50)) == result(1)


# --- duplicates ----------------------------------------------------------------------------------------------


@ENTITIES
def test_a_row_whose_id_is_taken_is_a_duplicate_whatever_its_name(api, entity):
    api.import_csv(entity, with_id(entity))
    noun = RESOURCES[entity].noun
    assert api.import_csv(entity, with_id(entity, **NAMED[entity])) == result(
        0, f"Row 2: Duplicate {noun} with external_id '501'"
    )


@ENTITIES
def test_of_two_keys_that_are_taken_the_id_is_named(api, entity):
    api.import_csv(entity, with_id(entity))
    noun = RESOURCES[entity].noun
    assert api.errors(entity, with_id(entity)) == [f"Row 2: Duplicate {noun} with external_id '501'"]


@ENTITIES
def test_a_name_that_is_taken_makes_a_row_with_another_id_a_duplicate(api, entity):
    api.import_csv(entity, with_id(entity))
    key = RESOURCES[entity].keys[0].column
    (error,) = api.errors(entity, with_id(entity, number="502"))
    assert error.startswith(f"Row 2: Duplicate {RESOURCES[entity].noun} with {key} '")
    assert ids(MODELS[entity]) == [("hubspot", "501")]


def test_a_domain_that_is_taken_makes_a_row_with_another_id_a_duplicate(api):
    api.import_csv("companies", with_id("companies", domain="acme.com"))
    assert api.errors("companies", with_id("companies", number="502", name="Other", domain="www.acme.com")) == [
        "Row 2: Duplicate company with domain 'www.acme.com'"
    ]


@ENTITIES
def test_the_same_id_in_another_program_is_another_record(api, entity):
    assert api.import_csv(entity, with_id(entity)) == result(1)
    assert api.import_csv(entity, with_id(entity, source="pipedrive", **NAMED[entity])) == result(1)


def test_another_tenants_ids_do_not_count(api):
    other = create_tenant(slug="other", name="Other")
    Company.objects.create(tenant=other, name="Globex", external_source="hubspot", external_id="501")
    assert api.import_csv("companies", with_id("companies")) == result(1)


@pytest.mark.parametrize("between", [0, 4500])
def test_of_two_rows_with_one_id_the_first_is_stored(api, between):
    filler = "".join(f"Company {n},\n" for n in range(between))
    content = f"name,external_id\nAcme,501\n{filler}Globex,501\n,501\n"
    assert api.import_csv("companies", content) == result(
        between + 1,
        f"Row {between + 3}: Duplicate company with external_id '501'",
        f"Row {between + 4}: Required field 'name' is empty",
    )
    assert Company.objects.order_by("id").first().name == "Acme"


def test_rows_without_an_id_are_no_duplicates_of_each_other(api):
    assert api.import_csv("companies", "name,external_id,external_source\nAcme,,hubspot\nGlobex,,hubspot\n") == result(
        2
    )


def test_a_file_with_ids_is_planned_and_undone(transactional_db, api):
    run = api.plan("companies", with_id("companies"))
    assert api.post(f"imports/{run['id']}/apply").status_code == 200
    assert ids(Company) == [("hubspot", "501")]
    undo = api.undo(run["id"])
    assert not Company.objects.exists()
    api.undo(undo["id"])
    assert ids(Company) == [("hubspot", "501")]


def test_an_undo_does_not_bring_back_a_record_whose_id_is_taken(transactional_db, api):
    api.import_csv("companies", with_id("companies"))
    undo = api.undo(ImportRun.objects.get().pk)
    api.import_csv("companies", with_id("companies", name="Globex"))
    assert api.undo(undo["id"])["conflicts"] == 1
    assert Company.objects.get().name == "Globex"


# --- what a file without ids costs -----------------------------------------------------------------------------


@pytest.mark.parametrize("entity", ["contacts", "deals"])
def test_a_file_without_ids_is_compared_by_its_own_key_alone(api, entity):
    with Statements() as statements:
        api.import_csv(entity, one_row(entity))
    (insertion,) = [text for text in statements if "INSERT INTO crm_" in text.replace('"', "")]
    assert "ON CONFLICT ON CONSTRAINT" in insertion
    assert "external" not in insertion


class Statements(list):
    """The statements that are executed inside."""

    def __enter__(self):
        self._wrapping = connection.execute_wrapper(self._note)
        self._wrapping.__enter__()
        return self

    def __exit__(self, *exc):
        self._wrapping.__exit__(*exc)

    def _note(self, execute, statement, params, many, context):
        self.append(statement if isinstance(statement, str) else statement.as_string())
        return execute(statement, params, many, context)
