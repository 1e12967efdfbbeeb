"""Update and upsert by external id: a row is the record with its id, whatever its name."""

import pytest

from crm.models import Activity, Company, Contact, Deal, Pipeline, Stage
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from tests.support.api import GOOD, problem

UPDATE, UPSERT, KEEP = "mode=update", "mode=upsert", "duplicates=keep"
MODELS = {"contacts": Contact, "companies": Company, "deals": Deal, "activities": Activity}
OTHER = {
    "contacts": {"email": "other@example.com"}, "companies": {"name": "Other"}, "deals": {"name": "Other"},
    "activities": {"subject": "Other"},
}  # fmt: skip
ENTITIES = pytest.mark.parametrize("entity", MODELS)


def result(imported, *errors):
    return {"totalRows": imported + len(errors), "imported": imported, "skipped": len(errors), "errors": list(errors)}


def csv_of(*rows):
    """Return a file of some rows, given as dicts with the same columns."""
    return "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]) + "\n"


def row(entity, number="501", source="hubspot", **cells):
    return {"external_source": source, "external_id": number, **GOOD[entity], **cells}


def ids(model):
    return list(model.objects.order_by("id").values_list("external_source", "external_id"))


def counts():
    run = ImportRun.objects.order_by("created_at").last()
    return {action: count for action, count in run.counts.items() if count}


# --- rows whose id a record has ----------------------------------------------------------------------------------


@ENTITIES
@pytest.mark.parametrize("mode", [UPDATE, UPSERT])
def test_a_row_is_the_record_with_its_id_whatever_its_name(api, entity, mode):
    api.import_csv(entity, csv_of(row(entity)))
    key = next(iter(OTHER[entity]))
    assert api.import_csv(entity, csv_of(row(entity, **OTHER[entity])), mode) == result(1)
    record = MODELS[entity].objects.get()
    assert getattr(record, key) == OTHER[entity][key]
    assert getattr(record, RESOURCES[entity].keys[0].stored) == OTHER[entity][key].lower()
    assert counts() == {"update": 1}


@ENTITIES
def test_the_same_file_again_changes_nothing(api, entity):
    content = csv_of(row(entity), row(entity, "502", **OTHER[entity]))
    assert api.import_csv(entity, content, UPSERT) == result(2)
    assert api.import_csv(entity, content, UPSERT) == result(2)
    assert counts() == {"unchanged": 2}
    options = ImportRun.objects.order_by("created_at").last().options
    assert options["match_on"] == "external_id"


@ENTITIES
def test_only_given_cells_change_a_record(api, entity):
    api.import_csv(entity, csv_of(row(entity)))
    before = api.export(entity)
    content = csv_of({"external_source": "hubspot", "external_id": "501"})
    assert api.import_csv(entity, content, UPDATE) == result(1)
    assert api.export(entity) == before
    assert api.import_csv(entity, content, UPSERT) == result(1)


def test_a_name_that_another_record_has_is_a_duplicate(api):
    api.import_csv("companies", csv_of(row("companies"), row("companies", "502", name="Globex")))
    content = csv_of(row("companies", "501", name="GLOBEX"))
    assert api.import_csv("companies", content, UPSERT) == result(0, "Row 2: Duplicate company with name 'GLOBEX'")
    assert api.import_csv("companies", content, f"{UPSERT}&{KEEP}") == result(1)
    assert sorted(Company.objects.values_list("name", "name_slot")) == [("GLOBEX", "hubspot 501"), ("Globex", "")]


def test_names_are_exchanged_one_after_the_other(api):
    api.import_csv("deals", csv_of(row("deals", "1", name="A"), row("deals", "2", name="B")))
    content = csv_of(row("deals", "1", name="C"), row("deals", "2", name="C"))
    assert api.import_csv("deals", content, UPSERT) == result(1, "Row 3: Duplicate deal with name 'C'")


def test_an_address_stays_unique_with_kept_names(api):
    api.import_csv("contacts", csv_of(row("contacts"), row("contacts", "502", email="b@x.com")))
    content = csv_of(row("contacts", "501", email="B@x.com"))
    assert api.import_csv("contacts", content, f"{UPSERT}&{KEEP}") == result(
        0, "Row 2: Duplicate contact with email 'B@x.com'"
    )


