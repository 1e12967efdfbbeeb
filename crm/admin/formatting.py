"""Formatting for the admin."""

import datetime as dt

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from crm.statistics import RecordCount


def exactly(moment: dt.datetime, zone: dt.tzinfo) -> str:
    """Return the full date and time in a time zone."""
    return date_format(moment.astimezone(zone), "DATETIME_FORMAT")


def number_of(count: RecordCount) -> str:
    """Return a number of records: ``99,900``, ``about 1,230,000``, ``more than 10,000``."""
    number = number_format(count.rounded, use_l10n=True, force_grouping=True)
    if count.is_exact:
        return number
    return (_("more than %(number)s") if count.is_floor else _("about %(number)s")) % {"number": number}
