"""Rows that are written alike: a pattern takes each as a whole, so that the work is done by column."""

import re
from collections.abc import Sequence
from itertools import compress
from operator import lt

from importexport.files.workbooks.places import ROWS, column_letters
from importexport.files.workbooks.sheets import Row
from importexport.files.workbooks.values import Values

#: Wider rows make for patterns that take long to compile.
WIDEST = 300
#: How many blocks may not fit before there is no more trying.
PATIENCE = 5

_ROW = r'<row(?: r="([0-9]{1,7})")?(?![^<>]*\sr\s*=)[^<>/]*+>'
_CELL = r'([^<>/]*+)(?:/>|></c>|><(?:v|is><t)(?: xml:space="preserve")?>([^<]*+)</(?:t></is|v)></c>)'


def row_pattern(width: int, *, is_named: bool) -> re.Pattern[str]:
    """Return the pattern of a row: its number, and of each cell the attributes and the value.

    Cells that are named may be missing.
    """
    cells = (f'(?:<c r="{column_letters(i)}[0-9]+"{_CELL})?' if is_named else f"<c{_CELL}" for i in range(width))
    return re.compile(f"{_ROW}{''.join(cells)}</row>")


class WholeRows:
    """Reads blocks of rows that are all written as the rows before them; leaves other blocks alone."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._shape: tuple[int, bool] = (0, False)
        self._pattern: re.Pattern[str] | None = None
        self._misses = 0

    def learn(self, width: int, *, is_named: bool) -> None:
        """Note the shape of rows: the number of their cells, and whether these are named."""
        shape = (max(width, self._shape[0]), is_named)
        if self._misses < PATIENCE and width <= WIDEST and shape != self._shape:
            self._shape, self._pattern = shape, row_pattern(shape[0], is_named=is_named)

    def read(self, rows: str, *, after: int) -> list[Row] | None:
        """Return the rows of a block with their numbers, or None if any of them is written in another way."""
        found = self._pattern.findall(rows) if self._pattern else []
        if not found:
            return None
        if len(found) != rows.count("<row"):
            self._miss()
            return None
        given, *columns = zip(*found, strict=True)
        if self._shape[1] and not all(given):
            return None  # The names of the cells say which rows they are.
        numbers = row_numbers(given, after=after)
        if numbers is None:
            return None
        cells = map(self._texts, columns[::2], columns[1::2])
        return list(zip(numbers, map(list, zip(*cells, strict=True)), strict=True))

    def _miss(self) -> None:
        self._misses += 1
        if self._misses >= PATIENCE:
            self._pattern = None

    def _texts(self, attributes: Sequence[str], values: Sequence[str]) -> Sequence[str]:
        """Return the texts of a column's cells."""
        kinds = {*compress(attributes, values)}
        if not kinds:
            return values
        if len(kinds) == 1:
            return self._values[kinds.pop()].texts(values)
        known = self._values
        return [known[kind][value] for kind, value in zip(attributes, values, strict=True)]


def row_numbers(given: Sequence[str], *, after: int) -> Sequence[int] | None:
    """Return the numbers of rows that have either all one or none, or None if they are not in order."""
    if not any(given):
        numbers: Sequence[int] = range(after + 1, after + 1 + len(given))
    elif all(given):
        numbers = [*map(int, given)]
    else:
        return None
    is_in_order = after < numbers[0] and numbers[-1] <= ROWS and all(map(lt, numbers, numbers[1:]))
    return numbers if is_in_order else None
