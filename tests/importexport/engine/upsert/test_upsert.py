"""Update and upsert: matching records, changes, blank cells, and the creation of referenced records."""

import pytest

from crm.models import Company, Contact, Deal, Stage
from importexport.models import ImportRun
from tests.support.api import problem

UPDATE, UPSERT = "mode=update", "mode=upsert"


def result(imported, *errors):
    return {"totalRows": imported + len(errors), "imported": imported, "skipped": len(errors), "errors": list(errors)}


@pytest.fixture
def ada(tenant):
    return Contact.objects.create(
        tenant=tenant, first_name="Ada", last_name="Lovelace", email="Ada@Example.com", phone="1", tags=["a", "b"]
    )


def reloaded(record):
    record.refresh_from_db()
    return record


# --- mode -----------------------------------------------------------------------------------------------------


def test_an_update_changes_only_the_given_cells(api, ada):
    assert api.import_csv("contacts", "email,phone,city\nada@example.com,2,London\n", UPDATE) == result(1)
    assert (reloaded(ada).phone, ada.city, ada.first_name) == ("2", "London", "Ada")
    assert ada.updated_at != ada.created_at


def test_the_key_matches_and_does_not_change(api, ada):
    api.import_csv("contacts", "email,phone\nADA@EXAMPLE.COM,2\n", UPDATE)
    assert (reloaded(ada).email, ada.phone) == ("Ada@Example.com", "2")


def test_an_update_creates_nothing(api, ada):
    assert api.import_csv("contacts", "first_name,last_name,email\nA,B,new@example.com\n", UPDATE) == result(
        0, "Row 2: Contact 'new@example.com' not found"
    )
    assert Contact.objects.count() == 1


def test_an_upsert_updates_and_creates(api, ada):
    content = "first_name,last_name,email,phone\nAda,King,ada@example.com,\nAlan,Turing,alan@example.com,3\n"
    assert api.import_csv("contacts", content, UPSERT) == result(2)
    assert (reloaded(ada).last_name, ada.phone) == ("King", "1")
    assert Contact.objects.get(email="alan@example.com").phone == "3"
    run = ImportRun.objects.get()
    assert run.counts == {"create": 1, "unchanged": 0, "update": 1, "reject": 0}


def test_a_row_that_creates_a_record_needs_all_required_cells(api, ada):
    content = "email,phone\nada@example.com,2\nalan@example.com,3\n"
    assert api.import_csv("contacts", content, UPSERT) == result(
        1, "Row 3: Required field 'first_name' is empty; Required field 'last_name' is empty"
    )


def test_unchanged_records_are_not_written(api, ada):
    content = 'email,first_name,tags\nada@example.com,Ada,"a,b"\n'
    before = ada.updated_at
    assert api.import_csv("contacts", content, UPSERT) == result(1)
    assert reloaded(ada).updated_at == before
    assert ImportRun.objects.get().counts == {"create": 0, "unchanged": 1, "reject": 0}


@pytest.mark.parametrize("between", [0, 4500])
def test_two_rows_for_one_record_are_an_error(api, ada, between):
    filler = "".join(f"A,B,x{n}@example.com,\n" for n in range(between))
    content = "first_name,last_name,email,phone\nAda,L,ada@example.com,2\n" + filler + "Ada,L,ADA@example.com,3\n"
    assert api.import_csv("contacts", content, UPSERT) == result(
        between + 1, f"Row {between + 3}: Duplicate contact with email 'ADA@example.com'"
    )
    assert reloaded(ada).phone == "2"


@pytest.mark.parametrize("between", [0, 4500])
def test_two_rows_for_one_new_record_are_an_error(api, between):
    filler = "".join(f"A,B,x{n}@example.com,\n" for n in range(between))
    content = "first_name,last_name,email,phone\nAda,L,ada@example.com,2\n" + filler + "Ada,L,ADA@example.com,3\n"
    assert api.import_csv("contacts", content, UPSERT) == result(
        between + 1, f"Row {between + 3}: Duplicate contact with email 'ADA@example.com'"
    )
    assert Contact.objects.get(email="ada@example.com").phone == "2"


def test_a_rejected_row_does_not_count_as_a_match(api, ada):
    content = "email,lifecycle_stage,phone\nada@example.com,nonsense,2\nada@example.com,lead,3\n"
    assert api.import_csv("contacts", content, UPDATE) == result(1, "Row 2: Invalid lifecycle_stage value 'nonsense'")
    assert reloaded(ada).phone == "3"


