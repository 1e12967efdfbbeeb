"""Rows imported through the API: what is stored, and which errors reject a row."""

import pytest

from crm.models import Company, Contact, Deal, Pipeline, Stage
from tests.support.api import one_row

LONG = "x" * 101


@pytest.mark.parametrize(
    ("entity", "cells", "error"),
    [
        ("contacts", {"first_name": ""}, "Required field 'first_name' is empty"),
        ("contacts", {"last_name": "  \t"}, "Required field 'last_name' is empty"),
        ("contacts", {"email": " "}, "Required field 'email' is empty"),
        ("companies", {"name": "", "city": "Berlin"}, "Required field 'name' is empty"),
        ("deals", {"name": "", "notes": "x"}, "Required field 'name' is empty"),
        ("activities", {"activity_type": ""}, "Required field 'activity_type' is empty"),
        ("activities", {"subject": ""}, "Required field 'subject' is empty"),
        ("contacts", {"email": "not-an-email"}, "Invalid email format 'not-an-email'"),
        ("contacts", {"email": "a b@example.com"}, "Invalid email format 'a b@example.com'"),
        ("contacts", {"email": "x@example..com"}, "Invalid email format 'x@example..com'"),
        ("contacts", {"email": "x" * 150 + "@"}, f"Invalid email format '{'x' * 100}'"),
        ("contacts", {"email": "a@" + "b." * 130 + "com"}, "Value too long in 'email' (maximum 254 characters)"),
        ("contacts", {"lifecycle_stage": "prospect"}, "Invalid lifecycle_stage value 'prospect'"),
        ("activities", {"activity_type": "fax"}, "Invalid activity_type value 'fax'"),
        ("activities", {"status": "done-ish"}, "Invalid status value 'done-ish'"),
        ("activities", {"priority": "huge"}, "Invalid priority value 'huge'"),
        ("deals", {"currency": "ZZZ"}, "Invalid currency value 'ZZZ'"),
        ("deals", {"currency": "DEM"}, "Invalid currency value 'DEM'"),
        ("deals", {"currency": "U SD"}, "Invalid currency value 'U SD'"),
        ("contacts", {"company_name": "Unknown Corp"}, "Company 'Unknown Corp' not found"),
        ("deals", {"contact_email": "a@b.com"}, "Contact 'a@b.com' not found"),
        ("deals", {"contact_email": "no-address"}, "Contact 'no-address' not found"),
        ("activities", {"deal_name": "X"}, "Deal 'X' not found"),
        ("deals", {"pipeline_name": "X"}, "Pipeline 'X' not found"),
        ("deals", {"pipeline_name": "X", "stage_name": "Y"}, "Pipeline 'X' not found"),
        ("deals", {"stage_name": "Y"}, "Stage 'Y' not found in pipeline 'Sales Pipeline'"),
        (
            "deals",
            {"stage_name": "Y", "pipeline_name": "sales  PIPELINE"},
            "Stage 'Y' not found in pipeline 'Sales Pipeline'",
        ),
        ("deals", {"expected_close_date": "15/06/2025"}, "Invalid date format in 'expected_close_date'"),
        ("deals", {"value": "$5"}, "Invalid number format in 'value'"),
        ("deals", {"value": "-1"}, "Value out of range in 'value'"),
        ("deals", {"value": "10000000000000000"}, "Value out of range in 'value'"),
        ("deals", {"probability": "101"}, "Value out of range in 'probability'"),
        ("deals", {"probability": "-1"}, "Value out of range in 'probability'"),
        ("deals", {"probability": "12.7"}, "Invalid number format in 'probability'"),
        ("companies", {"employee_count": "about 50"}, "Invalid number format in 'employee_count'"),
        ("companies", {"employee_count": "9" * 5000}, "Value out of range in 'employee_count'"),
        ("contacts", {"first_name": LONG}, "Value too long in 'first_name' (maximum 100 characters)"),
        ("contacts", {"notes": "x" * 10_001}, "Value too long in 'notes' (maximum 10000 characters)"),
        ("contacts", {"tags": f"ok,{'x' * 51}"}, "Value too long in 'tags' (maximum 50 characters)"),
        ("contacts", {"notes": "bell\x07"}, "Invalid character in 'notes'"),
        ("contacts", {"notes": "nul\x00"}, "Invalid character in 'notes'"),
        ("contacts", {"notes": "c1 \x80 x"}, "Invalid character in 'notes'"),
        ("contacts", {"notes": "non\ufffecharacter"}, "Invalid character in 'notes'"),
        ("contacts", {"tags": "a,b\x01c"}, "Invalid character in 'tags'"),
        ("contacts", {"company_name": "a\x00b"}, "Company 'a\x00b' not found"),
        ("contacts", {"company_name": "ü" * 150}, f"Company '{'ü' * 100}' not found"),
        ("companies", {"website": "h" * 256}, "Value too long in 'website' (maximum 255 characters)"),
        ("companies", {"postal_code": "1" * 21}, "Value too long in 'postal_code' (maximum 20 characters)"),
    ],
)
def test_a_wrong_cell_is_reported_with_its_row(api, entity, cells, error):
    assert api.import_csv(entity, one_row(entity, **cells)) == {
        "totalRows": 1,
        "imported": 0,
        "skipped": 1,
        "errors": [f"Row 2: {error}"],
    }


