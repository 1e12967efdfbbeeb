"""Statistics for a tenant, from aggregate queries that stay fast with a million records."""

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

#: Count exactly up to this number of records; above it, use the planner's estimate.
EXACT_UP_TO = 10_000
#: The same where a number is what somebody has come for: it is counted within a tenth of a second.
EXACT_WHERE_IT_MATTERS = 200_000
#: Number of months of won deals to report, including the current one.
MONTHS = 12
#: Cache the figures of tenants with at least this many deals, for this many seconds.
MANY_DEALS, KEEP_SECONDS = 20_000, 60


class Outcome(models.TextChoices):
    """The outcome of a deal. It depends only on the probability of the deal's stage."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


def outcome_of(stage: Stage) -> Outcome:
    """Return the outcome of deals in a stage: won at 100 per cent, lost at 0, otherwise open."""
    return {100: Outcome.WON, 0: Outcome.LOST}.get(stage.probability, Outcome.OPEN)


@dataclass(frozen=True)
class RecordCount:
    """A number of records: exact, estimated, or with ``is_floor`` only known to be exceeded."""

    number: int
    is_exact: bool = True
    is_floor: bool = False

    @property
    def rounded(self) -> int:
        """The number; an estimate is rounded to three significant digits."""
        return self.number if self.is_exact else round(self.number, 3 - len(str(self.number)))


def count_records(queryset: QuerySet[Any], *, up_to: int | None = None) -> RecordCount:
    """Count the records of a queryset; above ``up_to``, by default EXACT_UP_TO, return the planner's estimate.

    That costs almost nothing.
    """
    up_to = EXACT_UP_TO if up_to is None else up_to
    counted = queryset.order_by()[: up_to + 1].count()
    return RecordCount(counted) if counted <= up_to else estimated(queryset, above=up_to)


def estimated(queryset: QuerySet[Any], *, above: int) -> RecordCount:
    """Return the planner's estimate of a number of records that is greater than another one."""
    number = estimate_records(queryset)
    return RecordCount(number, is_exact=False) if number > above else RecordCount(above, is_exact=False, is_floor=True)


def estimate_records(queryset: QuerySet[Any]) -> int:
    """Return the planner's estimate of the number of records."""
    plan = queryset.order_by().explain(format="json")
    # Django does not query PostgreSQL for a queryset it knows to be empty.
    return json.loads(plan)[0]["Plan"]["Plan Rows"] if plan else 0


@dataclass(frozen=True)
class DealSum:
    """Totals of one stage and currency: its open deals, or the deals won in one month (None: no close date)."""

    stage: int
    month: dt.date | None
    currency: str
    deals: int
    value: Decimal


@dataclass(frozen=True)
class StageName:
    """A stage, as shown beside the figures."""

    id: int
    name: str
    pipeline: str


@dataclass(frozen=True)
class DealFigures:
    """A tenant's open deals, and the deals won in each of the last MONTHS months."""

    open_stages: list[StageName]
    months: list[dt.date]
    open: list[DealSum]
    won: list[DealSum]
    as_of: dt.datetime

    @property
    def open_deals(self) -> int:
        """The number of open deals in all currencies."""
        return sum(line.deals for line in self.open)

    def currencies(self) -> dict[str, int]:
        """Return the number of deals per currency, most frequent currency first."""
        deals: dict[str, int] = {}
        for line in (*self.open, *self.won):
            deals[line.currency] = deals.get(line.currency, 0) + line.deals
        return dict(sorted(deals.items(), key=lambda item: (-item[1], item[0])))


def deal_figures(tenant: Tenant) -> DealFigures:
    """Return a tenant's deal figures. With MANY_DEALS or more deals they may be up to KEEP_SECONDS old."""
    key = f"deal-figures:{tenant.pk}"
    figures = cache.get(key)
    if figures is None:
        figures = _add_up(tenant)
        if sum(line.deals for line in (*figures.open, *figures.won)) >= MANY_DEALS:
            cache.set(key, figures, KEEP_SECONDS)
    return figures


def last_months(today: dt.date) -> list[dt.date]:
    """Return the first day of each of the last MONTHS months, the current month last."""
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
    """Return the tenant's stages, those of the default pipeline first."""
    stages = Stage.objects.filter(tenant=tenant).select_related("pipeline")
    return stages.order_by("-pipeline__is_default", "pipeline", "position", "id")


def _sums(tenant: Tenant, stages: Iterable[Stage], months: list[dt.date]) -> list[DealSum]:
    """Aggregate the deals in a single pass: with a million deals, a second one would take too long."""
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
