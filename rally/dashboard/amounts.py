"""Numbers and amounts of money in words: whole, and abbreviated where space is short."""

from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import pgettext

from importexport.admin.labels import grouped


def whole(number: Decimal | int) -> str:
    """Return an integer with thousands separators."""
    return grouped(round(number))


def money(value: Decimal, currency: str) -> str:
    """Return an amount without decimals."""
    return f"{currency}\N{NO-BREAK SPACE}{whole(value)}"


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
            # Round first: number_format truncates.
            return number_format(round(value / limit, places), decimal_pos=places, force_grouping=True) + unit
    return whole(value)
