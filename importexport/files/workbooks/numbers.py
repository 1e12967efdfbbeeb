"""Numbers, dates, times and durations of workbooks → the text that a CSV file has of them."""

import datetime as dt
import re
from decimal import Decimal

from importexport.files.workbooks.number_formats import NumberFormat

#: A spreadsheet computes with 15 digits; what a number has beyond them comes of binary fractions (``0.1 + 0.2``).
DIGITS = 15
#: From here on, a number in exponential form has lost digits; the whole numbers below are exact.
EXACT_LIMIT = 2**53
#: The number of seconds in a day.
DAY = 86_400
#: Days from the epochs of the two date systems to the first and the last day of the calendar.
LAST_DAY = {False: 2_958_465, True: 2_957_003}
_EPOCHS = {False: dt.datetime(1899, 12, 30), True: dt.datetime(1904, 1, 1)}  # noqa: DTZ001 - serial numbers have no zone
#: The 1900 date system has a 29 February 1900; the days before it are one off.
_LEAP_DAY = 60

#: Stands behind a number that would be another one with a decimal comma: ``1.125``. Like any invisible character at the
#: end of a cell it is no part of what is stored, but tells ``sources.numbers`` that nothing is to be proved or said.
TYPED = "\u2060"
_COULD_BE_GROUPED = re.compile(r"-?[0-9]{1,3}\.[0-9]{3}%?")

_WHOLE = re.compile(r"-?[0-9]+")
#: A number that programs write with its cents; those of a spreadsheet have more decimal places where digits are lost.
_CENTS = re.compile(r"-?[0-9]+\.[0-9]{1,2}")


def number_text(value: str) -> str:
    """Return a number without loss: ``1067.0`` → ``1067``, ``0.30000000000000004`` → ``0.3``, ``1E3`` → ``1000``.

    Digits are exact as far as the workbook has them. A number whose last digits a spreadsheet has dropped is in
    exponential form, as the spreadsheet shows it: ``5.03200000012345E+18``.
    """
    if _WHOLE.fullmatch(value):
        return _whole(value)
    if _CENTS.fullmatch(value):
        return _whole(value).rstrip("0").rstrip(".")
    number = float(value)
    if not abs(number) < float("inf"):
        raise ValueError(value)
    if number.is_integer():
        return str(int(number)) if abs(number) < EXACT_LIMIT else f"{number:.{DIGITS}G}"
    text = f"{number:.{DIGITS}G}"
    return f"{Decimal(text).normalize():f}" if abs(number) > 1e-9 else text


def _whole(value: str) -> str:
    """Return a number without zeros in front, and without the sign of a zero."""
    sign, digits = ("-", value[1:]) if value[0] == "-" else ("", value)
    digits = digits.lstrip("0") or "0"
    digits = f"0{digits}" if digits[0] == "." else digits
    return sign + digits if digits.strip("0.") else digits


def typed(number: str) -> str:
    """Return a number, marked as TYPED where that matters."""
    return number + TYPED if _COULD_BE_GROUPED.fullmatch(number) else number


def shown_cell(cell: str) -> str:
    """Return a cell as people see it."""
    return cell.removesuffix(TYPED)


def formatted_text(value: str, format: NumberFormat, *, is_1904: bool = False) -> str:
    """Return a number as its format shows it, in the forms of CSV: a date in ISO 8601, ``14:30:00``, ``25%``."""
    if format.is_plain:
        text = number_text(value)
        return text.zfill(format.digits) if text.isdigit() else typed(text)
    if format.is_percentage:
        return typed(percentage(value))
    number = float(value)
    if format.is_duration:
        return clock(number)
    if format.has_time and not format.has_date and 0 <= number < 1:
        return clock(number)
    return date_text(number, format, is_1904=is_1904) or number_text(value)


def percentage(value: str) -> str:
    """Return a fraction as a percentage: ``0.25`` → ``25%``."""
    return number_text(f"{Decimal(number_text(value)) * 100:f}") + "%"


def clock(days: float) -> str:
    """Return a time of day, or a duration: ``0.5`` → ``12:00:00``, ``1.5`` → ``36:00:00``."""
    milliseconds = round(abs(days) * DAY * 1000)
    seconds, fraction = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    sign = "-" if days < 0 and milliseconds else ""
    return f"{sign}{hour:02}:{minute:02}:{second:02}" + (f".{fraction:03}" if fraction else "")


def date_text(serial: float, format: NumberFormat, *, is_1904: bool) -> str:
    """Return the date or time of a serial number, or "" if the calendar of spreadsheets does not have it.

    The days before March 1900 are those that Excel shows. Its 29 February 1900 and 0 January are no dates: they come as
    it shows them, and an import rejects them.
    """
    if not 0 <= serial < LAST_DAY[False] + 1:
        return ""
    days, milliseconds = divmod(round(serial * DAY * 1000), DAY * 1000)
    if days > LAST_DAY[is_1904]:
        return ""
    day = _day(days, is_1904=is_1904)
    if not milliseconds and not format.has_time:
        return day
    return f"{day}T{clock(milliseconds / 1000 / DAY)}" + ("Z" if format.is_utc else "")


def _day(days: int, *, is_1904: bool) -> str:
    if not is_1904:
        if days in (0, _LEAP_DAY):
            return "1900-01-00" if not days else "1900-02-29"
        days += days < _LEAP_DAY
    return str((_EPOCHS[is_1904] + dt.timedelta(days=days)).date())
