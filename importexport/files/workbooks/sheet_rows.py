"""The rows of an XLSX sheet: its XML → lists of texts."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from importexport import errors
from importexport.files.workbooks.cells import ROW, Pieces, find_pieces
from importexport.files.workbooks.number_formats import NumberFormat
from importexport.files.workbooks.places import ROWS, Columns, column_letters
from importexport.files.workbooks.sheet_xml import blocks
from importexport.files.workbooks.sheets import Row
from importexport.files.workbooks.values import Unusual, Values
from importexport.files.workbooks.whole_rows import WholeRows

_SHEET_DATA = re.compile(rb"<sheetData(?=[\s/>])[^>]*>")
_ROW_NUMBER = re.compile(r'\sr="([0-9]{1,7})"')
_OTHER_NUMBER = re.compile(r"\sr\s*=")


#: The names of a row's cells, if there are none missing: all of them, or no names at all.
_LETTERS = tuple(column_letters(position) for position in range(702))
_NO_LETTERS = ("",) * len(_LETTERS)


def is_in_order(names: Sequence[str]) -> bool:
    """Whether the cells of a row stand at their places."""
    return names in (_NO_LETTERS[: len(names)], _LETTERS[: len(names)])


class SheetRows:
    """Reads the rows of a sheet, with the strings and the number formats, by style, that it refers to."""

    def __init__(self, *, strings: Sequence[str], formats: Sequence[NumberFormat], is_1904: bool) -> None:
        self._values = Values(strings, formats, is_1904=is_1904)
        self._whole = WholeRows(self._values)
        self._columns = Columns()
        self._number = 0
        #: What stands behind the rows.
        self.tail = b""

    def read(self, chunks: Iterable[bytes]) -> Iterator[list[Row]]:
        """Yield the filled rows of the XML with their numbers, some at a time."""
        is_inside = False
        for block in blocks(chunks, item="row", inside=("worksheet", "sheetData")):
            begin = 0
            if not is_inside and (start := _SHEET_DATA.search(block)):
                is_inside, begin = not start[0].endswith(b"/>"), start.end()
            if not is_inside:
                continue
            rows, end, self.tail = block[begin:].partition(b"</sheetData")
            yield self._read_rows(rows.decode())
            is_inside = not end
        if is_inside:
            raise errors.damaged_workbook()

    def _read_rows(self, rows: str) -> list[Row]:
        """Return the filled ones of whole rows."""
        before = self._number
        try:
            found = self._whole.read(rows, after=before)
            if found is None:
                return self._read_pieces(find_pieces(rows))
        except Unusual:
            self._number = before
            return self._read_pieces(Pieces().read(rows))
        self._number = found[-1][0]
        return found

    def _read_pieces(self, pieces: Sequence[tuple[str, ...]]) -> list[Row]:
        """Return the filled rows of some pieces. The work is done for all cells, or all of a row, at once."""
        if not pieces:
            return []
        columns, attributes, formulas, values, tags = zip(*pieces, strict=True)
        texts = [self._values[kind][value] for kind, value in zip(attributes, values, strict=True)]
        bounds = [i for i, tag in enumerate(tags) if tag]
        found: list[Row] = []
        for start, end in pairwise([*bounds, len(tags)]):
            tag = tags[start]
            if not ROW.match(tag):
                raise Unusual
            cells = [*texts[start + 1 : end]]
            names = columns[start + 1 : end]
            if tag[0] != "/":
                self._begin(tag, has_named=any(names[:1]))
            if any(formulas[start + 1 : end]):
                self._check_formulas(pieces[start + 1 : end])
            if any(cells):
                found.append((self._number, cells if is_in_order(names) else self._placed(names, cells)))
        if found:
            self._whole.learn(max(len(cells) for _number, cells in found), is_named=any(columns))
        return found

    def _placed(self, names: Sequence[str], cells: Sequence[str]) -> list[str]:
        """Return the cells of a row at their places; a cell without a name stands behind the one before it."""
        at = -1
        places = [at := self._columns[name] if name else at + 1 for name in names]
        if len({*places}) < len(places):
            raise errors.damaged_workbook()
        row = [""] * (max(places) + 1)
        for place, cell in zip(places, cells, strict=True):
            row[place] = cell
        return row

    def _check_formulas(self, cells: Sequence[tuple[str, ...]]) -> None:
        """Raise FileError if a cell of a row has a formula, but no value. A text may be empty."""
        for at, (column, attributes, formula, value, _tag) in enumerate(cells):
            if formula and not value and 't="str"' not in attributes:
                raise errors.formula_without_value(self._number, column or column_letters(at))

    def _begin(self, row: str, *, has_named: bool) -> None:
        """Note the number of a row: the next one, unless its tag says otherwise, or the name of its first cell does."""
        given = _ROW_NUMBER.search(row)
        if not given and (has_named or _OTHER_NUMBER.search(row)):
            raise Unusual
        number = int(given[1]) if given else self._number + 1
        if not self._number < number <= ROWS:
            raise errors.damaged_workbook()
        self._number = number
