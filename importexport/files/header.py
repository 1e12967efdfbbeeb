"""Maps header cells to columns; finds missing, repeated and unknown ones."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crm.characters import INVISIBLE, trim
from importexport.files.formula import unmark

#: No file of a known program has more columns; without a limit, one of delimiters only would take a gigabyte.
COLUMNS_LIMIT = 5_000
#: Columns added to files of rejected rows: the errors of a row, and its number in the original file.
#: An import ignores the first one and numbers its rows by the second.
ERROR_COLUMN = "import_error"
ROW_COLUMN = "import_row"
#: The dashes of Unicode (category Pd), and the minus sign.
_DASHES = (
    "\\-\u058a\u05be\u1400\u1806\u2010-\u2015\u2212\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u301c\u3030\u30a0\ufe31\ufe32"
    "\ufe58\ufe63\uff0d\U00010d6e\U00010ead"
)
_SEPARATORS = re.compile(rf"[\s_{_DASHES}{INVISIBLE}]+")


def fold_label(text: str) -> str:
    """Return the key under which headers and choices match: without case, white space, dashes, ``_`` and invisible
    characters."""
    return _SEPARATORS.sub("", text).casefold()


def fold_cell(cell: str) -> str:
    """Return the key under which a cell of the header matches. Like any other, it may have a formula mark."""
    return fold_label(unmark(cell))


#: Folded labels of the columns added to files of rejected rows.
CARRIED = {fold_label(ERROR_COLUMN), fold_label(ROW_COLUMN)}


@dataclass(frozen=True)
class Header:
    """A recognised header: its ``cells``, the ``positions`` of known columns, and the names that are ``ignored``, or
    ``repeated`` known ones."""

    cells: list[str]
    positions: dict[str, int]
    ignored: list[str]
    repeated: list[str]
    #: The names of the columns that are not imported, by position; "" if they have none.
    dropped: dict[int, str]
    #: Positions of the columns with errors and original row numbers in a file of rejected rows, else None.
    error_position: int | None = None
    row_position: int | None = None
    #: The ignored names that another program's table knows, although we have no such column.
    foreign: frozenset[str] = frozenset()

    @property
    def width(self) -> int:
        """The number of cells of a complete row."""
        return len(self.cells)

    def missing(self, columns: Iterable[str]) -> list[str]:
        """Return those of some columns that the header lacks."""
        return [name for name in columns if name not in self.positions]

    def name_at(self, position: int) -> str:
        """Return the name of the column at a position; if it has none, its number."""
        known = (name for name, at in self.positions.items() if at == position)
        own = trim(self.cells[position]) if position < self.width else ""
        return next(known, own or f"column {position + 1}")


def count_known(cells: Iterable[str], columns: Iterable[str]) -> int:
    """Return the number of cells that name a column."""
    known = {fold_label(name) for name in columns}
    return sum(fold_cell(cell) in known for cell in cells)


def read_header(cells: Sequence[str], *, columns: Iterable[str]) -> Header:
    """Match header cells to column names."""
    known = {fold_label(name): name for name in columns}
    positions: dict[str, int] = {}
    dropped: dict[int, str] = {}
    repeated: dict[str, None] = {}
    labels = [fold_cell(cell) for cell in cells]
    for position, (cell, label) in enumerate(zip(cells, labels, strict=True)):
        name = known.get(label)
        if name in positions:
            repeated[name] = None
        elif name:
            positions[name] = position
        elif label not in CARRIED:
            dropped[position] = trim(cell)
    ignored = list(dict.fromkeys(filter(None, dropped.values())))
    places = (labels.index(label) if label in labels else None for label in map(fold_label, (ERROR_COLUMN, ROW_COLUMN)))
    error_position, row_position = places
    return Header(list(cells), positions, ignored, list(repeated), dropped, error_position, row_position)
