"""Search, paging in any order, and cheap counts."""

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from crm.admin import lists
from crm.admin.lists import EstimatingPaginator, Searched, search, without_index
from crm.models import Activity, Company, Contact, Deal, Stage
from crm.models.tenant import create_tenant
from crm.plain_text import Plain, plain
from tests.support.staff import sign_in

CONTACTS = Searched(["first_name", "last_name", "email_key"], ["phone", "mobile"], company="company", email="email_key")
COMPANIES = Searched(["name_key"], ["phone"], domain="domain_key")


def people(tenant, *names):
    for number, name in enumerate(names):
        first, _, last = name.partition(" ")
        Contact.objects.create(
            tenant=tenant, first_name=first, last_name=last, email=f"c{number}@{last.lower()}.example"
        )


def employees(tenant, companies):
    for name, company in companies.items():
        first, last = name.split()
        there = Company.objects.create(tenant=tenant, name=company)
        Contact.objects.create(tenant=tenant, first_name=first, last_name=last, company=there)


def found(tenant, text):
    companies = Company.objects.filter(tenant=tenant)
    contacts = search(Contact.objects.filter(tenant=tenant), text, CONTACTS, companies=companies)
    return [str(contact) for contact in contacts.order_by("id")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ada", ["Ada Lovelace", "Adam Smith"]),
        ("ADA", ["Ada Lovelace", "Adam Smith"]),
        ("love", ["Ada Lovelace"]),
        ("elace", ["Ada Lovelace"]),
        ("ada love", ["Ada Lovelace"]),
        ("lovelace, ada", ["Ada Lovelace"]),
        ("  ada   lovelace ", ["Ada Lovelace"]),
        ("mit dam", ["Adam Smith"]),
        ("ada hopper", []),
        ("c1@smith", ["Adam Smith"]),
        ("C1@Smith.Example", ["Adam Smith"]),
        ("@smith", ["Adam Smith"]),
        ("1@smith", ["Adam Smith"]),
        ("smith.example", ["Adam Smith"]),
        ("adam c1@", ["Adam Smith"]),
        ("donald", ["Ronald McDonald"]),
        ("özil", ["Mesut Özil", "MESUT ÖZIL"]),
        ("ÖZ", ["Mesut Özil", "MESUT ÖZIL"]),
        ("ozil", ["Mesut Özil", "MESUT ÖZIL"]),
        ("o\u0308zil", ["Mesut Özil", "MESUT ÖZIL"]),
        ("strauss", ["Levi Strauß"]),
        ("STRAUẞ", ["Levi Strauß"]),
        ("иван", ["Иван Петров"]),
        ("ПЕТРОВ", ["Иван Петров"]),
        ("%", []),
        ("a%a", []),
        ("_da", []),
        ("\\", []),
        (",", ["Ada Lovelace", "Adam Smith", "Ronald McDonald", "Mesut Özil", "MESUT ÖZIL", "Grace Hopper", "Levi Strauß", "Иван Петров"]),
    ],
)  # fmt: skip
def test_every_word_is_a_part(tenant, text, expected):
    people(
        tenant, "Ada Lovelace", "Adam Smith", "Ronald McDonald", "Mesut Özil", "MESUT ÖZIL", "Grace Hopper",
        "Levi Strauß", "Иван Петров",
    )  # fmt: skip
    assert found(tenant, text) == expected


@pytest.mark.parametrize("text", ["Müller", "Muller", "MULLER", "müll", "uller", "mu\u0308ller"])
def test_accents_do_not_matter(tenant, text):
    people(tenant, "Eva Müller", "Ann Muller", "Max Mustermann")
    assert found(tenant, text) == ["Eva Müller", "Ann Muller"]