def test_several_errors_are_joined_in_the_templates_order(api):
    content = "email,notes,first_name,last_name,lifecycle_stage\nnope,\x07,,Ada,hot\n"
    assert api.errors("contacts", content) == [
        "Row 2: Required field 'first_name' is empty; Invalid email format 'nope';"
        " Invalid lifecycle_stage value 'hot'; Invalid character in 'notes'"
    ]


def test_good_rows_are_imported_despite_bad_ones(api):
    content = (
        "first_name,last_name,email\nAda,Lovelace,ada@example.com\nX,,x@example.com\nAlan,Turing,alan@example.com\n"
    )
    assert api.import_csv("contacts", content) == {
        "totalRows": 3,
        "imported": 2,
        "skipped": 1,
        "errors": ["Row 3: Required field 'last_name' is empty"],
    }
    assert [row["email"] for row in api.rows("contacts")] == ["ada@example.com", "alan@example.com"]


def test_blank_rows_keep_their_number_and_are_not_counted(api):
    content = 'name\nAcme\n\n  \n""\nacme\n'
    assert api.import_csv("companies", content) == {
        "totalRows": 2,
        "imported": 1,
        "skipped": 1,
        "errors": ["Row 6: Duplicate company with name 'acme'"],
    }


def test_a_record_with_line_breaks_is_one_row(api):
    assert api.errors("companies", 'name,notes\nAcme,"a\nb\nc"\n,x\n') == ["Row 3: Required field 'name' is empty"]


def test_too_many_cells_are_the_only_error_of_a_row(api):
    assert api.errors("contacts", "first_name,last_name,email\nAda,Lovelace,nope,extra\n") == [
        "Row 2: Expected 3 columns, found 4"
    ]


def test_surplus_cells_that_are_empty_are_ignored(api):
    assert api.import_csv("companies", "name\nAcme,, \n")["imported"] == 1


def test_missing_cells_are_blank(api):
    assert api.errors("contacts", "first_name,last_name,email\nAda\n") == [
        "Row 2: Required field 'last_name' is empty; Required field 'email' is empty"
    ]


@pytest.mark.parametrize("spelling", ["Closed Won", "closed-won", "CLOSED_WON", "closedwon"])
def test_stages_match_by_name(api, spelling):
    # Stages are matched by name, which ignores only case and white space.
    api.import_csv("deals", one_row("deals", stage_name=spelling))
    stored = Deal.objects.filter(stage__name="Closed Won").count()
    assert stored == (1 if spelling == "Closed Won" else 0)


@pytest.mark.parametrize("spelling", ["customer", "CUSTOMER", " Cust omer ", "cust-o_mer"])
def test_choices_match_whatever_case_spaces_and_hyphens(api, spelling):
    api.import_csv("contacts", one_row("contacts", lifecycle_stage=spelling))
    assert Contact.objects.get().lifecycle_stage == "customer"


