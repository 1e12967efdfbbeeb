"""The XML of rows → pieces: a cell as Excel writes it, or the tag of a row. Values are still as they stand in XML."""

import re
from typing import NamedTuple

from importexport import errors
from importexport.files.workbooks.xml import escape, local, new_parser


class Piece(NamedTuple):
    """A cell, with its value as it stands in XML, or a tag without its brackets."""

    column: str = ""
    #: The attributes of the cell but for its place: `` s="1" t="s"``.
    attributes: str = ""
    #: Not empty if the cell has a formula.
    formula: str = ""
    value: str = ""
    tag: str = ""


_CELL = r'<c(?: r="([A-Z]+)[0-9]+")?((?: [^>/]*)?)'
_VALUE = r'(?:<is><t(?: xml:space="preserve")?|<v(?: xml:space="preserve")?)>([^<]*)</(?:t></is|v)>'
#: A cell as Excel writes it, or a tag. The pattern without formulas is the faster one. A tag that does not end takes
#: all that is left, so that it is not looked at from each further "<".
_PLAIN = re.compile(rf"{_CELL}(?:/>|>(){_VALUE}</c>)|<([^>]*+)>?")
_WITH_FORMULAS = re.compile(rf"{_CELL}(?:/>|>(<f[^>]*>(?:[^<]*</f>)?)?(?:{_VALUE}|<v ?/>)?</c>)|<([^>]*+)>?")
ROW = re.compile(r"/?row(?![^\s/])")
_PLACE = re.compile("([A-Za-z]+)([0-9]+)")


def find_pieces(rows: str) -> list[tuple[str, ...]]:
    """Return the pieces of some rows."""
    return (_WITH_FORMULAS if "<f" in rows or "></c>" in rows else _PLAIN).findall(rows)


class Pieces:
    """Reads rows that are not written as Excel would: attributes in another order, formatted texts, extensions."""

    def __init__(self) -> None:
        self._parser = new_parser("utf-8")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._add
        self._pieces: list[Piece] = []
        self._cell: dict[str, str] = {}
        #: Whether character data is the value of the cell, or tells how to pronounce it.
        self._is_value = self._is_phonetic = False

    def read(self, rows: str) -> list[Piece]:
        """Return the pieces of whole rows."""
        self._parser.Parse(f"<sheetData>{rows}</sheetData>".encode(), True)
        return self._pieces

    def _start(self, name: str, given: dict[str, str]) -> None:
        match local(name):
            case "row":
                self._pieces.append(Piece(tag=f'row r="{given["r"]}"' if "r" in given else "row"))
            case "c":
                self._place(given.get("r", ""))
                attributes = "".join(f' {name}="{given[name]}"' for name in ("s", "t") if name in given)
                self._cell["attributes"] = attributes
            case "f":
                self._cell["formula"] = "f"
            case "rPh":
                self._is_phonetic = True
            case "v" | "t":
                self._is_value = not self._is_phonetic

    def _place(self, place: str) -> None:
        """Note where a cell stands. The first one of a row without a number says which row it is."""
        if not place:
            self._cell = {"column": ""}
            return
        found = _PLACE.fullmatch(place)
        if not found:
            raise errors.damaged_workbook()
        self._cell = {"column": found[1].upper()}
        if self._pieces[-1].tag == "row":
            self._pieces[-1] = Piece(tag=f'row r="{found[2]}"')

    def _end(self, name: str) -> None:
        match local(name):
            case "row":
                self._pieces.append(Piece(tag="/row"))
            case "c":
                self._pieces.append(Piece(**self._cell))
            case "v" | "t":
                self._is_value = False
            case "rPh":
                self._is_phonetic = False

    def _add(self, text: str) -> None:
        if self._is_value:
            self._cell["value"] = self._cell.get("value", "") + escape(text)
