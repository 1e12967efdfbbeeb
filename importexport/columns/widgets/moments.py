"""Cells with dates and times (ISO 8601)."""

import datetime as dt
import re
from typing import Any
from zoneinfo import ZoneInfo

from crm.characters import without_invisible
from importexport import errors
from importexport.columns.widgets.base import Cell

_DATE = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_TIME = r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?"
_ZONE = r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
_MOMENT = re.compile(rf"{_DATE}(?:[T ]{_TIME}{_ZONE})?")


def parse_moment(text: str, zone: ZoneInfo) -> dt.date | dt.datetime:
    """Parse an ISO 8601 date, or date and time (without offset: in ``zone``). Raise ValueError if invalid."""
    if not (form := _MOMENT.fullmatch(without_invisible(text))):
        raise ValueError(text)
    year, month, day, hour, minute, second, fraction, offset = form.groups()
    date = dt.date(int(year), int(month), int(day))
    if hour is None:
        return date
    time = dt.time(int(hour), int(minute), int(second or 0), _microseconds(fraction or ""))
    try:
        return _in_utc(dt.datetime.combine(date, time), offset, zone)
    except OverflowError:
        raise ValueError(text) from None


def _microseconds(fraction: str) -> int:
    """Parse a fraction of a second. More digits than PostgreSQL stores are rejected rather than rounded."""
    digits = fraction.rstrip("0")
    if len(digits) > 6:
        raise ValueError(fraction)
    return int(digits.ljust(6, "0"))


def _in_utc(local: dt.datetime, offset: str | None, zone: ZoneInfo) -> dt.datetime:
    if offset is None:
        return in_zone(local, zone)
    if offset == "Z":
        return local.replace(tzinfo=dt.UTC)
    hours, minutes = int(offset[1:3]), int(offset[3:].lstrip(":") or 0)
    if hours > 23 or minutes > 59:
        raise ValueError(offset)
    delta = dt.timedelta(hours=hours, minutes=minutes)
    return (local - delta if offset[0] == "+" else local + delta).replace(tzinfo=dt.UTC)


def in_zone(local: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """Convert local time to UTC. If it occurs twice, use the first; if the zone skips it, raise ValueError."""
    moment = local.replace(tzinfo=zone).astimezone(dt.UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != local:
        raise ValueError(local)
    return moment


class _Zoned(Cell):
    zone: ZoneInfo = ZoneInfo("UTC")

    def bind(self, tenant: Any) -> None:
        """Use the tenant's time zone for times without offset."""
        self.zone = tenant.zone


class Day(_Zoned):
    """A date. Of a time, the date in the tenant's time zone."""

    form = "date"
    kind = "date"
    sql = "to_char({0}, 'YYYY-MM-DD')"
    help = "date, ISO 8601: 2025-06-15"
    example = "2025-06-15"

    def parse(self, value: str, column: str) -> dt.date:
        try:
            moment = parse_moment(value, self.zone)
            return moment.astimezone(self.zone).date() if isinstance(moment, dt.datetime) else moment
        except (ValueError, OverflowError):
            raise ValueError(errors.date(column)) from None

    def render(self, value: dt.date | None, obj: Any = None, **_: Any) -> str:
        return "" if value is None else value.isoformat()

    def render_kept(self, value: str | None) -> str:
        """Return the date, which JSON stores as text."""
        return value or ""


class Moment(_Zoned):
    """A date and time. A date alone means midnight in the tenant's time zone."""

    form = "moment"
    kind = "moment"
    sql = "rtrim(rtrim(to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '0'), '.') || 'Z'"
    help = "date and time, ISO 8601: 2025-06-15T14:30:00Z; without an offset, in the tenant's time zone"
    example = "2025-06-15T14:30:00Z"

    def parse(self, value: str, column: str) -> dt.datetime:
        try:
            moment = parse_moment(value, self.zone)
            if not isinstance(moment, dt.datetime):
                moment = in_zone(dt.datetime.combine(moment, dt.time()), self.zone)
        except (ValueError, OverflowError):
            raise ValueError(errors.date(column)) from None
        return moment

    def store(self, value: dt.datetime) -> str:
        """Return the time in ISO 8601 with offset, as COPY reads it."""
        return value.isoformat()

    def render(self, value: dt.datetime | None, obj: Any = None, **_: Any) -> str:
        """Return the time in UTC, with fractions of a second only if needed."""
        if value is None:
            return ""
        text = value.astimezone(dt.UTC).replace(tzinfo=None).isoformat()
        return (text.rstrip("0").rstrip(".") if "." in text else text) + "Z"

    def native(self, value: dt.datetime | None) -> str:
        """Return the text: the library's workbooks would show a time without its zone, as local time to whoever
        imports it."""
        return self.render(value)

    def render_kept(self, value: str | None) -> str:
        """Return the time, which JSON stores as text."""
        return self.render(dt.datetime.fromisoformat(value) if value else None)
