"""Formatting for the admin."""

import datetime as dt

from django.utils.formats import date_format


def exactly(moment: dt.datetime, zone: dt.tzinfo) -> str:
    """Return the full date and time in a time zone."""
    return date_format(moment.astimezone(zone), "DATETIME_FORMAT")
