"""The dashboard: correct figures for each role, and first steps."""

import datetime as dt
import re

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from crm import statistics
from crm.access import SESSION_KEY
from crm.models import Activity, Company, Contact, Deal, Stage
from crm.models.tenant import create_tenant
from crm.statistics import RecordCount
from rally.dashboard import page
from tests.support.staff import add_run, sign_in

INDEX = reverse("admin:index")
MARKUP = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()


def fill(tenant, *, currency="USD", value=1500, stage="Lead", close=None, name="Big deal"):
    company, _ = Company.objects.get_or_create(tenant=tenant, name="Acme")
    number = Contact.objects.count()
    Contact.objects.create(
        tenant=tenant, first_name="Ada", last_name="L", email=f"ada{number}@acme.com", company=company
    )
    stage = Stage.objects.get(tenant=tenant, name=stage)
    return Deal.objects.create(
        tenant=tenant,
        name=f"{name} {number}",
        value=value,
        currency=currency,
        probability=10,
        expected_close_date=close,
        stage=stage,
        pipeline=stage.pipeline,
    )


def add_import(tenant, **fields):
    """Return an import of four rows, one of which was rejected."""
    given = {"file_name": "contacts.csv", "actor": "anna", "imported": 3, "skipped": 1, "total_rows": 4}
    return add_run(tenant, **given | fields)


def cards(response):
    return {card.title: " ".join(filter(None, [card.before, card.value])) for card in response.context["cards"]}


