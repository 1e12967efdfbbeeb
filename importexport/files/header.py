"""Header cells → columns: which are there, missing, repeated, ignored."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from importexport import errors

#: The columns that rejected rows carry: what is wrong with a row, and the row's number in the file that it came from.
#: An import passes the first over, and calls the row by the second.
ERROR_COLUMN = "import_error"
ROW_COLUMN = "import_row"
_SEPARATORS = re.compile(r"[\s_-]+")


def fold_label(text: str) -> str:
    """Return the key under which headers and choices match: no case, spaces, ``-`` or ``_``."""
    return _SEPARATORS.sub("", text).casefold()


#: Labels of the columns that rejected rows carry.
CARRIED = {fold_label(ERROR_COLUMN), fold_label(ROW_COLUMN)}


@dataclass(frozen=True)
class Header:
    """A file's header as understood: ``cells`` as they are, ``positions`` by column name, ``ignored`` names."""

    cells: list[str]
    positions: dict[str, int]
    ignored: list[str]
    #: Where rejected rows say what was wrong and which rows they were; None in a file that does not.
    error_position: int | None = None
    row_position: int | None = None

    @property
    def width(self) -> int:
        """How many cells a row may have."""
        return len(self.cells)


def count_known(cells: Iterable[str], columns: Iterable[str]) -> int:
    """Return how many cells are the name of a column."""
    known = {fold_label(name) for name in columns}
    return sum(fold_label(cell) in known for cell in cells)


def read_header(cells: Sequence[str], *, columns: Iterable[str], required: Iterable[str]) -> Header:
    """Match header cells to column names; raise FileError for a repeated or a missing required column."""
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
