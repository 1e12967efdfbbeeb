"""Dates as other programs write them: read in the one order that a whole column proves, never in the likelier one."""

import datetime as dt
import re
from collections.abc import Collection

from crm.characters import without_invisible
from importexport.sources.proof import Proof

#: Order → the positions of year, month and day among the three numbers of a date.
ORDERS = {"dmy": (2, 1, 0), "mdy": (2, 0, 1), "ymd": (0, 1, 2)}
#: The orders that a date without its year in front may have.
UNCLEAR = ("dmy", "mdy")
_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:\.\d+)?))?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
_ZONE = r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
_AFTER = rf"(?:,?\s+(?:at\s+)?{_TIME}{_ZONE})?"
_NUMBERS = re.compile(rf"(\d{{1,4}})([./-]) ?(\d{{1,2}})\2 ?(\d{{1,4}})\.?{_AFTER}", re.ASCII)
#: Spaces that keep a line together, also before ``PM``.
_SPACES = str.maketrans("\u00a0\u202f\u2009", "   ")
#: ``2025年6月15日``, in Japan, China and Korea.
_EAST_ASIAN = re.compile(r"([0-9]{4}) ?[年년] ?([0-9]{1,2}) ?[月월] ?([0-9]{1,2}) ?[日일]")
#: Names of months in English, German, French, Spanish, Italian, Portuguese and Dutch. None of them is another month in
#: another of these languages.
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar jänner janvier janv enero ene gennaio gen janeiro januari",
            "feb february februar février févr fév febrero febbraio fevereiro fev februari",
            "mar march märz mär mars marzo março maart mrt",
            "apr april avril avr abril abr aprile",
            "may mai mayo maggio mag maio mei",
            "jun june juni juin junio giugno giu junho",
            "jul july juli juillet juil julio luglio lug julho",
            "aug august août aout agosto ago augustus",
            "sep sept september septembre septiembre settembre set setembro",
            "oct october oktober okt octobre octubre ottobre ott outubro out",
            "nov november novembre noviembre novembro",
            "dec december dezember dez décembre déc diciembre dic dicembre dezembro",
        ),
        1,
    )
    for name in names.split()
}
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+)?"
_DAY_FIRST = re.compile(
    rf"{_WEEKDAY}(?P<day>\d{{1,2}})[. -]\s*(?:de )?(?P<month>[a-zà-ÿ]+)\.?[ -](?:de )?(?P<year>\d{{4}}){_AFTER}",
    re.IGNORECASE | re.ASCII,
)
_MONTH_FIRST = re.compile(
    rf"{_WEEKDAY}(?P<month>[a-z]+)\.?\s+(?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}}){_AFTER}", re.IGNORECASE | re.ASCII
)
#: What programs write where they have no date.
_NOTHING = re.compile(r"0{1,4}([./-])0{1,2}\1(?:0{1,4})(?: 0{1,2}:00(?::00)?)?")
#: A day, to read a time with.
SOME_DAY = "2000-01-01"
#: The most characters that a date has.
LIMIT = 60


class DateProof(Proof):
    """Collects what the cells of a column say about the order of day, month and year."""

    def __init__(self) -> None:
        super().__init__(UNCLEAR)

    def allowed(self, cell: str) -> Collection[str]:
        """Return the orders in which a date in numbers can be read, unless it is the same one in both."""
        orders = possible_orders(cell)
        return () if orders is None or (orders == set(UNCLEAR) and is_same_in_both(cell)) else orders


def possible_orders(cell: str) -> set[str] | None:
    """Return the orders in which a date in numbers can be read; None for any other cell, and with the year in front."""
    form = _numbers(cell)
    if form is None or len(form[1]) == 4:
        return None
    return {order for order in UNCLEAR if _date(form, order)} or None


def is_same_in_both(cell: str) -> bool:
    """Whether a date in numbers is the same one whichever of day and month comes first."""
    form = _numbers(cell)
    return form is not None and form[1].lstrip("0") == form[3].lstrip("0")


def _numbers(cell: str) -> re.Match[str] | None:
    return _NUMBERS.fullmatch(tidied(cell)) if len(cell) <= LIMIT else None


def tidied(cell: str) -> str:
    """Return a cell with plain spaces, and a year, month and day that are called so with dashes between them."""
    text = without_invisible(cell).translate(_SPACES).strip()
    return text if text.isascii() else _EAST_ASIAN.sub(r"\1-\2-\3", text)


def _date(form: re.Match[str], order: str) -> dt.date | None:
    """Return the date that three numbers are in some order; a year has four digits."""
    texts = form[1], form[3], form[4]
    year, month, day = (texts[place] for place in ORDERS[order])
    if len(year) != 4 or len(month) > 2 or len(day) > 2:
        return None
    try:
        return dt.date(int(year), int(month), int(day))
    except ValueError:
        return None


def iso(cell: str, *, order: str = "") -> str:
    """Return a date, or a date and time, in ISO 8601; a cell that is none stays as it is, for the column to judge."""
    if not cell or len(cell) > LIMIT:
        return cell
    text = tidied(cell)
    if _NOTHING.fullmatch(text):
        return ""
    if form := _NUMBERS.fullmatch(text):
        date = next(filter(None, (_date(form, one) for one in ([order, "ymd"] if order else ORDERS))), None)
    elif form := _DAY_FIRST.fullmatch(text) or _MONTH_FIRST.fullmatch(text):
        date = _named(form)
    else:
        return cell
    time = _time(form)
    return cell if date is None or time is None else f"{date.isoformat()}{time}"


def _named(form: re.Match[str]) -> dt.date | None:
    month = _MONTHS.get(form["month"].lower())
    try:
        return dt.date(int(form["year"]), month, int(form["day"])) if month else None
    except ValueError:
        return None


def _time(form: re.Match[str]) -> str | None:
    """Return what follows the date in ISO 8601: "" if nothing does, None if it is no time of day."""
    if form["hour"] is None:
        return ""
    hour, half = int(form["hour"]), (form["half"] or "").lower().replace(".", "")
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    zone = form["zone"] or ""
    return f"T{hour:02}:{form['minute']}:{form['second'] or '00'}{'Z' if zone in ('UTC', 'GMT') else zone}"


def joined_time(date: str, time: str) -> str:
    """Return the moment of a date in ISO 8601 and a time of day; "" without either.

    A date that is none stays as it is, for the column to judge.
    """
    if not date or not time:
        return ""
    moment = iso(f"{SOME_DAY} {time}")
    return f"{date[:10]}{moment.removeprefix(SOME_DAY)}"