def test_activities_that_would_become_the_same_are_duplicates(api):
    rows = [row("activities", str(n), subject=f"Call {n}") for n in range(5)]
    api.import_csv("activities", csv_of(*rows))
    content = csv_of(*(each | {"subject": "Call 0" if n in {2, 4} else f"New {n}"} for n, each in enumerate(rows) if n))
    assert api.import_csv("activities", content, UPSERT) == result(
        2, "Row 3: Duplicate activity with subject 'Call 0'", "Row 5: Duplicate activity with subject 'Call 0'"
    )
    assert list(Activity.objects.order_by("id").values_list("subject", flat=True)) == [
        "Call 0", "New 1", "Call 2", "New 3", "Call 4",
    ]  # fmt: skip


def test_a_contact_gets_and_loses_its_address(api):
    api.import_csv("contacts", "external_id,first_name\n1,Ada\n", "incomplete=accept")
    assert api.import_csv("contacts", "external_id,email\n1,ada@x.com\n", UPSERT) == result(1)
    assert Contact.objects.get().email_key == "ada@x.com"
    content = "external_id,email,first_name\n1,,Ada\n"
    assert api.import_csv("contacts", content, f"{UPDATE}&blank=clear&incomplete=accept") == result(1)
    assert (Contact.objects.get().email, Contact.objects.get().email_key) == ("", None)


def test_blank_ids_are_never_cleared(api):
    api.import_csv("companies", csv_of(row("companies", city="Rome")))
    content = csv_of(row("companies", "", "", city="", name="Acme"))
    assert api.import_csv("companies", content, f"{UPDATE}&blank=clear") == result(1)
    assert ids(Company) == [("hubspot", "501")]
    assert Company.objects.get().city == ""


# --- deals and their pipelines ------------------------------------------------------------------------------------


@pytest.fixture
def partners(tenant):
    pipeline = Pipeline.objects.create(tenant=tenant, name="Partners")
    for position, name in enumerate(["Intro", "Proposal"]):
        Stage.objects.create(tenant=tenant, pipeline=pipeline, name=name, position=position)
    return pipeline


@pytest.mark.parametrize(
    ("stage", "pipeline", "found"),
    [
        ("", "", ("Sales Pipeline", "Qualified")),
        ("Proposal", "", ("Sales Pipeline", "Proposal")),
        ("Intro", "", ("Partners", "Intro")),
        ("", "Partners", ("Partners", "Intro")),
        ("Proposal", "Partners", ("Partners", "Proposal")),
        ("", "Sales Pipeline", ("Sales Pipeline", "Qualified")),
    ],
)
@pytest.mark.parametrize("blank", ["keep", "clear"])
def test_a_deal_moves_with_its_pipeline(api, partners, stage, pipeline, found, blank):
    api.import_csv("deals", csv_of(row("deals", stage_name="Qualified")))
    content = csv_of(row("deals", stage_name=stage, pipeline_name=pipeline))
    assert api.import_csv("deals", content, f"{UPSERT}&blank={blank}") == result(1)
    assert Deal.objects.values_list("pipeline__name", "stage__name").get() == found


@pytest.mark.parametrize(
    ("column", "cell", "found"), [("stage_name", "Intro", "Intro"), ("pipeline_name", "Partners", "Intro")]
)
def test_a_deal_moves_if_the_file_has_one_column_alone(api, partners, column, cell, found):
    api.import_csv("deals", csv_of(row("deals")))
    assert api.import_csv("deals", csv_of(row("deals", **{column: cell})), UPSERT) == result(1)
    assert Deal.objects.values_list("pipeline__name", "stage__name").get() == ("Partners", found)


# --- rows whose id no record has ----------------------------------------------------------------------------------


@ENTITIES
@pytest.mark.parametrize("mode", [UPDATE, UPSERT])
def test_what_was_typed_by_hand_is_adopted(api, entity, mode):
    plain = {name: cell for name, cell in row(entity).items() if not name.startswith("external")}
    api.import_csv(entity, csv_of(plain))
    assert api.import_csv(entity, csv_of(row(entity)), mode) == result(1)
    assert ids(MODELS[entity]) == [("hubspot", "501")]
    assert counts() == {"update": 1}


@ENTITIES
def test_a_record_of_another_program_is_adopted_too(api, entity):
    api.import_csv(entity, csv_of(row(entity, source="pipedrive")))
    assert api.import_csv(entity, csv_of(row(entity)), UPSERT) == result(1)
    assert ids(MODELS[entity]) == [("hubspot", "501")]


@ENTITIES
def test_a_name_with_another_id_of_the_same_program_is_a_duplicate(api, entity):
    api.import_csv(entity, csv_of(row(entity)))
    key = RESOURCES[entity].keys[0].column
    (error,) = api.import_csv(entity, csv_of(row(entity, "502")), UPSERT)["errors"]
    assert error == f"Row 2: Duplicate {RESOURCES[entity].noun} with {key} '{GOOD[entity][key]}'"
    assert ids(MODELS[entity]) == [("hubspot", "501")]


