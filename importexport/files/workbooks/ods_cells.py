"""A cell of ODS: its attributes and text → the text that a CSV file has of it."""

import re
from collections.abc import Mapping

from importexport.files.workbooks.numbers import DAY, clock, number_text, percentage, typed
from importexport.files.workbooks.texts import as_csv, boolean, error_text, is_error

_DURATION = re.compile(r"(-?)P(?:([0-9]+)D)?T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]+)?)S)?")
#: What stands between the digits of postal codes and phone numbers.
_BETWEEN_DIGITS = re.compile("[() \u00a0\u202f-]")
_MOMENT = re.compile(r"(-?[0-9]+-[0-9]{2}-[0-9]{2})(?:T([0-9:]+)(\.[0-9]*[1-9])?0*\.?0*)?Z?")


def cell_text(given: Mapping[str, str], text: str, *, is_utc: bool) -> str:
    """Return the text of a cell. ``text`` is what it shows; ``is_utc``, whether it shows a time with a Z."""
    kind = given.get("office:value-type", "string")
    if given.get("calcext:value-type") == "error" or ("table:formula" in given and is_error(text)):
        return error_text(text.strip())
    match kind:
        case "float" | "currency":
            return typed(with_zeros(number_text(given.get("office:value", "")), text))
        case "percentage":
            return typed(percentage(given.get("office:value", "")))
        case "boolean":
            return boolean(given.get("office:boolean-value", ""))
        case "date":
            return moment(given.get("office:date-value", ""), is_utc=is_utc)
        case "time":
            return duration(given.get("office:time-value", ""))
        case _:
            return as_csv(given.get("office:string-value", text))


def with_zeros(number: str, shown: str) -> str:
    """Return a whole number with the zeros in front that the cell shows: ``1067`` shown as ``01067``."""
    digits = _BETWEEN_DIGITS.sub("", shown)
    return digits if number.isdigit() and digits.isdigit() and number.lstrip("0") == digits.lstrip("0") else number


def moment(value: str, *, is_utc: bool) -> str:
    """Return a date or a time: ``2025-06-15T14:30:00.000000000`` → ``2025-06-15T14:30:00``."""
    found = _MOMENT.fullmatch(value)
    if not found:
        return value
    day, time, fraction = found.groups()
    if time is None:
        return f"{day}T00:00:00Z" if is_utc else day
    return f"{day}T{time}{(fraction or '')[:7]}" + ("Z" if is_utc else "")


def duration(value: str) -> str:
    """Return a time of day, or a duration: ``PT14H30M00S`` → ``14:30:00``."""
    found = _DURATION.fullmatch(value)
    if not found:
        return value
    sign, days, hours, minutes, seconds = found.groups()
    whole = (int(days or 0) * 24 + int(hours or 0)) * 3600 + int(minutes or 0) * 60 + float(seconds or 0)
    return clock(-whole / DAY if sign else whole / DAY)
