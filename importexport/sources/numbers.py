"""Numbers as other programs write them: with separators, currency signs and percent, read as a whole column proves."""

import re
from collections.abc import Collection
from decimal import Decimal, InvalidOperation

from crm.characters import without_invisible
from crm.currencies import SIGNS, meant_by
from importexport.files.workbooks.numbers import TYPED
from importexport.sources.proof import Proof

#: The most characters that a number has.
LIMIT = 60
#: Keeps a column from reading a cell that it would read otherwise than it is meant.
MISREAD = "?"
#: Decimal separator → the form of a number with it: groups of three digits may be separated by the other one.
_FORMS = {
    # In India, all groups but the last one have two digits.
    "point": re.compile(r"(?:\d+|\d{1,3}(?:([,'’ ])\d{3})(?:\1\d{3})*|\d{1,2}(?:,\d{2})+,\d{3})(?:\.\d+)?"),
    "comma": re.compile(r"(?:\d+|\d{1,3}(?:([.'’ ])\d{3})(?:\1\d{3})*)(?:,\d+)?"),
}
#: A currency's sign or code, before or after.
_CURRENCY = "|".join([*(rf"{re.escape(sign)}\.?" for sign in sorted(SIGNS, key=len, reverse=True)), "[A-Z]{3}"])
_DRESSED = re.compile(
    rf"(?P<sign>[+-]?)\s*+(?:(?P<before>{_CURRENCY})\s*+)?(?P<sign2>[+-]?)(?P<number>\d[\d.,'’ ]*+)\s*+"
    rf"(?P<after>{_CURRENCY})?(?P<per>\s*+%)?"
)
_NEGATIVE = re.compile(r"\((?P<inside>[^()]*)\)")
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:\.\d+)?[Ee][+-]?\d{1,3}")
_BARE = re.compile(r"[\d.,'’ %+-]*")
_PLAIN = re.compile(r"[+-]?\d+")
_SPACES = re.compile("[\u00a0\u202f\u2009\u2007]")


class DecimalProof(Proof):
    """Collects what the cells of a column say about the decimal separator."""

    def __init__(self) -> None:
        super().__init__(_FORMS)
        #: Whether a currency stands beside any number.
        self.has_currencies = False

    def allowed(self, cell: str) -> Collection[str]:
        """Return the separators with which a cell is a number, unless it is the same one with both.

        Numbers of workbooks say nothing about how its texts are written.
        """
        if cell.endswith(TYPED):
            return ()
        readings = possible_readings(cell)
        self.has_currencies = self.has_currencies or bool(currency_mark(cell))
        return () if len(readings) > len(set(readings.values())) else readings


def possible_readings(cell: str) -> dict[str, str]:
    """Return what a cell is with each decimal separator that fits it; empty for one that is no number."""
    form = dressed(cell)
    return {name: value for name in _FORMS if (value := _read(form["number"], name))} if form else {}


def dressed(cell: str) -> re.Match[str] | None:
    """Return a number with what is around it, or None."""
    if len(cell) > LIMIT:
        return None
    text = _SPACES.sub(" ", without_invisible(cell)).strip()
    if outside := _NEGATIVE.fullmatch(text):
        text = f"-{outside['inside'].strip()}"
    form = _DRESSED.fullmatch(text)
    if form is None or (form["sign"] and form["sign2"]):
        return None
    marks = marks_of(form)
    return form if not marks or currencies_of(*marks) else None


def marks_of(form: re.Match[str]) -> list[str]:
    """Return the signs and codes of currencies around a number."""
    return [mark for mark in (form["before"], form["after"]) if mark]


def currency_mark(cell: str) -> str:
    """Return the sign or code of a currency that stands beside a number, the clearer of two; "" if none does."""
    if _BARE.fullmatch(cell):
        return ""
    form = dressed(cell)
    return min(marks_of(form), key=lambda mark: len(meant_by(mark)), default="") if form else ""


def currencies_of(*marks: str) -> frozenset[str]:
    """Return the currencies that signs and codes may all stand for."""
    return frozenset.intersection(*map(meant_by, marks))


def _read(number: str, separator: str) -> str:
    """Return a number as we write it, or "" where it has another form."""
    number = number.strip()
    if not _FORMS[separator].fullmatch(number):
        return ""
    point = "," if separator == "comma" else "."
    whole, _, places = number.rpartition(point) if point in number else (number, "", "")
    digits = re.sub(r"\D", "", whole)
    return f"{digits}.{places}" if places else digits


def plain(cell: str, *, separator: str = "", is_percent: bool = False) -> str:
    """Return a number as we write it; a cell that is none stays as it is, for the column to judge.

    With a decimal comma, ``1.5`` is no number.
    """
    separator = "point" if cell.endswith(TYPED) else separator
    text = without_invisible(cell).strip()
    if not text or _PLAIN.fullmatch(text) or len(text) > LIMIT:
        return text or cell
    if _SCIENTIFIC.fullmatch(text):
        return _written_out(text) or cell
    form = dressed(text)
    if not form or (form["per"] and not is_percent):
        return cell
    value = next(filter(None, (_read(form["number"], one) for one in ([separator] if separator else _FORMS))), "")
    if not value:
        return f"{cell}{MISREAD}" if separator == "comma" else cell
    is_negative = (form["sign"] + form["sign2"]) == "-" or text.startswith("(")
    return f"-{value}" if is_negative else value


def _written_out(text: str) -> str:
    """Return a number in scientific form without the exponent; "" where digits may have been lost.

    ``1.2E+07`` → ``12000000``. Spreadsheets write large numbers so; one with many digits may have been rounded.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        return ""
    if len(number.as_tuple().digits) > 5 or not -3 < number.adjusted() < 19:
        return ""
    return f"{number:f}"


def percent(cell: str) -> str:
    """Return a fraction of 1 as a whole number of per cent, or as it is where it is none: ``0.2`` → ``20``."""
    text = without_invisible(cell).strip()
    if not re.fullmatch(r"[01](?:\.\d{1,6})?", text):
        return cell
    return f"{(Decimal(text) * 100).normalize():f}"
