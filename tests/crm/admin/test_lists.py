"""Search by the beginnings of words, and counts that cost nothing."""

import pytest
from django.db import connection

from crm.admin.lists import EstimatingPaginator, search
from crm.models import Company, Contact
from crm.models.tenant import create_tenant

PREFIXES = ("email_key", "first_name", "last_name")


@pytest.fixture
def tenant(db):
    return create_tenant(slug="acme", name="Acme Inc")


def people(tenant, *names):
    for number, name in enumerate(names):
        first, _, last = name.partition(" ")
        Contact.objects.create(
            tenant=tenant, first_name=first, last_name=last, email=f"c{number}@{last.lower()}.example"
        )


def found(tenant, text):
    contacts = search(Contact.objects.filter(tenant=tenant), text, PREFIXES)
    return [str(contact) for contact in contacts.order_by("id")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ada", ["Ada Lovelace", "Adam Smith"]),
        ("ADA", ["Ada Lovelace", "Adam Smith"]),
        ("love", ["Ada Lovelace"]),
        ("ada love", ["Ada Lovelace"]),
        ("lovelace, ada", []),
        ("love ada", ["Ada Lovelace"]),
        ("  ada   lovelace ", ["Ada Lovelace"]),
        ("ada smith", ["Adam Smith"]),
        ("elace", []),
        ("c1@smith", ["Adam Smith"]),
        ("C1@Smith.Example", ["Adam Smith"]),
        ("adam c1@", ["Adam Smith"]),
        ("mcdon", ["Ronald McDonald"]),
        ("özil", ["Mesut Özil", "MESUT ÖZIL"]),
        ("ÖZ", ["Mesut Özil", "MESUT ÖZIL"]),
        ("o\u0308zil", ["Mesut Özil", "MESUT ÖZIL"]),
        ("%", []),
        ("a%a", []),
        ("_da", []),
        ("\\", []),
    ],
)
def test_every_word_is_the_beginning_of_something(tenant, text, expected):
    people(tenant, "Ada Lovelace", "Adam Smith", "Ronald McDonald", "Mesut Özil", "MESUT ÖZIL", "Grace Hopper")
    assert found(tenant, text) == expected


@pytest.mark.parametrize("text", ["acme", "Acme  Ind", "ACME INDUSTRIES", "acme-industries.ex"])
def test_a_company_is_found_by_the_beginning_of_its_name_or_domain(tenant, text):
    Company.objects.create(tenant=tenant, name="Acme Industries", domain="acme-industries.example")
    Company.objects.create(tenant=tenant, name="Globex")
    companies = search(Company.objects.all(), text, ("name_key", "domain_key"))
    assert [company.name for company in companies] == ["Acme Industries"]


def test_the_search_uses_its_indexes(tenant):
    Contact.objects.bulk_create(
        Contact(tenant=tenant, first_name=f"A{n}", last_name=f"B{n}", email=f"c{n}@example.com") for n in range(5000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE crm_contact")
    plan = search(Contact.objects.filter(tenant=tenant), "b77", PREFIXES).order_by("-id")[:20].explain()
    for index in ("contact_email_is_unique", "contact_by_first_name", "contact_by_last_name"):
        assert f"Index Scan on {index}" in plan


def test_few_records_are_counted(tenant):
    people(tenant, *(f"Ada Lovelace{n}" for n in range(120)))
    paginator = EstimatingPaginator(Contact.objects.order_by("id"), 50)
    assert (paginator.count, str(paginator.count), paginator.num_pages) == (120, "120", 3)


def test_many_records_are_estimated_and_their_pages_end(tenant):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO crm_company (tenant_id, name, name_key, domain, domain_key, industry, description, phone,"
            " website, address, city, state, country, postal_code, tags, notes) SELECT %s, 'C'||i, 'c'||i, '', '', '',"
            " '', '', '', '', '', '', '', '', '{}', '' FROM generate_series(1, 12000) i",
            [tenant.pk],
        )
        cursor.execute("ANALYZE crm_company")
    paginator = EstimatingPaginator(Company.objects.filter(tenant=tenant), 1)
    assert 10_001 <= paginator.count <= 14_000
    assert str(paginator.count).startswith("≈ 1")
    assert paginator.num_pages == int(paginator.count)
    assert EstimatingPaginator(range(200_000), 1).num_pages == 100_000