@ENTITIES
def test_an_update_does_not_find_another_id(api, entity):
    api.import_csv(entity, csv_of(row(entity)))
    noun = RESOURCES[entity].noun.capitalize()
    assert api.import_csv(entity, csv_of(row(entity, "502")), UPDATE) == result(
        0, f"Row 2: {noun} with external_id '502' not found"
    )


@ENTITIES
def test_an_unknown_id_and_name_are_new(api, entity):
    content = csv_of(row(entity), row(entity, "502", **OTHER[entity]))
    assert api.import_csv(entity, content, UPSERT) == result(2)
    assert counts() == {"create": 2}


def test_a_new_record_needs_all_required_cells(api):
    assert api.import_csv("contacts", "external_id,email\n1,a@x.com\n", UPSERT) == result(
        0, "Row 2: Required field 'first_name' is empty; Required field 'last_name' is empty"
    )


@pytest.mark.parametrize("entity", ["companies", "deals"])
def test_a_taken_name_is_kept_beside_the_other(api, entity):
    api.import_csv(entity, csv_of(row(entity)))
    content = csv_of(row(entity, "502"), row(entity, "503"))
    assert api.import_csv(entity, content, f"{UPSERT}&{KEEP}") == result(2)
    assert api.import_csv(entity, content, f"{UPSERT}&{KEEP}") == result(2)
    assert counts() == {"unchanged": 2}
    assert ids(MODELS[entity]) == [("hubspot", "501"), ("hubspot", "502"), ("hubspot", "503")]


def test_of_two_rows_of_one_name_the_first_adopts_it(api):
    api.import_csv("companies", "name\nAcme\n")
    content = csv_of(row("companies", "1"), row("companies", "2"))
    error = "Row 3: Duplicate company with name 'Acme'"
    assert api.import_csv("companies", content, UPSERT) == result(1, error)
    assert ids(Company) == [("hubspot", "1")]
    assert api.import_csv("companies", content, f"{UPSERT}&{KEEP}") == result(2)


def test_a_company_is_adopted_by_its_domain(api):
    api.import_csv("companies", "name,domain\nAcme,acme.com\n")
    assert api.import_csv(
        "companies", csv_of(row("companies", name="Acme Inc", domain="www.acme.com")), UPSERT
    ) == result(1)
    assert Company.objects.values_list("name", "domain", "external_id").get() == ("Acme Inc", "www.acme.com", "501")


@pytest.mark.parametrize("names", ["name,external_id\nTwin,1\nTwin,2\n", "name\nTwin\n"])
def test_a_new_company_without_a_domain_is_none_of_those_that_have_none_either(api, names):
    api.import_csv("companies", names, KEEP)
    api.import_csv("companies", "name\nLonely\n")
    assert api.import_csv("companies", "name,external_id\nNew,3\n", f"{UPSERT}&{KEEP}") == result(1)
    assert list(Company.objects.order_by("id").values_list("name", flat=True))[-2:] == ["Lonely", "New"]
    error = "Row 2: Company with external_id '4' not found"
    assert api.import_csv("companies", "name,external_id\nOther,4\n", f"{UPDATE}&{KEEP}") == result(0, error)


@pytest.mark.parametrize("entity", ["companies", "deals"])
def test_a_name_that_the_row_before_has_adopted_is_kept_beside_it(api, entity):
    api.import_csv(entity, "name\nAcme\n")
    assert api.import_csv(entity, "name,external_id\nAcme,1\nAcme,2\n", f"{UPSERT}&{KEEP}") == result(2)
    assert counts() == {"create": 1, "update": 1}
    assert ids(MODELS[entity]) == [("", "1"), ("", "2")]


def test_several_of_a_name_are_ambiguous_unless_they_have_ids_of_the_same_program(api):
    api.import_csv("companies", csv_of(row("companies", "1"), row("companies", "2")), KEEP)
    content = csv_of(row("companies", "3", source="pipedrive"))
    assert api.import_csv("companies", content, UPSERT) == result(
        0, "Row 2: Company 'Acme' matches more than one record"
    )
    assert api.import_csv("companies", csv_of(row("companies", "3")), f"{UPSERT}&{KEEP}") == result(1)


# --- rows without an id --------------------------------------------------------------------------------------------


@ENTITIES
def test_a_row_without_an_id_goes_by_its_name(api, entity):
    api.import_csv(entity, csv_of(row(entity)))
    plain = row(entity, "", "")
    assert api.import_csv(entity, csv_of(plain), UPSERT) == result(1)
    assert (ids(MODELS[entity]), counts()) == ([("hubspot", "501")], {"unchanged": 1})


