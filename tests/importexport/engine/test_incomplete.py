"""Rows that lack what a new record otherwise requires."""

import pytest

from crm.models import Activity, Company, Contact
from importexport.models import ImportRun

ACCEPT = "incomplete=accept"
NOBODY = "A contact needs a first name, last name, e-mail, phone, mobile or company"


def result(imported, *errors):
    return {"totalRows": imported + len(errors), "imported": imported, "skipped": len(errors), "errors": list(errors)}


# --- contacts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "cell"),
    [("first_name", "Ada"), ("last_name", "Lovelace"), ("email", "ada@x.com"), ("phone", "1"), ("mobile", "2"),
     ("company_name", "Acme")],
)  # fmt: skip
def test_one_of_six_is_enough(api, tenant, column, cell):
    Company.objects.create(tenant=tenant, name="Acme")
    assert api.import_csv("contacts", f"{column},city\n{cell},London\n,Paris\n", ACCEPT) == result(
        1, f"Row 3: {NOBODY}"
    )
    assert Contact.objects.get().city == "London"
    assert ImportRun.objects.get().options == {"mode": "create", "missing": "reject", "incomplete": "accept"}


def test_the_row_that_names_nobody_has_a_code(api):
    api.import_csv("contacts", "city\nParis\n", ACCEPT)
    (row,) = api.look(f"imports/{ImportRun.objects.get().pk}/rows")["results"]
    assert (
        row["errors"] == [{"column": None, "code": "incomplete", "message": NOBODY}]
        or row["errors"][0]["code"] == "incomplete"
    )


def test_what_is_given_must_be_right(api):
    content = "first_name,email,company_name,phone\nAda,nobody,,\n,,Nowhere,\nEve,,,#N/A\n"
    assert api.import_csv("contacts", content, ACCEPT) == result(
        0,
        "Row 2: Invalid email format 'nobody'",
        "Row 3: Company 'Nowhere' not found",
        "Row 4: Spreadsheet error value '#N/A' in 'phone'",
    )


def test_contacts_without_an_address_are_never_duplicates(api):
    content = "first_name,email\nAda,\nAda,\nEve,eve@x.com\nEve,EVE@x.com\n"
    assert api.import_csv("contacts", content, ACCEPT) == result(3, "Row 5: Duplicate contact with email 'EVE@x.com'")
    assert list(Contact.objects.order_by("id").values_list("email_key", flat=True)) == [None, None, "eve@x.com"]


def test_a_company_that_is_created_is_enough(api):
    assert api.import_csv("contacts", "company_name\nNew\n", f"{ACCEPT}&missing=create") == result(1)
    assert str(Contact.objects.get()) == "New"


def test_incomplete_contacts_are_exported_and_come_in_again(api):
    api.import_csv("contacts", "last_name,phone\nLovelace,\n,1\n", ACCEPT)
    exported = api.export("contacts")
    Contact.objects.all().delete()
    assert api.import_csv("contacts", exported, ACCEPT) == result(2)
    assert api.export("contacts") == exported
    assert api.import_csv("contacts", exported)["skipped"] == 2


def test_without_the_option_all_three_are_required(api):
    assert api.import_csv("contacts", "first_name,last_name,email\nAda,,\n") == result(
        0, "Row 2: Required field 'last_name' is empty; Required field 'email' is empty"
    )
    status, detail = api.failure("contacts", "phone\n1\n")
    assert status == 400
    assert detail.startswith("Required columns 'first_name', 'last_name', 'email' missing")


def test_an_upsert_creates_whom_no_address_tells_apart(api):
    content = "first_name,email,phone\nAda,ada@x.com,1\nEve,,2\n,,\n"
    api.import_csv("contacts", "first_name,last_name,email\nAda,L,ada@x.com\n")
    assert api.import_csv("contacts", content, f"mode=upsert&{ACCEPT}") == result(2)
    assert list(Contact.objects.order_by("id").values_list("last_name", "phone")) == [("L", "1"), ("", "2")]


def test_an_update_needs_the_key(api):
    assert api.import_csv("contacts", "first_name,email\nEve,\n", f"mode=update&{ACCEPT}") == result(
        0, "Row 2: Required field 'email' is empty"
    )


def test_an_update_of_little_is_accepted(api):
    api.import_csv("contacts", "first_name,last_name,email\nAda,L,ada@x.com\n")
    assert api.import_csv("contacts", "email,city\nada@x.com,Rome\n", f"mode=update&{ACCEPT}") == result(1)
    assert Contact.objects.get().city == "Rome"


def test_an_undo_of_incomplete_contacts(transactional_db, api):
    api.import_csv("contacts", "first_name\nAda\nEve\n", ACCEPT)
    undo = api.undo(ImportRun.objects.get().pk)
    assert not Contact.objects.exists()
    api.undo(undo["id"])
    assert Contact.objects.count() == 2


# --- activities --------------------------------------------------------------------------------------------------


def test_an_activity_without_a_subject_gets_its_type(api):
    content = "activity_type,subject,body\nCall,,One\nmeeting, ,Two\ntask,Do,\nfax,,\n"
    assert api.import_csv("activities", content, ACCEPT) == result(3, "Row 5: Invalid activity_type value 'fax'")
    assert list(Activity.objects.order_by("id").values_list("subject", "subject_key")) == [
        ("call", "call"), ("meeting", "meeting"), ("Do", "do"),
    ]  # fmt: skip


def test_an_activity_file_needs_no_subjects(api):
    assert api.import_csv("activities", "activity_type\ncall\ncall\n", ACCEPT) == result(
        1, "Row 3: Duplicate activity with subject 'call'"
    )


def test_an_activity_needs_its_type(api):
    assert api.import_csv("activities", "activity_type,body\n,x\n", ACCEPT) == result(
        0, "Row 2: Required field 'activity_type' is empty"
    )


def test_an_upsert_finds_an_activity_by_the_type_that_is_its_subject(api):
    content = "activity_type,priority\ncall,{}\n"
    assert api.import_csv("activities", content.format("low"), f"mode=upsert&{ACCEPT}") == result(1)
    assert api.import_csv("activities", content.format("high"), f"mode=upsert&{ACCEPT}") == result(1)
    assert Activity.objects.get().priority == "high"


# --- the other entities, the shell ---------------------------------------------------------------------------------


@pytest.mark.parametrize("entity", ["companies", "deals"])
def test_companies_and_deals_still_need_their_names(api, entity):
    assert api.import_csv(entity, "name,notes\n,x\n", ACCEPT) == result(0, "Row 2: Required field 'name' is empty")


def test_an_unknown_value_is_named(api):
    response = api.post_file("contacts", "x\n", query="incomplete=yes")
    assert (response.status_code, response.json()["detail"]) == (
        400, "Unknown incomplete 'yes'. Expected one of: reject, accept.",
    )  # fmt: skip
