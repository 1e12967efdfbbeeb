"""The filters of lists: by place, tag, source, company, person and day, in one form."""

import datetime as dt
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from crm.admin.filters import days
from crm.models import Company, Contact, Deal, Stage
from importexport.models import ImportRun, RowLogPage
from tests.support.staff import add_run, sign_in


def shown(tenant, model="contact", *, field="email", **query):
    """Return the records of a list, as seen by a member of the tenant."""
    page = sign_in(tenant, "editor").get(f"/admin/crm/{model}/", query)
    assert page.status_code == 200, page
    return sorted(str(getattr(record, field)) for record in page.context["cl"].result_list)


def exported(tenant, model="contact", **query):
    """Return the rows of an export of the filtered list, without the header."""
    asked = {"format": "csv", "rows": "list", "columns": ["email", "name"], "list": urlencode(query)}
    response = sign_in(tenant, "editor").get(f"/admin/crm/{model}/export/file/", asked)
    assert response.streaming, response.content
    return sorted(b"".join(response.streaming_content).decode().split("\r\n")[1:-1])


def contact(tenant, name, **values):
    return Contact.objects.create(tenant=tenant, first_name=name, last_name="X", email=f"{name}@x.example", **values)


@pytest.fixture
def people(tenant, other_tenant):
    company = Company.objects.create(tenant=tenant, name="Weyland Müller AG")
    contact(tenant, "a", country="Germany", city="München", tags=["VIP", "Fair"], lead_source="Web", company=company)
    contact(tenant, "b", country="germany", city="Munich", tags=["vip"], lead_source="Trade Show")
    contact(tenant, "c", country="Côte d’Ivoire", city="Abidjan")
    secret = Company.objects.create(tenant=other_tenant, name="Weyland Secret")
    contact(other_tenant, "z", country="Germany", city="Hiddentown", tags=["vip"], company=secret)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"country": "Germany"}, "ab"),
        ({"country": "GERMANY "}, "ab"),
        ({"country": "Cote d’Ivoire"}, "c"),
        ({"country": "Germ"}, ""),
        ({"country": "germany", "city": "munchen"}, "a"),
        ({"tags": "VIP"}, "ab"),
        ({"tags": "fair"}, "a"),
        ({"lead_source": "trade show"}, "b"),
        ({"company": "muller wey"}, "a"),
        ({"company": "Secret"}, ""),
        ({"country": "%"}, ""),
        ({"country": "Germany", "q": "b@x"}, "b"),
        ({"country": "", "city": "  ", "company": "", "added": "", "imported_by": ""}, "abc"),
        ({"lifecycle_stage__exact": "lead", "tags": "vip"}, "ab"),
        ({"lifecycle_stage__exact": "nonsense"}, ""),
        ({"added": "nonsense"}, ""),
        ({"imported_by": "nobody"}, ""),
    ],
)
def test_contacts_are_filtered_and_exported(tenant, people, query, expected):
    addresses = [f"{name}@x.example" for name in expected]
    assert shown(tenant, **query) == addresses
    if any(value.strip() for value in query.values()):
        assert exported(tenant, **query) == addresses


def test_companies_are_filtered(tenant):
    for name, values in (("A", {"city": "Köln", "tags": ["Big"]}), ("B", {"industry": "Mining"})):
        Company.objects.create(tenant=tenant, name=name, country="Germany", **values)
    queries = [{"city": "koln"}, {"tags": "big"}, {"industry": "mining"}, {"country": "Germany"}, {"country": "Spain"}]
    assert [shown(tenant, "company", field="name", **query) for query in queries] == [
        ["A"],
        ["A"],
        ["B"],
        ["A", "B"],
        [],
    ]


def suggestions(tenant, model="contact"):
    page = sign_in(tenant, "editor").get(f"/admin/crm/{model}/")
    return {
        spec.parameter_name: spec.suggestions
        for spec in page.context["cl"].filter_specs
        if hasattr(spec, "suggestions")
    }


def test_values_of_the_account_are_suggested_most_frequent_first(tenant, people):
    contact(tenant, "d", country="Germany", tags=["vip"])
    found = suggestions(tenant)
    assert found["country"][0] == "Germany"
    assert set(found["country"]) == {"Germany", "germany", "Côte d’Ivoire"}
    assert found["tags"][0] == "vip"
    assert found["city"] and "Hiddentown" not in found["city"]
    assert found["lead_source"] and "" not in found["lead_source"]


def test_the_form_keeps_what_is_given_and_the_search_but_not_the_page(tenant, people):
    page = sign_in(tenant, "editor").get(
        "/admin/crm/contact/", {"q": "x.example", "o": "1", "p": "1", "country": "Germany"}
    )
    assert page.context["kept_parameters"] == [("q", "x.example"), ("o", "1")]
    assert '<input id="filter-country" name="country" type="text" value="Germany"' in page.content.decode()


@pytest.mark.parametrize("query", ["country=%00", "added=%00", "tags=%00", "company=%00", "imported_by=%00", "close=x", "country__exact=a", "created_at__gte=2020-01-01"])  # fmt: skip
def test_an_invalid_filter_is_no_server_error(tenant, query):
    assert sign_in(tenant, "editor").get(f"/admin/crm/contact/?{query}").status_code in {302, 400}


# --- who imported -------------------------------------------------------------------------------------------------


def imported(tenant, actor, *records, **values):
    """Log that somebody's import has created some contacts."""
    run = add_run(tenant, actor=actor, **values)
    ids = [record.pk for record in records]
    RowLogPage.objects.create(
        run=run, tenant=tenant, action="create", first_number=2, last_number=9, first_id=min(ids), last_id=max(ids),
        numbers=[2] * len(ids), ids=ids, counts=[1] * len(ids),
    )  # fmt: skip


