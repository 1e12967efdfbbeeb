"""A tenant's statistics: correct with few records, and few queries with many."""

import datetime as dt
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from crm import statistics
from crm.admin.formatting import number_of
from crm.models import Contact, Deal, Pipeline, Stage
from crm.statistics import DealSum, Outcome, RecordCount, count_records, deal_figures, last_months, outcome_of

MONTH = timezone.now().date().replace(day=1)


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()


def stage_of(tenant, name):
    return Stage.objects.get(tenant=tenant, name=name)


def add_deal(tenant, stage="Lead", value=100, currency="USD", close=None):
    stage = stage_of(tenant, stage)
    name = f"Deal {Deal.objects.count()}"
    Deal.objects.create(
        tenant=tenant,
        name=name,
        value=value,
        currency=currency,
        probability=1,
        expected_close_date=close,
        stage=stage,
        pipeline=stage.pipeline,
    )


def summed(lines):
    names = dict(Stage.objects.values_list("pk", "name"))
    return sorted((names[line.stage], line.month, line.currency, line.deals, line.value) for line in lines)


def test_a_stage_of_100_per_cent_is_won_and_of_0_lost(tenant):
    outcomes = {stage.name: outcome_of(stage) for stage in Stage.objects.filter(tenant=tenant)}
    assert {name for name, outcome in outcomes.items() if outcome == Outcome.OPEN} == {
        "Lead",
        "Qualified",
        "Proposal",
        "Negotiation",
    }
    assert (outcomes["Closed Won"], outcomes["Closed Lost"]) == (Outcome.WON, Outcome.LOST)


def test_open_deals_are_added_up_by_stage_and_currency(tenant, other_tenant):
    add_deal(tenant, "Lead", value=100)
    add_deal(tenant, "Lead", value="0.50")
    add_deal(tenant, "Lead", value=None)
    add_deal(tenant, "Lead", value=7, currency="EUR")
    add_deal(tenant, "Proposal", value=20)
    add_deal(tenant, "Closed Lost", value=1000)
    add_deal(other_tenant, "Lead", value=5000)
    made = deal_figures(tenant)
    assert summed(made.open) == [
        ("Lead", None, "EUR", 1, Decimal(7)),
        ("Lead", None, "USD", 3, Decimal("100.50")),
        ("Proposal", None, "USD", 1, Decimal(20)),
    ]
    assert made.open_deals == 5
    assert list(made.currencies().items()) == [("USD", 4), ("EUR", 1)]
    assert made.won == []


def test_won_deals_are_added_up_by_the_month_in_which_they_were_expected_to_close(tenant):
    months = last_months(MONTH)
    add_deal(tenant, "Closed Won", value=10, close=MONTH)
    add_deal(tenant, "Closed Won", value=5, close=(MONTH + dt.timedelta(days=27)))
    add_deal(tenant, "Closed Won", value=3, close=months[0])
    add_deal(tenant, "Closed Won", value=2, close=None)
    add_deal(tenant, "Closed Won", value=1000, close=months[0] - dt.timedelta(days=1))
    add_deal(tenant, "Closed Won", value=1000, close=MONTH + dt.timedelta(days=31))
    assert {(line.month, line.deals, line.value) for line in deal_figures(tenant).won} == {
        (MONTH, 2, Decimal(15)),
        (months[0], 1, Decimal(3)),
        (None, 1, Decimal(2)),
    }


def test_the_months_are_the_last_twelve():
    months = last_months(dt.date(2026, 3, 31))
    assert (months[0], months[-1], len(months)) == (dt.date(2025, 4, 1), dt.date(2026, 3, 1), 12)
    assert last_months(dt.date(2026, 12, 1))[-1] == dt.date(2026, 12, 1)


def test_a_tenant_without_stages_has_figures(tenant):
    Pipeline.objects.filter(tenant=tenant).delete()
    made = deal_figures(tenant)
    assert (made.open, made.won, made.open_stages) == ([], [], [])


def test_stages_of_the_default_pipeline_come_first(tenant):
    first = Pipeline.objects.get(tenant=tenant)
    Pipeline.objects.filter(pk=first.pk).update(is_default=False)
    default = Pipeline.objects.create(tenant=tenant, name="Renewals", is_default=True)
    Stage.objects.create(tenant=tenant, pipeline=default, name="Asked", probability=50)
    assert [stage.name for stage in deal_figures(tenant).open_stages][:2] == ["Asked", "Lead"]


def test_deals_are_added_up_in_two_queries(tenant, django_assert_num_queries):
    for count in (1, 3):
        for _ in range(count):
            add_deal(tenant)
        with django_assert_num_queries(2):
            assert deal_figures(tenant).open


def test_figures_of_many_deals_are_cached_for_a_minute_by_tenant(
    tenant, other_tenant, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(statistics, "MANY_DEALS", 2)
    add_deal(tenant)
    deal_figures(tenant)
    add_deal(tenant)
    assert deal_figures(tenant).open_deals == 2
    add_deal(tenant)
    with django_assert_num_queries(0):
        assert deal_figures(tenant).open_deals == 2
    assert deal_figures(other_tenant).open_deals == 0


def test_few_records_are_counted_and_many_estimated(tenant, other_tenant, monkeypatch):
    monkeypatch.setattr(statistics, "EXACT_UP_TO", 3)
    for number in range(3):
        Contact.objects.create(tenant=tenant, first_name="A", last_name="B", email=f"a{number}@acme.com")
    mine = Contact.objects.filter(tenant=tenant)
    assert count_records(mine) == RecordCount(3)
    for number in range(3, 20):
        Contact.objects.create(tenant=tenant, first_name="A", last_name="B", email=f"a{number}@acme.com")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE crm_contact")
    assert count_records(mine) == RecordCount(20, is_exact=False)
    assert count_records(Contact.objects.filter(tenant=other_tenant)) == RecordCount(0)


def test_an_estimate_is_never_less_than_the_counted_records(tenant, monkeypatch):
    monkeypatch.setattr(statistics, "EXACT_UP_TO", 1)
    for number in range(3):
        Contact.objects.create(tenant=tenant, first_name="A", last_name="B", email=f"a{number}@acme.com")
    count = count_records(Contact.objects.filter(tenant=tenant))
    assert count.number >= 1
    assert count.is_floor == (count.number == 1)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (RecordCount(99_900), "99,900"),
        (RecordCount(1_234_567, is_exact=False), "about 1,230,000"),
        (RecordCount(10_000, is_exact=False, is_floor=True), "more than 10,000"),
    ],
)
def test_a_number_says_whether_it_is_counted_or_estimated(count, text):
    assert number_of(count) == text


def test_sums_match_the_database(tenant):
    add_deal(tenant, "Closed Won", value=10, close=MONTH)
    assert deal_figures(tenant).won == [DealSum(stage_of(tenant, "Closed Won").pk, MONTH, "USD", 1, Decimal(10))]