def test_a_name_is_not_changed_by_a_row_without_an_id(api):
    api.import_csv("companies", csv_of(row("companies")))
    content = csv_of(row("companies", "", "pipedrive", name="ACME", city="Rome"))
    assert api.import_csv("companies", content, UPSERT) == result(1)
    assert Company.objects.values_list("name", "city", "external_source").get() == ("Acme", "Rome", "hubspot")


def test_a_row_without_an_id_and_a_name_is_an_error(api):
    assert api.import_csv("contacts", "external_id,email,city\n,,Rome\n", UPDATE) == result(
        0, "Row 2: Required field 'email' is empty"
    )
    assert api.import_csv("contacts", "external_id,email\n,a@x.com\n", UPDATE) == result(
        0, "Row 2: Contact 'a@x.com' not found"
    )


@pytest.mark.parametrize("mode", [UPDATE, UPSERT])
def test_a_source_without_an_id_is_never_given_to_a_record(api, mode):
    """Not even where the file has no ids of its own, and the source is that of its references."""
    companies = [row("companies", "1", "hubspot", name="Acme"), row("companies", "1", "zoho", name="Globex", domain="")]
    api.import_csv("companies", csv_of(*companies))
    api.import_csv("contacts", csv_of(row("contacts", "12", "pipedrive")))
    assert api.import_csv("companies", "name,external_source\nAcme,zoho\n", mode) == result(1)
    content = f"email,external_source,company_external_id\n{GOOD['contacts']['email']},hubspot,1\n"
    assert api.import_csv("contacts", content, mode) == result(1)
    assert ids(Company) == [("hubspot", "1"), ("zoho", "1")]
    assert (ids(Contact), Contact.objects.get().company.name) == ([("pipedrive", "12")], "Acme")


def test_the_program_of_a_file_without_ids_is_never_given_to_a_record(api):
    api.import_csv("companies", csv_of(row("companies", "901")))
    api.import_csv("contacts", csv_of(row("contacts", "12", "pipedrive")))
    content = f"Email,Associated Company IDs (Primary)\n{GOOD['contacts']['email']},901\n"
    assert api.import_csv("contacts", content, f"{UPDATE}&source=hubspot") == result(1)
    assert (ids(Contact), Contact.objects.get().company.external_id) == ([("pipedrive", "12")], "901")


@pytest.mark.parametrize("rows", ["1,A,B,nope\n", ",A,B,nope\n"])
def test_a_required_cell_that_was_left_blank_is_told_for_what_it_was(api, rows):
    content = f"external_id,first_name,last_name,email\n{rows}"
    assert api.import_csv("contacts", content, f"{UPSERT}&invalid=blank") == result(
        0, "Row 2: Invalid email format 'nope'"
    )


@pytest.mark.parametrize("match_on", ["external_id", "email"])
@pytest.mark.parametrize("column", ["external_id", "external_source"])
def test_an_id_that_is_to_be_cleared_is_an_error(api, match_on, column):
    api.import_csv("contacts", csv_of(row("contacts")))
    content = csv_of(row("contacts", **{column: "[none]"}))
    assert api.import_csv("contacts", content, f"{UPDATE}&match_on={match_on}&clear_marker=[none]") == result(
        0, f"Row 2: Required field '{column}' is empty"
    )


def test_a_reference_by_id_is_cleared(api):
    api.import_csv("companies", csv_of(row("companies", "1")))
    api.import_csv("contacts", csv_of(row("contacts", company_external_id="1")))
    content = "external_source,external_id,company_external_id\nhubspot,501,[none]\n"
    assert api.import_csv("contacts", content, f"{UPDATE}&clear_marker=[none]") == result(1)
    assert Contact.objects.get().company is None


# --- two rows of one record -----------------------------------------------------------------------------------------


@ENTITIES
@pytest.mark.parametrize("between", [0, 3300])
@pytest.mark.parametrize("stored", [True, False])
def test_of_two_rows_with_one_id_the_second_is_a_duplicate(api, entity, between, stored):
    if stored:
        api.import_csv(entity, csv_of(row(entity)))
    key = RESOURCES[entity].keys[0].column
    filler = [row(entity, "", "", **{key: f"f{n}@example.com"}) for n in range(between)]
    content = csv_of(row(entity), *filler, row(entity, **OTHER[entity]))
    assert api.import_csv(entity, content, UPSERT) == result(
        between + 1, f"Row {between + 3}: Duplicate {RESOURCES[entity].noun} with external_id '501'"
    )