@pytest.mark.parametrize(
    "text", ["+49 30 123-456", "030 123", "4930123456", "123456", "(30) 123", "30/1234", "0170", "170 99"]
)
def test_any_part_of_a_phone_number_finds_a_contact_however_it_is_written(tenant, text):
    phones = {"phone": "+49 (030) 123-456", "mobile": "0170/99 00"} if "030" in text else {}
    phones = phones or {"phone": "+49 30 123 456", "mobile": "(0170) 99.00"}
    Contact.objects.create(tenant=tenant, first_name="Ada", last_name="L", **phones)
    Contact.objects.create(tenant=tenant, first_name="Bo", last_name="M", phone="+1 555 000")
    assert found(tenant, text) == ["Ada L"]


def test_a_contact_is_found_by_its_company(tenant):
    employees(tenant, {"Ada L": "Weyland Müller AG", "Bo M": "Globex AG"})
    texts = ("land", "muller ada", "ag weyland", "ag", "ada globex")
    assert [found(tenant, text) for text in texts] == [["Ada L"], ["Ada L"], ["Ada L"], ["Ada L", "Bo M"], []]


def test_a_word_in_the_names_of_many_companies_finds_them_together_with_the_others(tenant, monkeypatch):
    monkeypatch.setattr(lists, "FEW_COMPANIES", 1)
    test_a_contact_is_found_by_its_company(tenant)


@pytest.mark.parametrize("few", [2, 1, 0])
def test_a_word_in_the_names_of_many_companies_finds_them_beside_a_word_of_the_contact(
    tenant, other_tenant, monkeypatch, few
):
    monkeypatch.setattr(lists, "FEW_COMPANIES", few)
    employees(tenant, {"Ada L": "Weyland GmbH", "Ada M": "Globex Inc", "Bo N": "Umbrella GmbH", "Cy O": "X GmbH"})
    Contact.objects.create(tenant=tenant, first_name="Gmbh", last_name="Bodo")
    stranger = Company.objects.create(tenant=other_tenant, name="Weyland GmbH")
    Contact.objects.create(tenant=other_tenant, first_name="Ada", last_name="S", company=stranger)
    texts = ("ada gmbh", "gmbh bo", "wey gmbh ada", "ada inc", "cy gmbh inc", "gmbh")
    assert [found(tenant, text) for text in texts] == [
        ["Ada L"], ["Bo N", "Gmbh Bodo"], ["Ada L"], ["Ada M"], [], ["Ada L", "Bo N", "Cy O", "Gmbh Bodo"]
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["acme", "Acme  Ind", "ACME INDUSTRIES", "acme-industries.ex", "dustr", "é indus", "30 12"]
)
def test_a_company_is_found_by_a_part_of_its_name_domain_or_phone(tenant, text):
    Company.objects.create(tenant=tenant, name="Acmé Industries", domain="acme-industries.example", phone="030/123")
    Company.objects.create(tenant=tenant, name="Globex", phone="040 99")
    assert [company.name for company in search(Company.objects.all(), text, COMPANIES)] == ["Acmé Industries"]


@pytest.mark.parametrize(
    "text",
    ["", "Ada", "Müller-Łoś", "ÅNGSTRÖM", "Straße", "Æsop Œuvre", "Đặng Thị Hà", "Ελλάδος ΟΔΌΣ", "Ёлка", "İstanbul ısı", "ｆｕｌｌ", "東京", "e\u0301", "می\u200cروم", "a\u00adb\ufeff", "a\\%_'\"b"],
)  # fmt: skip
def test_python_and_sql_have_the_same_plain_text(tenant, text):
    Contact.objects.create(tenant=tenant, first_name=text, last_name="X")
    assert Contact.objects.annotate(plain=Plain(F("first_name"))).get().plain == plain(text)


