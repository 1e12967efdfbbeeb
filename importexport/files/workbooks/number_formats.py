"""What a number format says of a number: is it a date, a time, a duration, a percentage?"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class NumberFormat:
    """What a number in a cell is, apart from a number."""

    has_date: bool = False
    has_time: bool = False
    is_duration: bool = False
    is_percentage: bool = False
    #: Whether the cell shows a Z behind the time, which makes it a time in UTC. Our own export does.
    is_utc: bool = False
    #: How many digits a whole number has at least; with ``00000``, it has zeros in front.
    digits: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether a number is just a number."""
        return not (self.has_date or self.has_time or self.is_duration or self.is_percentage)


PLAIN = NumberFormat()
_DATE, _TIME = NumberFormat(has_date=True), NumberFormat(has_time=True)
_BOTH, _DURATION = NumberFormat(has_date=True, has_time=True), NumberFormat(is_duration=True)
_PERCENTAGE = NumberFormat(is_percentage=True)
#: The formats that need not be written down (ECMA-376 part 1, 18.8.30); 27 to 58 are those of East Asian languages.
BUILT_IN = {
    **dict.fromkeys((9, 10), _PERCENTAGE),
    **dict.fromkeys((*range(14, 18), 27, 28, 29, 30, 31, 34, 35, 36, *range(50, 59)), _DATE),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 45, 47), _TIME),
    22: _BOTH,
    46: _DURATION,
}

#: Literal texts, fills and spaces; ``[$-409]``, ``[Red]`` and ``[>100]``, but not ``[h]``.
_LITERAL = re.compile(r'"[^"]*"|[\\_*].|\[(?!(?:h+|m+|s+)\])[^\]]*\]', re.IGNORECASE | re.DOTALL)
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
#: Words and marks whose letters are none of a date; German programs write ``Standard``.
_NO_DATE = re.compile(r"general|standard|e[+-]")
_ENDS_WITH_Z = re.compile(r'(?:"[^"]*Z"|\\Z)\s*\Z')
#: A whole number without thousands separators: a postal code, a phone number.
_WHOLE = re.compile(r"[#?0() -]*")
#: Ends the section of positive numbers.
_SECTION_END = re.compile(r'((?>(?:"[^"]*+"|\\.|[^";\\]++)*))', re.DOTALL)


def read_format(code: str) -> NumberFormat:
    """Return what a format's code says: ``yyyy-mm-dd`` is a date, ``[h]:mm`` a duration, ``0.00 %`` a percentage."""
    section = _SECTION_END.match(code)[1]  # type: ignore[index]  # The pattern matches any text.
    marks = _LITERAL.sub("", section)
    if _ELAPSED.search(marks):
        return _DURATION
    letters = {*_NO_DATE.sub("", marks.lower())}
    has_time = bool(letters & {"h", "s"})
    has_date = bool(letters & {"y", "d"}) or ("m" in letters and not has_time)
    if not (has_time or has_date):
        return _PERCENTAGE if "%" in marks else NumberFormat(digits=least_digits(marks))
    return NumberFormat(has_date=has_date, has_time=has_time, is_utc=has_time and bool(_ENDS_WITH_Z.search(section)))


def least_digits(marks: str) -> int:
    """Return how many digits a whole number has at least: 5 of ``00000``, 10 of ``0# ## ## ## ##`` (a French phone)."""
    return sum(mark in "#?0" for mark in marks.lstrip("#?() -")) if _WHOLE.fullmatch(marks) else 0
