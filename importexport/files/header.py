"""Maps header cells to columns; finds missing, repeated and unknown ones."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from importexport import errors

#: Columns added to files of rejected rows: the errors of a row, and its number in the original file.
#: An import ignores the first one and numbers its rows by the second.
ERROR_COLUMN = "import_error"
ROW_COLUMN = "import_row"
_SEPARATORS = re.compile(r"[\s_-]+")


def fold_label(text: str) -> str:
    """Return the key under which headers and choices match: without case, spaces, ``-`` and ``_``."""
    return _SEPARATORS.sub("", text).casefold()


#: Folded labels of the columns added to files of rejected rows.
CARRIED = {fold_label(ERROR_COLUMN), fold_label(ROW_COLUMN)}


@dataclass(frozen=True)
class Header:
    """A recognised header: its ``cells``, the ``positions`` of known columns, and the ``ignored`` names."""

    cells: list[str]
    positions: dict[str, int]
    ignored: list[str]
    #: Positions of the columns with errors and original row numbers in a file of rejected rows, else None.
    error_position: int | None = None
    row_position: int | None = None

    @property
    def width(self) -> int:
        """The number of cells of a complete row."""
        return len(self.cells)


def count_known(cells: Iterable[str], columns: Iterable[str]) -> int:
    """Return the number of cells that name a column."""
    known = {fold_label(name) for name in columns}
    return sum(fold_label(cell) in known for cell in cells)


def read_header(cells: Sequence[str], *, columns: Iterable[str], required: Iterable[str]) -> Header:
    """Match header cells to column names; raise FileError for repeated columns and missing required columns."""
    known = {fold_label(name): name for name in columns}
    positions: dict[str, int] = {}
    ignored: dict[str, None] = {}
    for position, cell in enumerate(cells):
        name = known.get(fold_label(cell))
        if name in positions:
            raise errors.repeated_column(name)
        if name:
            positions[name] = position
        elif cell.strip() and fold_label(cell) not in CARRIED:
            ignored[cell.strip()] = None
    if missing := [name for name in required if name not in positions]:
        raise errors.missing_columns(missing)
    labels = [fold_label(cell) for cell in cells]
    places = (labels.index(label) if label in labels else None for label in map(fold_label, (ERROR_COLUMN, ROW_COLUMN)))
    return Header(list(cells), positions, list(ignored), *places)