@pytest.mark.parametrize("between", [0, 3300])
def test_a_row_by_name_of_a_record_that_an_earlier_row_has_by_id_is_a_duplicate(api, between):
    filler = [row("companies", "", "", name=f"F{n}") for n in range(between)]
    content = csv_of(row("companies"), *filler, row("companies", "", ""))
    assert api.import_csv("companies", content, UPSERT) == result(
        between + 1, f"Row {between + 3}: Duplicate company with name 'Acme'"
    )


# --- options ---------------------------------------------------------------------------------------------------------


def test_another_match_key_can_be_chosen(api):
    api.import_csv("contacts", csv_of(row("contacts")))
    content = csv_of(row("contacts", "502", phone="1"))
    assert api.import_csv("contacts", content, f"{UPDATE}&match_on=email") == result(1)
    assert (ids(Contact), Contact.objects.get().phone) == ([("hubspot", "502")], "1")
    api.import_csv("contacts", csv_of(row("contacts", "503", email="b@x.com")))
    assert api.import_csv("contacts", csv_of(row("contacts", "503")), f"{UPDATE}&match_on=email") == result(
        0, "Row 2: Duplicate contact with external_id '503'"
    )


def test_ids_can_be_demanded(api):
    response = api.post_file("companies", "name\nAcme\n", query=f"{UPSERT}&match_on=external_id")
    status, detail = problem(response)
    assert status == 400
    assert detail.startswith("Required column 'external_id' missing from the header.")


def test_a_file_without_ids_goes_by_its_names(api):
    api.import_csv("companies", csv_of(row("companies")))
    assert api.import_csv("companies", "name,city\nACME,Rome\n", UPSERT) == result(1)
    assert ImportRun.objects.order_by("created_at").last().options["match_on"] == "name"


def test_only_blanks_are_filled(api):
    api.import_csv("companies", csv_of(row("companies", city="Rome", country="")))
    content = csv_of(row("companies", name="Other", city="Paris", country="Italy"))
    assert api.import_csv("companies", content, f"{UPSERT}&blank=fill") == result(1)
    assert Company.objects.values_list("name", "city", "country").get() == ("Acme", "Rome", "Italy")


# --- plans, undos, row logs --------------------------------------------------------------------------------------------


@ENTITIES
def test_a_change_by_id_is_planned_told_and_undone(transactional_db, api, entity):
    api.import_csv(entity, csv_of(row(entity)))
    key = next(iter(OTHER[entity]))
    run = api.plan(entity, csv_of(row(entity, **OTHER[entity])), UPSERT)
    (told,) = api.look(f"imports/{run['id']}/rows")["results"]
    assert told["changes"] == {key: [GOOD[entity][key], OTHER[entity][key]]}
    assert api.post(f"imports/{run['id']}/apply").status_code == 200
    api.undo(run["id"])
    record = MODELS[entity].objects.get()
    assert getattr(record, key) == GOOD[entity][key]
    assert getattr(record, RESOURCES[entity].keys[0].stored) == GOOD[entity][key].lower()


def test_an_adoption_is_told_and_undone(transactional_db, api):
    api.import_csv("companies", "name\nAcme\n")
    run = api.plan("companies", csv_of(row("companies")), UPSERT)
    (told,) = api.look(f"imports/{run['id']}/rows")["results"]
    assert told["changes"] == {"external_source": ["", "hubspot"], "external_id": ["", "501"]}
    assert api.post(f"imports/{run['id']}/apply").status_code == 200
    api.undo(run["id"])
    assert ids(Company) == [("", "")]


def test_a_kept_name_is_undone(transactional_db, api):
    api.import_csv("companies", csv_of(row("companies", "1"), row("companies", "2", name="Globex")))
    run = api.plan("companies", csv_of(row("companies", "2")), f"{UPSERT}&{KEEP}")
    assert api.post(f"imports/{run['id']}/apply").status_code == 200
    assert list(Company.objects.order_by("id").values_list("name_slot", flat=True)) == ["", "hubspot 2"]
    api.undo(run["id"])
    assert list(Company.objects.order_by("id").values_list("name", "name_slot")) == [("Acme", ""), ("Globex", "")]


def test_a_plan_does_not_hold_if_somebody_else_got_the_id(transactional_db, api):
    api.import_csv("companies", "name\nAcme\nGlobex\n")
    run = api.plan("companies", csv_of(row("companies")), UPSERT)
    Company.objects.filter(name="Globex").update(external_source="hubspot", external_id="501")
    assert api.post(f"imports/{run['id']}/apply").status_code == 409
    assert Company.objects.get(name="Acme").external_id == ""