def test_another_tenants_record_is_not_found(api, other_api, ada):
    assert other_api.import_csv("contacts", "email,phone\nada@example.com,2\n", UPDATE)["imported"] == 0
    assert reloaded(ada).phone == "1"


# --- match_on -------------------------------------------------------------------------------------------------


def test_companies_are_found_by_name_or_by_domain(api, tenant):
    acme = Company.objects.create(tenant=tenant, name="Acme", domain="acme.com")
    assert api.import_csv("companies", "name,domain,city\nACME,acme.org,Rome\n", UPDATE) == result(1)
    assert (reloaded(acme).name, acme.domain, acme.domain_key, acme.city) == ("Acme", "acme.org", "acme.org", "Rome")
    content = "name,domain\nAcme GmbH,ACME.org\n"
    assert api.import_csv("companies", content, f"{UPDATE}&match_on=domain") == result(1)
    assert (reloaded(acme).name, acme.name_key, acme.domain) == ("Acme GmbH", "acme gmbh", "acme.org")


def test_a_key_that_another_record_has_is_not_taken(api, tenant):
    Company.objects.create(tenant=tenant, name="Acme", domain="acme.com")
    Company.objects.create(tenant=tenant, name="Umbra", domain="umbra.com")
    Company.objects.create(tenant=tenant, name="Initech")
    content = "name,domain\nUmbra,ACME.com\nAcme,new.com\nInitech,new.com\n"
    assert api.import_csv("companies", content, UPSERT) == result(
        1,
        "Row 2: Duplicate company with domain 'ACME.com'",
        "Row 4: Duplicate company with domain 'new.com'",
    )


def test_a_row_without_the_key_cannot_be_matched(api):
    assert api.import_csv("companies", "name,domain\nAcme,\n", f"{UPSERT}&match_on=domain") == result(
        0, "Row 2: Required field 'domain' is empty"
    )


def test_deals_are_found_by_name_and_pipeline(api, tenant):
    api.import_csv("deals", "name,value,stage_name\nBig,10,Lead\n")
    assert api.import_csv("deals", "name,value,stage_name\nbig,20.5,Proposal\nSmall,1,\n", UPSERT) == result(2)
    assert (
        api.rows("deals")[0] | {"value": "20.50", "stage_name": "Proposal", "probability": "10"} == api.rows("deals")[0]
    )
    assert Deal.objects.count() == 2


def test_activities_are_found_by_all_columns_of_their_key(api, ada):
    head = "activity_type,subject,due_date,contact_email,body\n"
    api.import_csv("activities", head + "call,Hi,2025-06-15,ada@example.com,one\ncall,Hi,,,two\n")
    content = head + "call,hi,2025-06-15,ada@example.com,three\ncall,hi,,,four\ncall,hi,,ada@example.com,five\n"
    assert api.import_csv("activities", content, UPDATE) == result(2, "Row 4: Activity 'hi' not found")
    assert [row["body"] for row in api.rows("activities")] == ["three", "four"]


# --- blank ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "phone", "city"),
    [("", "1", "Rome"), ("&blank=keep", "1", "Rome"), ("&blank=clear", "", "Rome"), ("&blank=fill", "1", "Rome")],
)
def test_a_blank_cell_keeps_or_clears(api, ada, query, phone, city):
    api.import_csv("contacts", "email,phone,city\nada@example.com,,Rome\n", UPDATE + query)
    assert (reloaded(ada).phone, ada.city) == (phone, city)


def test_fill_only_changes_blank_values(api, ada):
    content = "email,phone,city,tags,lifecycle_stage\nada@example.com,2,Rome,c,customer\n"
    api.import_csv("contacts", content, f"{UPDATE}&blank=fill")
    assert (reloaded(ada).phone, ada.city, ada.tags, ada.lifecycle_stage) == ("1", "Rome", ["a", "b"], "lead")


def test_required_cells_cannot_be_cleared(api, ada):
    error = result(0, "Row 2: Required field 'first_name' is empty")
    assert api.import_csv("contacts", "email,first_name\nada@example.com,\n", f"{UPDATE}&blank=clear") == error


def test_an_absent_column_is_not_touched(api, ada):
    api.import_csv("contacts", "email,city\nada@example.com,\n", f"{UPDATE}&blank=clear")
    assert reloaded(ada).phone == "1"