def text(response):
    """Return the text of a page without tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


# --- figures ---


def test_the_cards_count_the_tenants_records(tenant, other_tenant):
    fill(tenant, value=1_234_567)
    fill(tenant, value="0.40", stage="Proposal")
    fill(tenant, value=9_000_000, stage="Closed Lost")
    fill(other_tenant, value=5)
    response = sign_in(tenant, "admin").get(INDEX)
    assert cards(response) == {
        "Contacts": "3",
        "Companies": "1",
        "Open deals": "2",
        "Open pipeline value": "USD 1,234,567",
    }
    assert "USD\N{NO-BREAK SPACE}1,234,567" in response.content.decode()


def test_amounts_in_several_currencies_are_never_added_up(tenant):
    fill(tenant, value=100)
    fill(tenant, value=100)
    fill(tenant, value=7, currency="EUR")
    client = sign_in(tenant, "admin")
    response = client.get(INDEX)
    assert cards(response)["Open pipeline value"] == "USD 200"
    assert cards(response)["Open deals"] == "3"
    assert "Not included: 1 deal in EUR ." in text(response)
    response = client.get(INDEX, {"currency": "EUR"})
    assert cards(response)["Open pipeline value"] == "EUR 7"
    assert "Not included: 2 deals in USD ." in text(response)
    assert cards(client.get(INDEX, {"currency": MARKUP}))["Open pipeline value"] == "USD 200"


def test_a_tenant_without_deals_in_its_currency_sees_the_most_frequent_one(tenant):
    fill(tenant, value=7, currency="EUR")
    assert cards(sign_in(tenant, "admin").get(INDEX))["Open pipeline value"] == "EUR 7"


def test_stages_have_a_chart_with_its_numbers(tenant):
    fill(tenant, value=100)
    fill(tenant, value=50, stage="Proposal")
    (_name, lines) = sign_in(tenant, "admin").get(INDEX).context["pipelines"][0]
    assert [(line.title, line.value, line.deals, line.width) for line in lines] == [
        ("Lead", "USD\N{NO-BREAK SPACE}100", "1 deal", "100.00%"),
        ("Qualified", "USD\N{NO-BREAK SPACE}0", "0 deals", "0.00%"),
        ("Proposal", "USD\N{NO-BREAK SPACE}50", "1 deal", "50.00%"),
        ("Negotiation", "USD\N{NO-BREAK SPACE}0", "0 deals", "0.00%"),
    ]


def test_won_deals_have_a_chart_with_its_numbers(tenant):
    today = timezone.now().date()
    fill(tenant, value=1500, stage="Closed Won", close=today)
    fill(tenant, value=3, stage="Closed Won")
    response = sign_in(tenant, "admin").get(INDEX)
    won = response.context["won"]
    assert len(won["months"]) == 12
    assert (won["months"][-1].line.deals, won["months"][-1].amount, won["months"][-1].column.height) == (
        "1 deal",
        "1.5K",
        won["height"],
    )
    assert "from 1 deal in twelve months" in text(response)
    assert "Not shown: 1 deal won without a date." in text(response)


def test_imports_have_a_chart_with_its_numbers(tenant):
    add_import(tenant)
    add_import(tenant, status="failed", imported=0, skipped=0, total_rows=0, error="The file is empty")
    response = sign_in(tenant, "admin").get(INDEX)
    imports = response.context["imports"]
    assert dict(imports["figures"]) == {
        "Files": "2",
        "Failed": "1",
        "Rows imported": "3",
        "Rows rejected": "1 (25%)",
    }
    assert imports["days"][-1].numbers == ["2", "3", "1"]
    assert imports["days"][-1].share_text == "25%"


def test_failures_link_to_their_run(tenant, other_tenant):
    run = add_import(tenant, file_name="leads.csv")
    add_import(tenant, status="failed", file_name="broken.csv", error="The file is empty", imported=0, skipped=0)
    add_import(other_tenant, file_name="secret.csv")
    response = sign_in(tenant, "viewer").get(INDEX)
    page = text(response)
    assert "leads.csv 1 of 4 rows rejected" in page
    assert "broken.csv The file is empty" in page
    assert "secret.csv" not in page
    assert reverse("admin:importexport_importrun_change", args=[run.pk]) in response.content.decode()


def test_times_are_in_the_tenants_time_zone(tenant):
    tenant.timezone = "Asia/Tokyo"
    tenant.save()
    moment = timezone.now().replace(hour=20, minute=15) - dt.timedelta(days=2)
    add_import(tenant, created_at=moment)
    page = text(sign_in(tenant, "admin").get(INDEX))
    assert ", 05:15 JST" in page


# --- first steps ---


def test_a_new_tenant_sees_the_first_steps(tenant):
    response = sign_in(tenant, "admin").get(INDEX)
    assert [(step.title, step.is_done) for step in response.context["steps"]] == [
        ("Import your companies", False),
        ("Import your contacts", False),
        ("Import your deals", False),
        ("Import your activities", False),
        ("Create an API key", False),
    ]
    page = response.content.decode()
    for model in ("company", "contact", "deal", "activity"):
        assert f"/admin/crm/{model}/import/" in page
    assert reverse("admin:crm_apikey_add") in page
    for sentence in ("No open deals yet.", "No deals won in the last twelve months.", "Nothing was imported"):
        assert sentence in page


def test_completed_steps_are_ticked_off_until_all_are_done(tenant):
    client = sign_in(tenant, "admin")
    Company.objects.create(tenant=tenant, name="Acme")
    Activity.objects.create(tenant=tenant, activity_type="call", subject="Hello")
    assert [step.is_done for step in client.get(INDEX).context["steps"]] == [True, False, False, True, False]
    fill(tenant)
    assert client.get(INDEX).context["steps"] == []


def test_editors_are_not_asked_to_create_keys_nor_viewers_to_import(tenant):
    steps = sign_in(tenant, "editor").get(INDEX).context["steps"]
    assert len(steps) == 4
    response = sign_in(tenant, "viewer").get(INDEX)
    assert response.context["steps"] == []
    assert "A colleague with the role editor or admin" in text(response)
    assert "/import/" not in response.content.decode()


def test_a_superuser_without_a_tenant_is_told_how_to_choose_one(superuser, tenant, other_tenant):
    fill(tenant)
    fill(other_tenant)
    response = superuser.get(INDEX)
    assert cards(response) == {"Accounts": "2", "Contacts": "2", "Companies": "2", "Deals": "2"}
    assert "Choose an account" in text(response)
    superuser.post(reverse("admin:tenant"), {"tenant": tenant.pk, "next": INDEX})
    assert cards(superuser.get(INDEX))["Contacts"] == "1"


def test_many_tenants_are_not_all_listed(superuser, tenant, other_tenant, monkeypatch):
    monkeypatch.setattr(page, "TENANTS", 1)
    response = superuser.get(INDEX)
    assert response.context["tenants"] == [tenant]
    assert "And one more: all accounts" in text(response)


def test_the_first_superuser_adds_a_tenant(superuser):
    assert "There is no account yet." in text(superuser.get(INDEX))


def test_a_superuser_sees_the_figures_of_the_tenant_picked(superuser, tenant, other_tenant):
    fill(other_tenant, value=77)
    session = superuser.session
    session[SESSION_KEY] = other_tenant.pk
    session.save()
    assert cards(superuser.get(INDEX))["Open pipeline value"] == "USD 77"


# --- safety and speed ---


def test_markup_is_text_everywhere(superuser):
    tenant = create_tenant(slug="evil", name=MARKUP)
    Stage.objects.filter(tenant=tenant, name="Lead").update(name=MARKUP)
    stage = Stage.objects.get(tenant=tenant, name=MARKUP)
    stage.pipeline.name = MARKUP
    stage.pipeline.save()
    client = sign_in(tenant, "admin")
    pages = [client.get(INDEX)]
    fill(tenant, stage=MARKUP)
    add_import(tenant, file_name=f"{MARKUP}.csv", actor=MARKUP)
    add_import(tenant, status="failed", error=MARKUP)
    pages += [client.get(INDEX), superuser.get(INDEX)]
    for answer in pages:
        assert answer.status_code == 200
        assert MARKUP not in answer.content.decode()
        assert "&lt;script&gt;" in answer.content.decode()


def test_the_page_contains_nothing_that_the_policy_forbids(tenant):
    fill(tenant)
    add_import(tenant)
    main = sign_in(tenant, "admin").get(INDEX).content.decode().partition('<div class="dash">')[2]
    main = main.partition("</main>")[0]
    assert main
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", main)


def test_the_page_takes_as_many_queries_with_one_record_as_with_three(tenant, django_assert_max_num_queries):
    client = sign_in(tenant, "admin")
    for count in (1, 3):
        for _ in range(count):
            fill(tenant)
            add_import(tenant)
        # Session, user, membership, permissions (2), counts (2), stages, deals, imports, failures.
        with django_assert_max_num_queries(11):
            client.get(INDEX)


def test_a_million_records_are_estimated(tenant, monkeypatch):
    fill(tenant)
    monkeypatch.setattr(page, "count_records", lambda _: RecordCount(1_003_482, is_exact=False))
    assert cards(sign_in(tenant, "admin").get(INDEX))["Contacts"] == "about 1,000,000"


def test_won_and_lost_are_defined_in_one_place():
    assert statistics.outcome_of(Stage(probability=100)) == "won"
