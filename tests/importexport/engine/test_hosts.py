"""Addresses and domains by the API: what is refused, and what is the same record by its host."""

import tracemalloc

import pytest

from crm.models import Company, Contact
from importexport.columns.widgets import Email
from tests.support.api import one_row

UMLAUT, PUNYCODE = "info@köln.example", "info@xn--kln-sna.example"
TOO_LONG = "Row 2: Value too long in 'email' (maximum 254 characters)"


@pytest.mark.parametrize(
    "cell",
    [
        '"ada@example.com"', "'ada@example.com'", "ada@“example”.com", "ada@example。com", "ada@example．com",
        "ada@example｡com", "ada@exam\u2028ple.com", "ada\u2029@example.com", "ada＠example.com", "ada@ex‐ample.com",
        "ada@ex–ample.com", "ada@[192.0.2.1]", "ada@exam ple.com", "ada@ex\u00a0ample.com", "ada@-example.com",
        "ada@exämple-.com",
    ],
    ids=ascii,
)  # fmt: skip
def test_what_is_no_address_is_refused(api, cell):
    shown = cell.removeprefix("'") if cell.startswith("'=") else cell
    assert api.errors("contacts", one_row("contacts", email=cell)) == [f"Row 2: Invalid email format '{shown}'"]


@pytest.mark.parametrize("address", [UMLAUT, PUNYCODE, "INFO@KÖLN.EXAMPLE", "info@пример.рф", "a@paral·lel.cat"])
def test_an_internationalised_address_is_stored_as_given(api, address):
    assert api.errors("contacts", one_row("contacts", email=address)) == []
    assert Contact.objects.get().email == address


@pytest.mark.parametrize("second", [PUNYCODE, "Info@KÖLN.example", "info@XN--KLN-SNA.example"])
def test_both_forms_of_an_address_are_one_contact(api, second):
    content = f"first_name,last_name,email\nA,B,{UMLAUT}\nA,B,{second}\n"
    assert api.errors("contacts", content) == [f"Row 3: Duplicate contact with email '{second}'"]


@pytest.mark.parametrize(("stored", "given"), [(UMLAUT, PUNYCODE), (PUNYCODE, "INFO@KÖLN.EXAMPLE")])
def test_an_address_finds_its_contact_in_either_form(api, tenant, stored, given):
    contact = Contact.objects.create(tenant=tenant, first_name="A", last_name="B", email=stored)
    assert api.import_csv("contacts", f"email,phone\n{given},1\n", "mode=update&match_on=email")["imported"] == 1
    assert api.import_csv("deals", one_row("deals", contact_email=given))["imported"] == 1
    contact.refresh_from_db()
    assert (contact.phone, contact.email, contact.deals.count()) == ("1", stored, 1)


def test_a_malformed_address_finds_nobody(api, tenant):
    Contact.objects.create(tenant=tenant, first_name="A", last_name="B", email="a@example.com")
    assert api.errors("deals", one_row("deals", contact_email="a@example。com")) == [
        "Row 2: Contact 'a@example。com' not found"
    ]


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("a@" + "a." * 500_000 + "com", TOO_LONG),
        ("a@" + "a." * 500_000, "Row 2: Invalid email format 'a@" + "a." * 49 + "'"),
        ("ö@" + "ö." * 500_000 + "com", "Row 2: Invalid email format 'ö@" + "ö." * 49 + "'"),
        ("x" * 251 + "@b.de", TOO_LONG),
    ],
    ids=["address", "no address", "letters", "just too long"],
)
def test_a_long_cell_is_refused_in_one_sentence(api, cell, error):
    assert api.errors("contacts", one_row("contacts", email=cell)) == [error]


@pytest.mark.parametrize("end", ["com", "", "-"])
def test_a_cell_as_long_as_a_file_takes_no_memory_to_refuse(end):
    cells = ["a@" + "a." * 5_000_000 + end, "a." * 5_000_000 + end, "a@" + "a-" * 5_000_000 + end]
    tracemalloc.start()
    _, wrong = Email(254).clean_column(cells, column="email")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sorted(wrong) == [0, 1, 2]
    assert peak < 32 * 1024 * 1024


def test_the_longest_address_is_stored(api):
    address = "x" * 249 + "@b.de"
    assert api.errors("contacts", one_row("contacts", email=address)) == []


DOMAINS = [
    "acme.com", "https://www.Acme.com/about", "acme.com.", "ACME.COM:443", "www.acme.com", "//acme.com",
    "http://me:secret@acme.com/?x#y",
]  # fmt: skip


@pytest.mark.parametrize("given", DOMAINS)
@pytest.mark.parametrize("stored", ["acme.com", "https://www.acme.com"])
def test_domains_of_one_host_are_one_company(api, stored, given):
    content = f'name,domain\nAcme,{stored}\nOther,"{given}"\n'
    assert api.errors("companies", content) == [f"Row 3: Duplicate company with domain '{given}'"]
    assert Company.objects.get().domain == stored


def test_a_domain_in_both_forms_is_one(api):
    content = "name,domain\nA,köln.example\nB,https://xn--kln-sna.example/\n"
    assert api.errors("companies", content) == ["Row 3: Duplicate company with domain 'https://xn--kln-sna.example/'"]


@pytest.mark.parametrize(
    "texts", [("shop.acme.com", "acme.com"), ("n/a", "n/b"), ("acme.com, x.de", "acme.com"), ("a_b.com", "ab.com")]
)
def test_other_domains_are_other_companies(api, texts):
    content = 'name,domain\nA,"{}"\nB,"{}"\n'.format(*texts)
    assert api.errors("companies", content) == []


@pytest.mark.parametrize("given", DOMAINS)
def test_a_company_is_found_by_the_host_of_its_domain(api, tenant, given):
    company = Company.objects.create(tenant=tenant, name="Acme", domain="acme.com")
    content = f'domain,city\n"{given}",Berlin\n'
    assert api.import_csv("companies", content, "mode=update&match_on=domain")["imported"] == 1
    company.refresh_from_db()
    assert (company.city, company.domain) == ("Berlin", "acme.com")


def test_a_domain_that_another_company_has_by_its_host_cannot_be_given(api, tenant):
    Company.objects.create(tenant=tenant, name="Acme", domain="acme.com")
    Company.objects.create(tenant=tenant, name="Globex")
    content = "name,domain\nGlobex,https://acme.com\n"
    assert api.import_csv("companies", content, "mode=update")["errors"] == [
        "Row 2: Duplicate company with domain 'https://acme.com'"
    ]


def test_a_domain_in_another_spelling_replaces_the_stored_one(api, tenant):
    company = Company.objects.create(tenant=tenant, name="Acme", domain="acme.com")
    api.import_csv("companies", "name,domain\nAcme,https://www.acme.com\n", "mode=update")
    company.refresh_from_db()
    assert (company.domain, company.domain_key) == ("https://www.acme.com", "acme.com")