def test_contacts_are_filtered_by_who_imported_them(tenant, other_tenant, people):
    a, b, c = Contact.objects.filter(tenant=tenant).order_by("id")
    imported(tenant, "anna", a)
    imported(tenant, "anna", c)
    imported(tenant, "Website form", b, channel="api")
    imported(tenant, "late", b, status="planned")
    imported(other_tenant, "stranger", Contact.objects.get(tenant=other_tenant))
    page = sign_in(tenant, "editor").get("/admin/crm/contact/")
    [spec] = [spec for spec in page.context["cl"].filter_specs if spec.parameter_name == "imported_by"]
    assert [value for value, _ in spec.lookup_choices] == ["Website form", "anna", "late"]
    found = {actor: shown(tenant, imported_by=actor) for actor in ("anna", "Website form", "late", "stranger")}
    assert found == {
        "anna": ["a@x.example", "c@x.example"],
        "Website form": ["b@x.example"],
        "late": [],
        "stranger": [],
    }
    assert exported(tenant, imported_by="anna") == ["a@x.example", "c@x.example"]


def test_companies_that_were_created_for_contacts_were_imported_as_well(api, tenant):
    Company.objects.create(tenant=tenant, name="Globex")
    add_run(tenant, actor="anna", entity="companies")
    api.import_csv("companies", "name\nInitech\n")
    people = (
        "first_name,last_name,email,company_name\nA,B,a@b.example,Acme\nC,D,c@d.example,Globex\nE,F,e@f.example,Acme\n"
    )
    api.import_csv("contacts", people, "missing=create")
    page = sign_in(tenant, "editor").get("/admin/crm/company/")
    [spec] = [spec for spec in page.context["cl"].filter_specs if spec.parameter_name == "imported_by"]
    key = ImportRun.objects.filter(channel="api").first().actor
    found = {who: sorted(exported(tenant, "company", imported_by=who)) for who in (key, "anna")}
    assert found == {key: ["Acme", "Initech"], "anna": []}
    assert [value for value, _ in spec.lookup_choices] == sorted(["anna", key])


# --- days ---------------------------------------------------------------------------------------------------------

RANGES = {
    "past": (None, "2024-02-29"),
    "today": ("2024-02-29", "2024-03-01"),
    "yesterday": ("2024-02-28", "2024-02-29"),
    "last-7": ("2024-02-23", "2024-03-01"),
    "last-30": ("2024-01-31", "2024-03-01"),
    "next-7": ("2024-02-29", "2024-03-07"),
    "month": ("2024-02-01", "2024-03-01"),
    "last-month": ("2024-01-01", "2024-02-01"),
    "next-month": ("2024-03-01", "2024-04-01"),
    "quarter": ("2024-01-01", "2024-04-01"),
    "year": ("2024-01-01", "2025-01-01"),
}


@pytest.mark.parametrize("name", RANGES)
def test_ranges_of_days(name):
    assert tuple(day and f"{day}" for day in days(name, dt.date(2024, 2, 29))) == RANGES[name]


def test_months_go_over_the_end_of_a_year():
    december = dt.date(2024, 12, 31)
    assert days("next-month", december) == (dt.date(2025, 1, 1), dt.date(2025, 2, 1))
    assert days("quarter", december) == (dt.date(2024, 10, 1), dt.date(2025, 1, 1))
    assert days("last-month", dt.date(2024, 1, 1)) == (dt.date(2023, 12, 1), dt.date(2024, 1, 1))


def test_contacts_are_filtered_by_when_they_were_added_in_the_accounts_zone(tenant):
    tenant.timezone = "Pacific/Kiritimati"
    tenant.save()
    today = timezone.localtime(timezone=tenant.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    for name, moment in (("a", today), ("b", today - dt.timedelta(seconds=1)), ("c", today - dt.timedelta(days=40))):
        contact(tenant, name)
        Contact.objects.filter(first_name=name).update(created_at=moment)
    found = {name: len(shown(tenant, added=name)) for name in ("today", "yesterday", "last-7", "last-30")}
    assert found == {"today": 1, "yesterday": 1, "last-7": 2, "last-30": 2}
    assert exported(tenant, added="today") == ["a@x.example"]


def test_deals_are_filtered_by_close_date_and_company(tenant):
    stage = Stage.objects.filter(tenant=tenant).first()
    today = timezone.localdate(timezone=tenant.zone)
    acme = Company.objects.create(tenant=tenant, name="Acme")
    closing = {"late": today - dt.timedelta(days=1), "now": today, "soon": today + dt.timedelta(days=6), "never": None}
    for name, day in closing.items():
        Deal.objects.create(
            tenant=tenant, name=name, currency="EUR", probability=1, stage=stage, pipeline=stage.pipeline,
            expected_close_date=day, company=acme if name == "now" else None,
        )  # fmt: skip
    expected = {"past": ["late"], "today": ["now"], "next-7": ["now", "soon"], "none": ["never"], "nonsense": []}
    assert {name: shown(tenant, "deal", field="name", close=name) for name in expected} == expected
    assert shown(tenant, "deal", field="name", company="acme", stage=str(stage.pk)) == ["now"]
    assert exported(tenant, "deal", close="past") == ["late"]


def test_a_superuser_filters_the_records_of_all_accounts(tenant, other_tenant, people):
    page = sign_in().get("/admin/crm/contact/", {"country": "Germany"})
    assert len(page.context["cl"].result_list) == 3
    assert sign_in().get("/admin/crm/contact/", {"imported_by": "anna"}).context["cl"].result_list == []