@pytest.mark.parametrize("spelling", ["ACME", "  acme ", "aCmE"])
def test_references_match_by_folded_name(api, spelling):
    api.import_csv("companies", one_row("companies", name="Acme"))
    api.import_csv("contacts", one_row("contacts", company_name=spelling))
    assert Contact.objects.get().company.name == "Acme"


def test_folding_follows_unicode(api):
    api.import_csv("companies", one_row("companies", name="Straße  Jose\u0301"))
    assert api.errors("companies", one_row("companies", name="STRASSE JOSÉ")) == [
        "Row 2: Duplicate company with name 'STRASSE JOSÉ'"
    ]
    assert Company.objects.get().name == "Straße  José"


def test_a_formula_mark_is_removed_first(api):
    api.import_csv("contacts", one_row("contacts", first_name="'=1+1", last_name="'+ 5 ", title="''=x", notes="'tis"))
    contact = Contact.objects.get()
    assert (contact.first_name, contact.last_name, contact.title, contact.notes) == ("=1+1", "+ 5", "'=x", "'tis")


def test_line_ends_inside_a_cell_are_stored_as_lf(api):
    api.import_csv("contacts", one_row("contacts", notes="a\r\nb\rc\nd"))
    assert Contact.objects.get().notes == "a\nb\nc\nd"


def test_texts_are_stored_whole(api):
    cells = {"first_name": "null", "last_name": "None", "title": "<b>VP</b>", "postal_code": "00123", "phone": "0049"}
    api.import_csv("contacts", one_row("contacts", **cells))
    contact = Contact.objects.get()
    assert {name: getattr(contact, name) for name in cells} == cells


def test_cells_of_a_hundred_thousand_characters_are_rejected_one_by_one(api):
    cells = dict.fromkeys(("first_name", "last_name", "email", "phone", "tags", "notes"), "x" * 100_000)
    (message,) = api.errors("contacts", one_row("contacts", **cells))
    assert message.count("; ") == 5


def test_tags_keep_their_order_without_repeats(api):
    api.import_csv("contacts", one_row("contacts", tags='vip, b "quoted" ,,vip,back\\slash,{x}'))
    assert Contact.objects.get().tags == ["vip", 'b "quoted"', "back\\slash", "{x}"]


def test_defaults_of_blank_cells(api):
    api.import_csv("contacts", one_row("contacts"))
    api.import_csv("deals", one_row("deals"))
    content = "activity_type,subject,completed_at\ncall,A,2025-01-01\ncall,B,\n"
    api.import_csv("activities", content)
    assert api.rows("contacts")[0]["lifecycle_stage"] == "lead"
    assert api.rows("deals") == [
        {
            "name": "Big one",
            "currency": "USD",
            "probability": "10",
            "stage_name": "Lead",
            "pipeline_name": "Sales Pipeline",
        }
    ]
    assert [(row["status"], row["priority"]) for row in api.rows("activities")] == [
        ("completed", "normal"),
        ("pending", "normal"),
    ]


def test_a_blank_currency_is_that_of_the_tenant(api):
    api.tenant.currency = "EUR"
    api.tenant.save()
    api.import_csv("deals", "name,currency\nA,\nB,usd\n")
    assert [row["currency"] for row in api.rows("deals")] == ["EUR", "USD"]


def test_a_blank_probability_is_that_of_the_stage(api):
    api.import_csv("deals", "name,stage_name,probability\nA,proposal,\nB,Proposal,0\n")
    assert [row["probability"] for row in api.rows("deals")] == ["50", "0"]


@pytest.fixture
def renewals(tenant):
    pipeline = Pipeline.objects.create(tenant=tenant, name="Renewals")
    for position, name in enumerate(["Due", "Lead"]):
        Stage.objects.create(tenant=tenant, pipeline=pipeline, name=name, position=position, probability=33)
    return pipeline


def test_a_stage_without_a_pipeline_is_looked_for_in_the_default_first(api, renewals):
    api.import_csv("deals", "name,stage_name,pipeline_name\nA,Lead,\nB,Due,\nC,,renewals\nD,Lead,Renewals\n")
    assert [(row["pipeline_name"], row["stage_name"], row["probability"]) for row in api.rows("deals")] == [
        ("Sales Pipeline", "Lead", "10"),
        ("Renewals", "Due", "33"),
        ("Renewals", "Due", "33"),
        ("Renewals", "Lead", "33"),
    ]


