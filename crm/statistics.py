"""A tenant's figures, from aggregate queries that stay fast at a million records."""

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db import models
from django.db.models import Case, Count, DateField, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Cast, TruncMonth
from django.utils import timezone

from crm.models import Deal, Stage, Tenant

#: Up to here records are counted; beyond, the planner's estimate says about how many there are.
EXACT_UP_TO = 10_000
#: How many months of won deals are looked at, the present one included.
MONTHS = 12
#: Figures of so many deals take a while to add up: they are kept for so many seconds.
MANY_DEALS, KEEP_SECONDS = 20_000, 60


class Outcome(models.TextChoices):
    """What has become of a deal. Nothing but the probability of its stage tells."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


def outcome_of(stage: Stage) -> Outcome:
    """Return the outcome of the deals in a stage: 100 per cent is won, 0 is lost, anything between is open."""
    return {100: Outcome.WON, 0: Outcome.LOST}.get(stage.probability, Outcome.OPEN)


@dataclass(frozen=True)
class RecordCount:
    """How many records there are, or about how many."""

    number: int
    is_exact: bool = True


def count_records(queryset: QuerySet[Any]) -> RecordCount:
    """Count a queryset's records; beyond EXACT_UP_TO, return the planner's estimate, which costs nothing."""
    counted = queryset.order_by()[: EXACT_UP_TO + 1].count()
    if counted <= EXACT_UP_TO:
        return RecordCount(counted)
    return RecordCount(max(estimate_records(queryset), counted), is_exact=False)


def estimate_records(queryset: QuerySet[Any]) -> int:
    """Return how many records the planner expects."""
    plan = queryset.order_by().explain(format="json")
    # Of what is known to be nothing, PostgreSQL is not asked.
    return json.loads(plan)[0]["Plan"]["Plan Rows"] if plan else 0


@dataclass(frozen=True)
class DealSum:
    """The deals of one stage and currency that are alike: open, or won in a month (None: of no date)."""

    stage: int
    month: dt.date | None
    currency: str
    deals: int
    value: Decimal


@dataclass(frozen=True)
class StageName:
    """A stage, as the figures name it."""

    id: int
    name: str
    pipeline: str


@dataclass(frozen=True)
class DealFigures:
    """A tenant's open deals, and those won in the months up to the present one."""

    open_stages: list[StageName]
    months: list[dt.date]
    open: list[DealSum]
    won: list[DealSum]
    as_of: dt.datetime

    @property
    def open_deals(self) -> int:
        """How many deals are open, in all currencies."""
        return sum(line.deals for line in self.open)

    def currencies(self) -> dict[str, int]:
        """Return the currencies that the deals are in, the most frequent first, with the number of deals."""
        deals: dict[str, int] = {}
        for line in (*self.open, *self.won):
            deals[line.currency] = deals.get(line.currency, 0) + line.deals
        return dict(sorted(deals.items(), key=lambda item: (-item[1], item[0])))


def deal_figures(tenant: Tenant) -> DealFigures:
    """Return a tenant's figures; those of many deals are up to a minute old."""
    key = f"deal-figures:{tenant.pk}"
    figures = cache.get(key)
    if figures is None:
        figures = _add_up(tenant)
        if sum(line.deals for line in (*figures.open, *figures.won)) >= MANY_DEALS:
            cache.set(key, figures, KEEP_SECONDS)
    return figures


def last_months(today: dt.date) -> list[dt.date]:
    """Return the first days of the last months, the present one last."""
    ordinals = range(today.year * 12 + today.month - MONTHS, today.year * 12 + today.month)
    return [dt.date(ordinal // 12, ordinal % 12 + 1, 1) for ordinal in ordinals]


def _add_up(tenant: Tenant) -> DealFigures:
    now = timezone.now()
    months = last_months(now.astimezone(tenant.zone).date())
    stages = {stage.pk: stage for stage in _stages(tenant)}
    lines = _sums(tenant, stages.values(), months)
    return DealFigures(
        open_stages=[
            StageName(stage.pk, stage.name, stage.pipeline.name)
            for stage in stages.values()
            if outcome_of(stage) == Outcome.OPEN
        ],
        months=months,
        open=[line for line in lines if outcome_of(stages[line.stage]) == Outcome.OPEN],
        won=[line for line in lines if outcome_of(stages[line.stage]) == Outcome.WON],
        as_of=now,
    )


def _stages(tenant: Tenant) -> QuerySet[Stage]:
    """Return the stages, those of the default pipeline first."""
    stages = Stage.objects.filter(tenant=tenant).select_related("pipeline")
    return stages.order_by("-pipeline__is_default", "pipeline", "position", "id")


def _sums(tenant: Tenant, stages: Iterable[Stage], months: list[dt.date]) -> list[DealSum]:
    """Add the deals up, in one pass over them: for a million, two would be too many."""
    of = {outcome: [stage.pk for stage in stages if outcome_of(stage) == outcome] for outcome in Outcome}
    after = (months[-1] + dt.timedelta(days=31)).replace(day=1)
    lately = Q(expected_close_date=None) | Q(expected_close_date__gte=months[0], expected_close_date__lt=after)
    is_won = Q(stage__in=of[Outcome.WON])
    month = Case(When(is_won, then=Cast(TruncMonth("expected_close_date"), DateField())), default=Value(None))
    sums = (
        Deal.objects.filter(Q(stage__in=of[Outcome.OPEN]) | is_won & lately, tenant=tenant)
        .order_by()
        .annotate(month=month)
        .values_list("stage", "month", "currency")
        .annotate(deals=Count("*"), value_sum=Sum("value", default=Decimal(0)))
    )
    return [DealSum(*line) for line in sums]
