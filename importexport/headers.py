"""Header cells → columns: which are there, missing, repeated, ignored."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from importexport import faults

#: The column that rejected rows carry; an import knows it and passes it over.
ERROR_COLUMN = "import_error"
_SEPARATORS = re.compile(r"[\s_-]+")


def fold_label(text: str) -> str:
    """Return the key under which headers and choices match: no case, spaces, ``-`` or ``_``."""
    return _SEPARATORS.sub("", text).casefold()


@dataclass(frozen=True)
class Header:
    """A file's header as understood: ``cells`` as they are, ``positions`` by column name, ``ignored`` names."""

    cells: list[str]
    positions: dict[str, int]
    ignored: list[str]

    @property
    def width(self) -> int:
        """How many cells a row may have."""
        return len(self.cells)


def count_known(cells: Iterable[str], columns: Iterable[str]) -> int:
    """Return how many cells are the name of a column."""
    known = {fold_label(name) for name in columns}
    return sum(fold_label(cell) in known for cell in cells)


def read_header(cells: Sequence[str], *, columns: Iterable[str], required: Iterable[str]) -> Header:
    """Match header cells to column names; raise FileFault for a repeated or a missing required column."""
    known = {fold_label(name): name for name in columns}
    positions: dict[str, int] = {}
    ignored: dict[str, None] = {}
    for position, cell in enumerate(cells):
        name = known.get(fold_label(cell))
        if name in positions:
            raise faults.repeated_column(name)
        if name:
            positions[name] = position
        elif cell.strip() and fold_label(cell) != fold_label(ERROR_COLUMN):
            ignored[cell.strip()] = None
    if missing := [name for name in required if name not in positions]:
        raise faults.missing_columns(missing)
    return Header(list(cells), positions, list(ignored))
