"""The charts of deals: the open ones by stage, and those won by month, in one currency."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.utils.formats import date_format

from crm.admin import formatting
from crm.models import Tenant
from crm.statistics import DealFigures, DealSum
from importexport.admin.labels import counted
from rally.dashboard.amounts import money, short
from rally.dashboard.charts import Column, bar, columns

#: The height of the chart in pixels.
WON_HEIGHT = 150


@dataclass(frozen=True)
class Line:
    """A bar of a chart and its row in the table: label, count, value, and length."""

    title: str
    value: str
    deals: str
    width: str = ""


@dataclass(frozen=True)
class Month:
    """A month of deals won: a column of the chart and its row in the table."""

    line: Line
    column: Column
    label: str
    year: str
    amount: str


def open_pipelines(figures: DealFigures, currency: str) -> list[tuple[str, list[Line]]]:
    """Return the open stages with their deals by pipeline: the default pipeline, and those with open deals."""
    sums = _by(figures.open, currency, "stage")
    largest = max((value for value, _deals in sums.values()), default=Decimal(0))
    pipelines: list[tuple[str, list[Line]]] = []
    for name, group in groupby(figures.open_stages, key=lambda stage: stage.pipeline):
        stages = list(group)
        if pipelines and not any(stage.id in sums for stage in stages):
            continue
        lines = []
        for stage in stages:
            value, deals = sums.get(stage.id, (Decimal(0), 0))
            lines.append(Line(stage.name, money(value, currency), counted("deals", deals), bar(value, largest)))
        pipelines.append((name, lines))
    return pipelines if sums else []


def won_by_month(figures: DealFigures, currency: str) -> dict[str, Any]:
    """Return the chart of the deals won in each month, and their total."""
    sums = _by(figures.won, currency, "month")
    _value, undated = sums.pop(None, (Decimal(0), 0))
    values = [sums.get(month, (Decimal(0), 0)) for month in figures.months]
    places = columns([float(value) for value, _deals in values], height=WON_HEIGHT) if sums else []
    months = [
        Month(
            Line(formatting.month(month), money(value, currency), counted("deals", deals)),
            place,
            date_format(month, "M"),
            str(month.year) if month.month == 1 or month == figures.months[0] else "",
            short(value) if value else "",
        )
        for month, (value, deals), place in zip(figures.months, values, places, strict=bool(places))
    ]
    value, deals = sum((value for value, _deals in values), Decimal(0)), sum(deals for _value, deals in values)
    return {
        "months": months,
        "height": WON_HEIGHT,
        "value": money(value, currency),
        "deals": counted("deals", deals),
        "undated": counted("deals", undated) if undated else "",
    }


# --- currencies ----------------------------------------------------------------------------------------------


def shown_currency(figures: DealFigures, tenant: Tenant, asked: str) -> str:
    """Return the currency to show: the requested one, or the tenant's. Currencies are never added up."""
    known = figures.currencies()
    if asked in known:
        return asked
    return tenant.currency if tenant.currency in known or not known else next(iter(known))


def other_currencies(figures: DealFigures, currency: str) -> list[tuple[str, str]]:
    """Return the currencies that are not shown, with the number of their deals."""
    return [(code, counted("deals", deals)) for code, deals in figures.currencies().items() if code != currency]


def _by(lines: list[DealSum], currency: str, field: str) -> dict[Any, tuple[Decimal, int]]:
    """Sum up the value and number of the deals in a currency, by stage or by month."""
    sums: dict[Any, tuple[Decimal, int]] = {}
    for line in lines:
        if line.currency == currency:
            value, deals = sums.get(getattr(line, field), (Decimal(0), 0))
            sums[getattr(line, field)] = (value + line.value, deals + line.deals)
    return sums
