"""Times as the admin shows them."""

import datetime as dt

from django.utils.formats import date_format


def exactly(moment: dt.datetime, zone: dt.tzinfo) -> str:
    """Return a moment in full, as a time zone has it."""
    return date_format(moment.astimezone(zone), "DATETIME_FORMAT")
