"""Numbers and amounts of money in words: whole, and abbreviated where space is short."""

from decimal import Decimal

from django.utils.translation import pgettext

from crm.admin import formatting
from importexport.admin.labels import grouped


def whole(number: Decimal | int) -> str:
    """Return an integer with thousands separators."""
    return grouped(round(number))


def money(value: Decimal, currency: str) -> str:
    """Return an amount without decimals."""
    return formatting.money(round(value), currency, places=0)


def short(value: Decimal) -> str:
    """Return an abbreviated amount: 950, 1.2K, 35M."""
    for limit, unit in (
        (10**12, pgettext("trillions", "T")),
        (10**9, pgettext("billions", "B")),
        (10**6, pgettext("millions", "M")),
        (10**3, pgettext("thousands", "K")),
    ):
        if value >= limit * Decimal("0.9995"):
            places = 1 if value < limit * 10 else 0
            # Round first: the formatting truncates.
            return formatting.number(round(value / limit, places), places=places) + unit
    return whole(value)