def test_a_stage_in_several_other_pipelines_is_ambiguous(api, renewals):
    other = Pipeline.objects.create(tenant=api.tenant, name="Third")
    Stage.objects.create(tenant=api.tenant, pipeline=other, name="due")
    assert api.errors("deals", one_row("deals", stage_name="Due")) == [
        "Row 2: Stage 'Due' matches more than one record"
    ]


def test_deals_with_the_same_name_are_distinguished_by_company_then_contact(api, renewals):
    api.import_csv("companies", "name\nAcme\nGlobex\n")
    api.import_csv("contacts", "first_name,last_name,email\nA,A,a@example.com\nB,B,b@example.com\n")
    api.import_csv(
        "deals",
        "name,pipeline_name,company_name,contact_email\n"
        "X,,Acme,a@example.com\nX,Renewals,Globex,b@example.com\nY,,,a@example.com\nY,Renewals,,b@example.com\n",
    )
    result = api.import_csv(
        "activities",
        "activity_type,subject,deal_name,company_name,contact_email\n"
        "call,1,x,globex,\ncall,2,X,,A@example.com\ncall,3,Y,Acme,b@example.com\ncall,4,X,,\n",
    )
    assert result["errors"] == ["Row 5: Deal 'X' matches more than one record"]
    assert list(
        Deal.objects.filter(activities__isnull=False).order_by("activities__id").values_list("name", "pipeline__name")
    ) == [("X", "Renewals"), ("X", "Sales Pipeline"), ("Y", "Renewals")]


def test_references_never_leave_the_tenant(api, other_api):
    other_api.import_csv("companies", one_row("companies", name="Acme"))
    assert api.errors("contacts", one_row("contacts", company_name="Acme")) == ["Row 2: Company 'Acme' not found"]


@pytest.mark.parametrize(
    "number", ["1,234.5", "1e3", ".5", "5.", "１２", "NaN", "1.234", "0x10", "1 000", "+-1", "Infinity"]
)
def test_other_forms_of_a_number_are_format_errors(api, number):
    assert api.errors("deals", one_row("deals", value=number)) == ["Row 2: Invalid number format in 'value'"]


@pytest.mark.parametrize(
    ("number", "shown"),
    [("1234.5", "1234.50"), ("0", "0.00"), ("-0", "0.00"), ("+7", "7.00"), ("007.10", "7.10"), ("9" * 16 + ".99",) * 2],
)
def test_numbers_are_stored_exactly(api, number, shown):
    api.import_csv("deals", one_row("deals", value=number))
    assert api.rows("deals")[0]["value"] == shown


@pytest.mark.parametrize(
    "date",
    ["15/06/2025", "25-06-15", "2025-6-15", "2025-02-30", "2025-W24-7", "2025-166", "20250615", "next week",
     "2025-06-15T25:00", "2025-06-15T23:59:60Z", "0000-01-01", "2025-06-15T10:00+24:00", "2025-06-15 10",
     "2025-06-15T14:30:00.1234567Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "２025-06-15"],
)  # fmt: skip
def test_other_forms_of_a_date_are_errors(api, date):
    assert api.errors("activities", one_row("activities", scheduled_at=date, due_date=date)) == [
        "Row 2: Invalid date format in 'scheduled_at'; Invalid date format in 'due_date'"
    ]


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2025-06-15T14:30:00Z", "2025-06-15T14:30:00Z"),
        ("2025-06-15T16:30:00+02:00", "2025-06-15T14:30:00Z"),
        ("2025-06-15T10:30:00-0400", "2025-06-15T14:30:00Z"),
        ("2025-06-15 14:30", "2025-06-15T12:30:00Z"),
        ("2025-06-15T14:30:01.250Z", "2025-06-15T14:30:01.25Z"),
        ("2025-06-15T14:30:00.000Z", "2025-06-15T14:30:00Z"),
        ("2025-06-15", "2025-06-14T22:00:00Z"),
        ("0001-01-02", "0001-01-01T23:06:32Z"),
        ("2025-10-26T02:30", "2025-10-26T00:30:00Z"),
    ],
)
def test_times_without_an_offset_are_in_the_tenants_zone(api, moment, shown):
    api.tenant.timezone = "Europe/Berlin"
    api.tenant.save()
    api.import_csv("activities", one_row("activities", scheduled_at=moment))
    assert api.rows("activities")[0]["scheduled_at"] == shown


