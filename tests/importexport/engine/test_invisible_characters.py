"""Characters that nobody sees, by the API: trimmed at the ends of cells, ignored where cells are matched, else kept."""

import pytest

from crm.models import Company, Contact, Deal
from tests.support.api import one_row

MARK = "\u200e"
COMPANIES = ["Acme", "Acme\u200b", "\ufeffAcme", "Ac\u00adme"]


@pytest.mark.parametrize("cell", ["\u200b", "\ufeff", " \u200b\t\u2060 ", "\u202a\u202c"])
def test_a_cell_of_nothing_else_is_blank(api, cell):
    assert api.errors("contacts", one_row("contacts", first_name=cell)) == [
        "Row 2: Required field 'first_name' is empty"
    ]


@pytest.mark.parametrize(
    "cell", ["\u202a+49 30 1234\u202c", "\u200b +49 30 1234 \u200b", "\u00a0\ufeff+49 30 1234\u2069"]
)
def test_the_ends_of_a_cell_are_trimmed(api, cell):
    api.import_csv("contacts", one_row("contacts", phone=cell))
    assert Contact.objects.get().phone == "+49 30 1234"


@pytest.mark.parametrize(
    "text",
    ["می\u200cروم", "👩\u200d👩\u200d👧", "❤\ufe0f", "Ac\u00adme", "a\u200bb", "עב\u200fרית", "x\ufeffy\nz"],
    ids=ascii,
)
def test_inside_a_text_they_are_stored_byte_for_byte(api, text):
    api.import_csv("contacts", one_row("contacts", last_name=text, notes=f"{text} {text}", tags=f"{text},b"))
    contact = Contact.objects.get()
    assert (contact.last_name, contact.notes, contact.tags) == (text, f"{text} {text}", [text, "b"])
    exported = api.export("contacts")
    contact.delete()
    assert api.import_csv("contacts", exported)["imported"] == 1
    assert api.export("contacts") == exported


def test_four_kinds_of_one_company_are_one(api):
    assert api.import_csv("companies", "name\n" + "\n".join(COMPANIES)) == {
        "totalRows": 4,
        "imported": 1,
        "skipped": 3,
        "errors": [
            "Row 3: Duplicate company with name 'Acme'",
            "Row 4: Duplicate company with name 'Acme'",
            "Row 5: Duplicate company with name 'Ac\u00adme'",
        ],
    }


@pytest.mark.parametrize("name", COMPANIES, ids=ascii)
@pytest.mark.parametrize("stored", COMPANIES, ids=ascii)
def test_each_kind_of_a_company_refers_to_it(api, tenant, stored, name):
    company = Company.objects.create(tenant=tenant, name=stored)
    api.import_csv("contacts", one_row("contacts", company_name=name))
    assert Contact.objects.get().company == company


def test_a_missing_company_is_created_once(api):
    content = "first_name,last_name,email,company_name\n" + "".join(
        f"A,B,{n}@example.com,{name}\n" for n, name in enumerate(COMPANIES)
    )
    assert api.import_csv("contacts", content, "missing=create")["imported"] == 4
    assert Company.objects.get().contacts.count() == 4


def test_addresses_that_look_the_same_are_one_contact(api):
    content = "first_name,last_name,email\nA,B,ana@x.example\nA,B,ana@x.example\u200b\nA,B,a\u200bna@x.ex\u00adample\n"
    assert api.errors("contacts", content) == [
        "Row 3: Duplicate contact with email 'ana@x.example'",
        "Row 4: Duplicate contact with email 'a\u200bna@x.ex\u00adample'",
    ]


@pytest.mark.parametrize(
    ("entity", "column", "cell", "stored"),
    [
        ("deals", "expected_close_date", "\u200e2025-06-15", "2025-06-15"),
        ("deals", "expected_close_date", "2025\u200e-06\u200e-15", "2025-06-15"),
        ("activities", "due_date", "\u200e2025\u200e-\u200e06\u200e-\u200e15\u200e", "2025-06-15"),
        ("activities", "scheduled_at", "2025\u200e-06\u200e-15 14\u200e:30", "2025-06-15T14:30:00Z"),
        ("deals", "value", "12\u200b34.5", "1234.50"),
        ("deals", "probability", "\u206010\u2060", "10"),
        ("companies", "employee_count", "4\u00ad2", "42"),
        ("deals", "currency", "E\u200bUR", "EUR"),
    ],
    ids=ascii,
)
def test_dates_numbers_and_currencies_are_read_without_them(api, entity, column, cell, stored):
    assert api.errors(entity, one_row(entity, **{column: cell})) == []
    assert api.rows(entity)[0][column] == stored


def test_a_marked_cell_that_is_wrong_is_echoed_as_it_is(api):
    assert api.errors("deals", one_row("deals", currency="D\u200bEM")) == ["Row 2: Invalid currency value 'D\u200bEM'"]


def test_files_joined_with_marks_in_the_middle(api):
    head = "\ufeffname,domain\r\n"
    assert api.import_csv("companies", head + "Acme,acme.com\r\n\ufeffGlobex,globex.com\r\n")["imported"] == 2
    assert [row["name"] for row in api.rows("companies")] == ["Acme", "Globex"]


def test_a_stage_is_found_and_a_deal_is_the_same(api):
    content = "name,stage_name\nBig,Propo\u200bsal\nB\u00adig,\n"
    assert api.errors("deals", content) == ["Row 3: Duplicate deal with name 'B\u00adig'"]
    assert Deal.objects.get().stage.name == "Proposal"


def test_an_upsert_finds_its_record(api, tenant):
    Contact.objects.create(tenant=tenant, first_name="Ana", last_name="B", email="a\u200bna@x.example")
    api.import_csv("contacts", "email,phone\n\u202aana@x.example\u202c,1\n", "mode=update")
    assert Contact.objects.get().phone == "1"