def many(tenant, count=5000):
    Contact.objects.bulk_create(
        Contact(tenant=tenant, first_name=f"A{n}", last_name=f"B{n}", email=f"c{n}@example.com") for n in range(count)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE crm_contact")


def test_the_search_reads_an_index_alone_and_finds_addresses_by_theirs(tenant):
    many(tenant)
    contacts = search(Contact.objects.filter(tenant=tenant), "c77@example", CONTACTS)
    assert "Index Scan using contact_email_is_unique" in contacts.order_by("id")[:20].explain()
    assert [contact.email for contact in contacts] == ["c77@example.com"]
    with connection.cursor() as cursor:
        # What earlier tests have left makes the index larger than it is, which makes other plans cheaper.
        cursor.execute("REINDEX INDEX contact_search")
        cursor.execute("ANALYZE crm_contact")
        # As after a VACUUM, which no transaction may have.
        cursor.execute("UPDATE pg_class SET relallvisible = relpages WHERE relname = 'crm_contact'")
        for way in ("seqscan", "bitmapscan"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
    matches = search(Contact.objects.filter(tenant=tenant), "a77", CONTACTS).order_by(without_index("-id"))
    assert "Index Only Scan using contact_search" in matches.values_list("pk")[:20].explain()


def names(tenant, **query):
    """Return the e-mail addresses on a page of the list, as seen by a member of the tenant."""
    page = sign_in(tenant, "editor").get("/admin/crm/contact/", query)
    assert page.status_code == 200, page
    return [contact.email for contact in page.context["cl"].result_list]


def test_pages_are_slices_of_the_list(tenant):
    many(tenant, 120)
    emails = [f"c{n}@example.com" for n in reversed(range(120))]
    assert [names(tenant, p=page) for page in (1, 2, 3)] == [emails[:50], emails[50:100], emails[100:]]
    assert [names(tenant, o=6, p=page) for page in (1, 3)] == [emails[::-1][:50], emails[::-1][100:]]
    assert names(tenant, q="c") == emails[:50]
    assert names(tenant, q="c", p=3) == emails[100:]


@pytest.mark.parametrize("newest", [0, 1, 10, 60, 2000])
def test_search_finds_old_records(tenant, monkeypatch, newest):
    monkeypatch.setattr(lists, "NEWEST", newest)
    people(tenant, *["Zora Neale"] * 70, *["Ada Lovelace"] * 50)
    assert names(tenant, q="zora") == [f"c{n}@neale.example" for n in reversed(range(20, 70))]
    assert names(tenant, q="zora", p=2) == [f"c{n}@neale.example" for n in reversed(range(20))]
    assert names(tenant, q="ada") == [f"c{n}@lovelace.example" for n in reversed(range(70, 120))]
    assert names(tenant, q="zora", lifecycle_stage__exact="customer") == []


def test_a_search_that_reads_the_whole_list_counts_it_as_well(tenant, monkeypatch, django_assert_num_queries):
    people(tenant, *["Zora Neale"] * 70, *["Ada Lovelace"] * 50)
    monkeypatch.setattr(lists, "NEWEST", 10)
    found, whole = search(Contact.objects.order_by("-id"), "zora", CONTACTS), Contact.objects.order_by("-id")
    pages = EstimatingPaginator(found, 50, whole=whole)
    with django_assert_num_queries(3):  # The oldest of the newest records, the newest records, all records.
        assert (pages.count, pages.num_pages) == (70, 2)
    with django_assert_num_queries(1):
        assert len(pages.page(2).object_list) == 20
    monkeypatch.setattr(lists, "EXACT_UP_TO", 60)
    assert str(EstimatingPaginator(found, 50, whole=whole).count).startswith(("about ", "more than 60"))


@pytest.mark.parametrize("at_once", [0, 200_000])
@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("1", ["Adams", "Baker", "baker", "Zola"]),
        ("-1", ["Zola", "baker", "Baker", "Adams"]),
        ("2", ["baker", "Zola", "Baker", "Adams"]),
        ("-2", ["Adams", "Baker", "Zola", "baker"]),
        ("6", ["Zola", "Baker", "Adams", "baker"]),
        ("-6", ["baker", "Adams", "Baker", "Zola"]),
    ],
)
def test_lists_are_sorted_by_index(tenant, monkeypatch, at_once, column, expected):
    monkeypatch.setattr(lists, "SORTED_AT_ONCE", at_once)
    for name, email in (
        ("Zola", "b@x.example"),
        ("Baker", "C@x.example"),
        ("Adams", "d@x.example"),
        ("baker", "A@x.example"),
    ):
        Contact.objects.create(tenant=tenant, first_name="Ann", last_name=name, email=email)
    for query in ({}, {"q": "ann"}, {"lifecycle_stage__exact": "lead"}):
        page = sign_in(tenant, "editor").get("/admin/crm/contact/", {"o": column, **query})
        assert [contact.last_name for contact in page.context["cl"].result_list] == expected, query