def test_a_time_that_the_zone_skips_is_an_error(api):
    api.tenant.timezone = "Europe/Berlin"
    api.tenant.save()
    assert api.errors("activities", one_row("activities", scheduled_at="2025-03-30T02:30")) == [
        "Row 2: Invalid date format in 'scheduled_at'"
    ]


def test_a_date_column_given_a_time_keeps_its_date_in_the_tenants_zone(api):
    api.tenant.timezone = "Asia/Tokyo"
    api.tenant.save()
    api.import_csv("deals", one_row("deals", expected_close_date="2025-06-15T20:00:00Z"))
    assert api.rows("deals")[0]["expected_close_date"] == "2025-06-16"


# --- duplicates ---------------------------------------------------------------------------------------------


def test_the_first_row_wins_and_the_message_echoes_the_row(api):
    content = "first_name,last_name,email\nA,A,john@acme.com\nB,B,John@ACME.com\n"
    assert api.errors("contacts", content) == ["Row 3: Duplicate contact with email 'John@ACME.com'"]
    assert api.errors("contacts", content) == [
        "Row 2: Duplicate contact with email 'john@acme.com'",
        "Row 3: Duplicate contact with email 'John@ACME.com'",
    ]


def test_companies_are_the_same_by_name_or_by_domain(api):
    content = "name,domain\nAcme,acme.com\nOther,ACME.com\nacme,other.com\nACME,acme.com\nA,\nB,\n"
    assert api.errors("companies", content) == [
        "Row 3: Duplicate company with domain 'ACME.com'",
        "Row 4: Duplicate company with name 'acme'",
        "Row 5: Duplicate company with name 'ACME'",
    ]


def test_a_rejected_row_claims_no_key(api):
    content = "name,domain,employee_count\nAcme,acme.com,many\nAcme,acme.com,5\n"
    assert api.errors("companies", content) == ["Row 2: Invalid number format in 'employee_count'"]


def test_a_row_rejected_as_a_duplicate_claims_no_key_either(api):
    content = "name,domain\nA,a.com\nB,a.com\nB,b.com\nC,b.com\n"
    assert api.errors("companies", content) == [
        "Row 3: Duplicate company with domain 'a.com'",
        "Row 5: Duplicate company with domain 'b.com'",
    ]


def test_deals_are_the_same_by_name_in_one_pipeline(api, renewals):
    content = "name,pipeline_name\nX,\nx,Renewals\n X ,Sales Pipeline\n"
    assert api.errors("deals", content) == ["Row 4: Duplicate deal with name 'X'"]


def test_activities_are_the_same_if_all_identifying_columns_match(api):
    content = "activity_type,subject,due_date\ncall,Hi,\ncall,hi,\nemail,Hi,\ncall,Hi,2025-01-01\ncall,Hi,2025-01-01\n"
    assert api.errors("activities", content) == [
        "Row 3: Duplicate activity with subject 'hi'",
        "Row 6: Duplicate activity with subject 'Hi'",
    ]


def test_duplicates_are_found_across_batches(api):
    lines = [f"A,B,c{i % 2500}@example.com" for i in range(5000)]
    result = api.import_csv("contacts", "first_name,last_name,email\n" + "\n".join(lines))
    assert (result["imported"], result["skipped"]) == (2500, 2500)
    assert result["errors"][0] == "Row 2502: Duplicate contact with email 'c0@example.com'"


def test_tenants_do_not_share_keys(api, other_api):
    content = one_row("contacts")
    assert api.import_csv("contacts", content)["imported"] == other_api.import_csv("contacts", content)["imported"] == 1
