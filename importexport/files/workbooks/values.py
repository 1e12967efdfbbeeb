"""The values of cells in XLSX → their texts, each distinct one once."""

import re
from collections.abc import Callable, Sequence

from importexport import errors
from importexport.files.workbooks.number_formats import PLAIN, NumberFormat
from importexport.files.workbooks.numbers import formatted_text
from importexport.files.workbooks.texts import as_csv, boolean, error_text, xlsx_text

#: Values that are remembered, for each kind of cell.
KNOWN_LIMIT = 20_000
_ATTRIBUTE = re.compile(r'(?<![\w:])([\w:]++)="([^"]*+)"')
#: Attributes as Excel writes them: in double quotation marks, and no space around the equals sign.
_ATTRIBUTES = re.compile(r'(?:\s+[\w:]+="[^"]*")*\s*')
#: What makes a text more than its XML says: references, line ends, escapes, error values, and marks at its start.
_SPECIAL = ("&", "\r", "_x", "#", "\0'", "\0=")


class Unusual(Exception):
    """Rows are not written as Excel would."""


class Known(dict[str, str]):
    """The texts of values, limited in number."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read
        self[""] = ""

    def __missing__(self, value: str) -> str:
        if len(self) >= KNOWN_LIMIT:
            self.clear()
            self[""] = ""
        self[value] = text = self._read(value)
        return text

    def texts(self, values: Sequence[str]) -> Sequence[str]:
        """Return the texts of some values."""
        return [*map(self.__getitem__, values)]


class Inline(Known):
    """The texts that stand in their cells."""

    def texts(self, values: Sequence[str]) -> Sequence[str]:
        """Return the texts; most are just what they say."""
        joined = "\0".join(["", *values])
        return super().texts(values) if any(special in joined for special in _SPECIAL) else values


class Shared(Known):
    """The texts that cells refer to by number."""

    def __init__(self, strings: Sequence[str]) -> None:
        super().__init__(self._string)
        self._strings = strings

    def _string(self, value: str) -> str:
        if int(value) < 0:
            raise errors.damaged_workbook()
        return self._strings[int(value)]

    def texts(self, values: Sequence[str]) -> Sequence[str]:
        """Return the texts; looking one up is no more work than remembering it."""
        if "-" in "".join(values):
            return super().texts(values)
        strings = self._strings
        return [strings[int(value)] if value else "" for value in values]


class Values(dict[str, Known]):
    """The texts of values by the attributes of their cell, its type and its style."""

    def __init__(self, strings: Sequence[str], formats: Sequence[NumberFormat], *, is_1904: bool) -> None:
        self._strings = strings
        self._formats = formats
        self._is_1904 = is_1904

    def __missing__(self, attributes: str) -> Known:
        given = dict(_ATTRIBUTE.findall(attributes))
        # An r is not the first attribute, or is no place in capital letters, and has not been seen.
        if "r" in given or not _ATTRIBUTES.fullmatch(attributes):
            raise Unusual
        self[attributes] = known = self._known(given.get("t", "n"), int(given.get("s", 0)))
        return known

    def _known(self, kind: str, style: int) -> Known:
        match kind:
            case "n":
                # Cells of unknown styles are plain numbers.
                shown = self._formats[style] if style < len(self._formats) else PLAIN
                return Known(lambda value: formatted_text(value, shown, is_1904=self._is_1904))
            case "s":
                return Shared(self._strings)
            case "b":
                return Known(boolean)
            case "e":
                return Known(lambda value: error_text(xlsx_text(value)))
            case _:
                return Inline(lambda value: as_csv(xlsx_text(value)))