@pytest.mark.parametrize("column", ["3", "-4", "5", "99", "x"])
def test_a_column_without_an_index_cannot_be_sorted(tenant, column):
    people(tenant, "B B", "A A", "C C")
    assert names(tenant, o=column) == ["c2@c.example", "c1@a.example", "c0@b.example"]


@pytest.mark.parametrize(("model", "column"), [("contact", "1"), ("contact", "-2"), ("company", "1"), ("deal", "1")])
def test_sorting_reads_an_index_in_its_order(tenant, model, column):
    with CaptureQueriesContext(connection) as queries:
        sign_in(tenant, "editor").get(f"/admin/crm/{model}/", {"o": column})
    [ids] = [query["sql"] for query in queries if "LIMIT 51" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off")
        cursor.execute(f"EXPLAIN {ids}")
        plan = "\n".join(line for [line] in cursor.fetchall())
    assert " Sort  " not in plan.replace("Incremental Sort", "")


def test_the_largest_deals_come_first_and_those_without_value_last(tenant):
    stage = Stage.objects.filter(tenant=tenant).first()
    for value in (5, None, 70):
        Deal.objects.create(
            tenant=tenant,
            name=f"{value}",
            value=value,
            currency="EUR",
            probability=1,
            stage=stage,
            pipeline=stage.pipeline,
        )
    page = sign_in(tenant, "editor").get("/admin/crm/deal/", {"o": "-2"})
    assert [deal.value for deal in page.context["cl"].result_list] == [70, 5, None]


@pytest.mark.parametrize(
    "query", ["notes__icontains=a", "phone__regex=(a%2B)%2B", "email=a", "company__name__startswith=A", "id__gt=1", "pk__in=1", "tenant__slug=globex"]
)  # fmt: skip
def test_a_lists_url_accepts_only_filters(tenant, query):
    assert sign_in(tenant, "editor").get(f"/admin/crm/contact/?{query}").status_code == 400


@pytest.mark.parametrize(
    "address",
    [
        "contact/?lifecycle_stage__exact=%00",
        "contact/?company__id__exact=%00",
        "contact/?company__id__exact=99999999999999999999",
        "contact/?run=%00",
        "contact/?q=%00",
        "contact/?o=%00",
        "deal/?stage=%00",
        "contact/?run=e5b34d1a-3b4f-4f1c-9b87-6a5a8d7b1f5e&o=1",
        "contact/99999999999999999999/change/",
        "contact/%00/change/",
    ],
)
def test_an_invalid_url_is_not_a_server_error(tenant, address):
    assert sign_in(tenant, "editor").get(f"/admin/crm/{address}").status_code in {200, 302, 400}


@pytest.mark.parametrize("field", ["contact", "company"])
def test_an_invalid_search_for_a_choice_finds_nothing(tenant, field):
    query = {"app_label": "crm", "model_name": "deal", "field_name": field, "term": "\0"}
    assert sign_in(tenant, "editor").get("/admin/autocomplete/", query).json()["results"] == []


def test_an_unknown_parameter_of_a_list_is_ignored(tenant):
    people(tenant, "Ada Lovelace")
    assert sign_in(tenant, "editor").get("/admin/crm/contact/?utm=a", follow=True).status_code == 200


def test_deals_are_filtered_by_the_tenants_stages(tenant):
    first, second = Stage.objects.filter(tenant=tenant)[:2]
    other = Stage.objects.filter(tenant=create_tenant(slug="globex", name="Globex")).first()
    for name, stage in (("A", first), ("B", second)):
        Deal.objects.create(
            tenant=tenant, name=name, currency="EUR", probability=1, stage=stage, pipeline=stage.pipeline
        )
    found = {
        value: [
            deal.name
            for deal in sign_in(tenant, "editor").get("/admin/crm/deal/", {"stage": value}).context["cl"].result_list
        ]
        for value in (str(first.pk), str(second.pk), str(other.pk), "x", "")
    }
    assert found == {str(first.pk): ["A"], str(second.pk): ["B"], str(other.pk): [], "x": [], "": ["B", "A"]}


# --- numbers ----------------------------------------------------------------------------------------------------


def test_few_records_are_counted(tenant):
    people(tenant, *(f"Ada Lovelace{n}" for n in range(120)))
    paginator = EstimatingPaginator(Contact.objects.order_by("id"), 50)
    assert (paginator.count, str(paginator.count), paginator.num_pages) == (120, "120", 3)


def test_many_records_are_estimated_and_their_pages_end(tenant, monkeypatch):
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
    assert str(paginator.count).startswith("about 1")
    assert paginator.num_pages == int(paginator.count)
    monkeypatch.setattr(lists, "DEEPEST", 500)
    assert EstimatingPaginator(Company.objects.filter(tenant=tenant), 1).num_pages == 500


#: The session, the user, their tenant, the ids, the records and imports that have ended; and what the filters offer:
#: values and people, or stages.
QUERIES = {"contact": 8, "company": 8, "deal": 7, "activity": 6}


@pytest.mark.parametrize("model", QUERIES)
def test_a_list_takes_as_many_queries_for_one_record_as_for_many(tenant, model, django_assert_num_queries):
    client = sign_in(tenant, "editor")
    stage = Stage.objects.filter(tenant=tenant).first()
    for count in (1, 3, 60):
        for n in range(Contact.objects.count(), count):
            company = Company.objects.create(tenant=tenant, name=f"C{n}", website="example.com")
            contact = Contact.objects.create(
                tenant=tenant, first_name="A", last_name="B", email=f"{n}@x.example", company=company
            )
            deal = Deal.objects.create(
                tenant=tenant,
                name=f"D{n}",
                currency="EUR",
                probability=1,
                stage=stage,
                pipeline=stage.pipeline,
                company=company,
            )
            Activity.objects.create(
                tenant=tenant, activity_type="call", subject=f"S{n}", contact=contact, deal=deal if n % 2 else None
            )
        # With more than one page, records are counted as well.
        with django_assert_num_queries(QUERIES[model] + (count > 50)):
            assert len(client.get(f"/admin/crm/{model}/").context["cl"].result_list) == min(count, 50)


@pytest.mark.parametrize("model", ["contact", "company", "deal"])
def test_a_page_takes_as_many_queries_for_one_related_record_as_for_many(tenant, model):
    client = sign_in(tenant, "editor")
    stage = Stage.objects.filter(tenant=tenant).first()
    company = Company.objects.create(tenant=tenant, name="C")
    contact = Contact.objects.create(tenant=tenant, first_name="A", last_name="B", email="a@x.example", company=company)
    deal = Deal.objects.create(
        tenant=tenant, name="D", currency="EUR", probability=1, stage=stage, pipeline=stage.pipeline, contact=contact, company=company
    )  # fmt: skip
    record = {"contact": contact, "company": company, "deal": deal}[model]
    client.get(f"/admin/crm/{model}/{record.pk}/change/")  # Fills the caches of the process.
    asked = []
    for count in (1, 3, 60):
        for n in range(Activity.objects.count(), count):
            Activity.objects.create(
                tenant=tenant, activity_type="call", subject=f"S{n}", contact=contact, deal=deal, company=company
            )
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/admin/crm/{model}/{record.pk}/change/").status_code == 200
        asked.append(len(queries))
    assert len(set(asked)) == 1
    assert asked[0] <= 13


def test_a_contact_is_found_by_its_external_id_alone(tenant):
    people(tenant, "Ada Lovelace", "Grace Hopper")
    Contact.objects.filter(first_name="Ada").update(external_source="hubspot", external_id="zcrm 501")
    assert names(tenant, q=" zcrm 501 ") == ["c0@lovelace.example"]
    assert names(tenant, q="zcrm") == []