@pytest.mark.parametrize(
    ("how", "cell", "tags"),
    [("replace", "c", ["c"]), ("add", "c,a", ["a", "b", "c"]), ("remove", "b,x", ["a"]), ("add", "", ["a", "b"])],
)
def test_tags_are_replaced_added_or_removed(api, ada, how, cell, tags):
    api.import_csv("contacts", f'email,tags\nada@example.com,"{cell}"\n', f"{UPDATE}&tags={how}")
    assert reloaded(ada).tags == tags


# --- missing --------------------------------------------------------------------------------------------------


def test_a_missing_company_is_created(api, tenant):
    content = "first_name,last_name,email,company_name\nA,B,a@example.com,Acme  Inc\nA,B,b@example.com,ACME inc\n"
    assert api.import_csv("contacts", content, "missing=create") == result(2)
    company = Company.objects.get()
    assert (company.name, company.contacts.count()) == ("Acme  Inc", 2)
    assert ImportRun.objects.get().references == {"companies": 1}


def test_a_rejected_row_creates_nothing(api):
    content = (
        "first_name,last_name,email,company_name\nA,B,nobody,Acme\nA,B,a@example.com,Umbra\nA,B,a@example.com,Initech\n"
    )
    api.import_csv("contacts", content, "missing=create")
    assert [company.name for company in Company.objects.all()] == ["Umbra"]
    assert ImportRun.objects.get().references == {"companies": 1}


def test_an_invalid_company_name_is_an_error(api):
    content = f"first_name,last_name,email,company_name\nA,B,a@example.com,{'x' * 201}\n"
    assert api.import_csv("contacts", content, "missing=create")["errors"] == [
        "Row 2: Value too long in 'company_name' (maximum 200 characters)"
    ]


def test_a_stage_is_created_in_the_named_pipeline(api, tenant):
    content = "name,stage_name,pipeline_name,probability\nA,Legal,Sales Pipeline,\nB,legal,sales pipeline,60\n"
    assert api.import_csv("deals", content, "missing=create") == result(2)
    stage = Stage.objects.get(name="Legal")
    assert (stage.probability, stage.position) == (10, 6)
    assert [deal.probability for deal in Deal.objects.order_by("name")] == [10, 60]


def test_contacts_are_not_created(api):
    assert api.import_csv("deals", "name,contact_email\nA,x@example.com\n", "missing=create")["errors"] == [
        "Row 2: Contact 'x@example.com' not found"
    ]


# --- options --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entity", "query", "detail"),
    [
        ("contacts", "mode=merge", "Unknown mode 'merge'. Expected one of: create, update, upsert."),
        ("contacts", "mode=update&match_on=phone", "Unknown match_on 'phone'. Expected one of: email, external_id."),
        ("companies", "mode=update&match_on=x", "Unknown match_on 'x'. Expected one of: name, domain, external_id."),
        ("contacts", "mode=update&blank=no", "Unknown blank 'no'. Expected one of: keep, clear, fill."),
        ("contacts", "mode=update&tags=x", "Unknown tags 'x'. Expected one of: replace, add, remove."),
        ("contacts", "missing=x", "Unknown missing 'x'. Expected one of: reject, create."),
        ("contacts", "dry_run=yes", "Unknown dry_run 'yes'. Expected one of: true, false."),
        ("contacts", "blank=clear", "'blank' means nothing with mode 'create'."),
        ("companies", "mode=create&match_on=domain", "'match_on' means nothing with mode 'create'."),
        ("deals", "mode=update&tags=add", "'tags' means nothing for deals."),
        ("contacts", "mode=update&mode=upsert", "The query parameter 'mode' is given more than once."),
        ("contacts", "Mode=update", "Unknown query parameter 'Mode' (did you mean 'mode'?)."),
    ],
)
def test_an_invalid_option_is_an_error(api, entity, query, detail):
    assert problem(api.post_file(entity, "x\n", query=query)) == (400, detail)
    assert not ImportRun.objects.exists()


def test_a_dry_run_reports_and_stores_nothing(api, ada):
    content = "first_name,last_name,email,phone\nA,B,new@example.com,\nA,B,ada@example.com,2\nA,B,x,\n"
    said = api.import_csv("contacts", content, f"{UPSERT}&dry_run=true")
    assert said == result(2, "Row 4: Invalid email format 'x'")
    assert (reloaded(ada).phone, Contact.objects.count(), ImportRun.objects.count()) == ("1", 1, 0)
    assert api.import_csv("contacts", content, f"{UPSERT}&dry_run=false") == said
