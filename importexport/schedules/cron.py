"""When a schedule is due: cron expressions in a time zone."""

import datetime as dt
import re
import zoneinfo
from collections.abc import Iterator
from itertools import pairwise

from croniter import CroniterError, croniter

from crm.models.tenant import time_zones

#: Minutes that lie at least between two occurrences.
LEAST = 5
#: The names of the five fields, and what each may be.
FIELDS = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day of the month": "1 to 31",
    "month": "1 to 12 or JAN to DEC",
    "day of the week": "0 to 7 or SUN to SAT",
}
NAMED = {
    "month": "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC",
    "day of the week": "SUN|MON|TUE|WED|THU|FRI|SAT",
}
LONGEST = 100
#: The most that a clock is put back or forward.
SHIFT = dt.timedelta(hours=3)
#: How far back an occurrence is looked for that was missed, the nearest first.
SPANS = (dt.timedelta(hours=1), *(dt.timedelta(days=days) for days in (1, 8, 32, 366)))
#: A day that the zone skips altogether is no occurrence; a leap day comes within eight years.
YEARS = 9


class InvalidCron(ValueError):
    """A cron expression or time zone that a schedule cannot have. The text is for the user."""


def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """Return a time zone by its IANA name; raise InvalidCron if there is none."""
    if name not in time_zones():
        raise InvalidCron(f"Unknown time zone '{name[:100]}'. Expected an IANA name such as Europe/Berlin or UTC.")
    return zoneinfo.ZoneInfo(name)


def check_cron(text: str) -> str:
    """Return a cron expression with single spaces.

    Raises InvalidCron unless it has five fields, and its occurrences are seldom enough.
    """
    fields = text.split()
    if len(text) > LONGEST or len(fields) != len(FIELDS):
        raise InvalidCron(
            f"A cron expression has {len(FIELDS)} fields: {', '.join(FIELDS)}. Example: 30 6 * * 1-5, which is at 06:30"
            " from Monday to Friday."
        )
    for (name, range_), field in zip(FIELDS.items(), fields, strict=True):
        _check_field(name, range_, field)
    _check_often(text)
    try:
        next(_local_times(text, dt.datetime(2024, 1, 1)))  # noqa: DTZ001 - a wall clock's
    except StopIteration:
        raise InvalidCron("There is no such day: the schedule would never be due.") from None
    return " ".join(fields)


def _check_field(name: str, range_: str, field: str) -> None:
    """Raise InvalidCron for a field that is not of numbers, names, ranges, lists and steps."""
    value = rf"(?:[0-9]{{1,2}}{f'|{NAMED[name]}' if name in NAMED else ''})"
    part = rf"(?:\*|{value}(?:-{value})?)(?:/[1-9][0-9]?)?"
    alone = ["*"] * len(FIELDS)
    alone[list(FIELDS).index(name)] = field
    is_right = bool(re.fullmatch(rf"{part}(?:,{part})*", field, re.IGNORECASE))
    try:
        if is_right:
            croniter.expand(" ".join(alone))
    except CroniterError:
        is_right = False
    if not is_right:
        raise InvalidCron(
            f"The {name} '{field[:50]}' is not valid: expected {range_}, *, ranges, lists or steps (*/15)."
        )


def _check_often(text: str) -> None:
    """Raise InvalidCron for minutes that are less than LEAST apart, also beyond the end of an hour."""
    expanded = croniter.expand(text)[0]
    minutes = sorted(range(60)) if expanded[0] == ["*"] else sorted(int(minute) for minute in expanded[0])
    hours = set(range(24)) if expanded[1] == ["*"] else {int(hour) for hour in expanded[1]}
    gaps = [after - before for before, after in pairwise(minutes)]
    if any((hour + 1) % 24 in hours for hour in hours):
        gaps.append(60 - minutes[-1] + minutes[0])
    if any(gap < LEAST for gap in gaps):
        raise InvalidCron(f"This is too often: a schedule can be due every {LEAST} minutes at most.")


def next_after(text: str, zone: zoneinfo.ZoneInfo, moment: dt.datetime) -> dt.datetime:
    """Return the first occurrence after a moment; raise InvalidCron if there is none.

    A time that the zone skips when clocks are put forward is as much later. A time that comes twice counts once, unless
    the hour is ``*`` or a step: then it is every time.
    """
    start = moment.astimezone(zone).replace(tzinfo=None) - SHIFT
    best: dt.datetime | None = None
    for local in _local_times(text, start):
        if best and local.replace(tzinfo=zone) - SHIFT > best:
            break
        for instant in _instants(local, zone, is_every=text.split()[1].startswith("*")):
            if instant > moment and (best is None or instant < best):
                best = instant
    if best is None:
        raise InvalidCron("There is no such day: the schedule would never be due.")
    return best


def last_until(text: str, zone: zoneinfo.ZoneInfo, moment: dt.datetime, *, since: dt.datetime) -> dt.datetime:
    """Return the last occurrence up to a moment; ``since`` is an earlier one."""
    for span in SPANS:
        found = next_after(text, zone, max(moment - span, since - dt.timedelta(seconds=1)))
        if found <= moment:
            break
    else:
        return since
    while (later := next_after(text, zone, found)) <= moment:
        found = later
    return found


def _local_times(text: str, start: dt.datetime) -> Iterator[dt.datetime]:
    """Yield the times after a start at which a wall clock shows what the expression says."""
    times = croniter(text, start, ret_type=dt.datetime, max_years_between_matches=YEARS)
    while True:
        try:
            yield times.get_next()
        except CroniterError:
            return


def _instants(local: dt.datetime, zone: zoneinfo.ZoneInfo, *, is_every: bool) -> list[dt.datetime]:
    """Return the moments at which a time of the wall clock is meant, in UTC."""
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC) for fold in (0, 1))
    is_skipped = first.astimezone(zone).replace(tzinfo=None) != local
    if not is_every:
        return [first]
    return [] if is_skipped else [first, second]
