"""How pages write dates, times, numbers and nothing: the one place (see rally.formats for what the words are)."""

import datetime as dt
from decimal import Decimal

from django.utils import translation
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from crm.statistics import RecordCount

#: What is shown where there is nothing.
EMPTY = "–"
#: The moment that locales are shown with.
EXAMPLE = dt.datetime(2025, 6, 15, 14, 5, tzinfo=dt.UTC)


def exactly(moment: dt.datetime, zone: dt.tzinfo) -> str:
    """Return the date and time in a time zone: ``15 Jun 2025, 14:05 CEST``."""
    return date_format(moment.astimezone(zone), "DATETIME_FORMAT")


def clock(moment: dt.datetime, zone: dt.tzinfo) -> str:
    """Return the time of day in a time zone: ``14:05 CEST``."""
    return date_format(moment.astimezone(zone), "TIME_FORMAT")


def day(date: dt.date) -> str:
    """Return a date: ``15 Jun 2025``."""
    return date_format(date, "DATE_FORMAT")


def day_of_year(date: dt.date) -> str:
    """Return a date of which the year is clear: ``15 Jun``."""
    return date_format(date, "MONTH_DAY_FORMAT")


def month(date: dt.date) -> str:
    """Return a month: ``Jun 2025``."""
    return date_format(date, "YEAR_MONTH_FORMAT")


def number(value: Decimal | float | str, *, places: int | None = None) -> str:
    """Return a number with thousands separators, and as many decimals as it has, or ``places``: ``1,234.50``."""
    return number_format(value, places, use_l10n=True, force_grouping=True)


def money(value: Decimal | int | None, currency: str, *, places: int = 2) -> str:
    """Return an amount with its currency: ``USD 1,234.50``."""
    return EMPTY if value is None else f"{currency}\N{NO-BREAK SPACE}{number(value, places=places)}"


def per_cent(value: float, *, places: int = 0) -> str:
    """Return a percentage: ``12.5%``."""
    return _("%(number)s%%") % {"number": number(value, places=places)}


def example(locale: str) -> str:
    """Return how a locale writes a number, a date and a time: ``1,234,567.50 · 15 Jun 2025, 14:05 UTC``."""
    with translation.override(locale):
        return f"{number(Decimal('1234567.50'))} · {exactly(EXAMPLE, dt.UTC)}"


def number_of(count: RecordCount) -> str:
    """Return a number of records: ``99,900``, ``about 1,230,000``, ``more than 10,000``."""
    return qualified(count, number(count.rounded))


def qualified(count: RecordCount, text: str) -> str:
    """Return a number of records in words as what it is: exact, ``about 1,230,000 contacts``, ``more than …``."""
    if count.is_exact:
        return text
    return (_("more than %(number)s") if count.is_floor else _("about %(number)s")) % {"number": text}
