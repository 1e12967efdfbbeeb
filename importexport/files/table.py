"""A file as a table: batches of rows, with a list per column."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import tablib

from crm.characters import trim
from importexport import errors
from importexport.files import csv_reader, header, header_check
from importexport.files.text.overlong import Cut

ROWS_PER_BATCH = 3_000
#: Wide rows make for smaller batches, so that memory use does not depend on the size of the cells.
BYTES_PER_BATCH = 1152 * 1024
#: A valid row number, also as a program wrote it that took it for a decimal (``7.0``). The header is row 1.
_ROW_NUMBER = re.compile(r"(?!1(?:\.0+)?$)([1-9][0-9]{0,11})(?:\.0+)?")

_LONE_CR = re.compile(r"\r(?!\n)")


@dataclass
class Batch:
    """A batch of rows.

    ``records`` are the original rows and ``columns`` the cells of each known column in the file, by name. ``surplus``
    has the number of cells of each row that has too many, by position, and ``broken`` the names of the columns in which
    a row has a lone CR.

    Corrected rows keep the numbers that they had when they were rejected. ``repeats`` has the number and original error
    of each, and ``unnumbered`` the positions of rows whose number is invalid. ``cut`` has the positions of rows that
    are too long, of which only the beginning was read.
    """

    numbers: list[int]
    records: list[list[str]]
    columns: dict[str, Sequence[str]] = field(default_factory=dict)
    surplus: dict[int, int] = field(default_factory=dict)
    broken: dict[int, list[str]] = field(default_factory=dict)
    repeats: list[tuple[int, str]] = field(default_factory=list)
    unnumbered: list[int] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    #: What a layout has found: errors by position and column, and warnings.
    faults: Mapping[int, Mapping[str, errors.RowError]] = field(default_factory=dict)
    warnings: Mapping[int, list[tuple[str, errors.RowWarning]]] = field(default_factory=dict)
    #: What somebody has changed about the file (see engine.fixes): former texts by position and column, each with its
    #: fix, and the fixes that leave rows out, by position.
    fixed: dict[tuple[int, str], tuple[str, Any]] = field(default_factory=dict)
    left_out: dict[int, Any] = field(default_factory=dict)


class Rows(Protocol):
    """A source of rows."""

    header: list[str]
    #: The row number of the header.
    header_row: int
    #: What separates cells; "" if no character does.
    delimiter: str
    #: Positions of the cells with a lone CR in the rows last returned, by row number.
    broken: dict[int, list[int]]
    #: The ranges of merged cells below the header; known when all rows have been returned.
    merged: Sequence[str]
    #: Whether another thread may read the next rows. Reading a pipe might block that thread forever.
    may_read_ahead: bool

    @property
    def cut(self) -> Mapping[int, Cut]:
        """The rows last returned of which only the beginning was read, by row number."""

    @property
    def bytes_read(self) -> int:
        """The position in the file."""

    @property
    def has_mark(self) -> bool:
        """Whether the file begins with a byte-order mark."""

    def next_rows(self, *, rows: int, size: int) -> tuple[list[int], list[list[str]]]:
        """Return the next rows and their numbers."""


class Filled(Protocol):
    """A batch of another program's file in our columns, with what was found on the way."""

    columns: dict[str, Sequence[str]]
    faults: dict[int, dict[str, errors.RowError]]
    warnings: dict[int, list[tuple[str, errors.RowWarning]]]


class Layout(Protocol):
    """How the cells of another program's file become cells of ours (see sources.layout)."""

    header: header.Header

    @property
    def soft(self) -> Collection[str]:
        """The columns that are left blank, and told, where they name no record."""

    def fill(self, by_position: Sequence[Sequence[str]], count: int) -> Filled:
        """Return a batch in our columns; ``by_position`` has its cells by their position in the file."""


#: The columns that a file must have: a list, or what returns one for the columns that it has.
Required = list[str] | Callable[[Collection[str]], list[str]]


class Table:
    """The rows that an import reads: the ``header`` and, once, the ``batches``.

    The header's names are our columns, unless a ``layout`` says what they are. Which columns are ``required`` can
    depend on those that there are.
    """

    def __init__(
        self, rows: Rows, *, columns: list[str], required: Required, entity: str = "", layout: Layout | None = None
    ) -> None:
        self.rows = rows
        self.layout = layout
        self.header = layout.header if layout else header.read_header(rows.header, columns=columns)
        #: How many cells of each ignored column are filled, in the rows read so far; "": of all that have no name.
        self.ignored_cells = Counter(dict.fromkeys(self.header.ignored, 0))
        needed = required(self.header.positions) if callable(required) else required
        header_check.check(self.header, rows, columns=columns, required=needed, entity=entity)

    def batches(self) -> Iterator[Batch]:
        """Yield the rows in batches, without blank rows."""
        while True:
            numbers, records = self.rows.next_rows(rows=ROWS_PER_BATCH, size=BYTES_PER_BATCH)
            if not records:
                return
            yield self._batch(numbers, records)

    def _batch(self, numbers: list[int], records: list[list[str]]) -> Batch:
        batch = Batch(numbers, records)
        width = self.header.width
        rows = records
        if set(map(len, records)) != {width}:
            batch.surplus = {i: len(r) for i, r in enumerate(records) if len(r) > width and any(map(trim, r[width:]))}
            limit = max(width, header.COLUMNS_LIMIT)
            batch.records = [r[:limit] for r in records] if any(n > limit for n in batch.surplus.values()) else records
            rows = [r[:width] + [""] * (width - len(r)) for r in records]
        by_position = list(zip(*rows, strict=True))
        if self.layout:
            ours = self.layout.fill(by_position, len(rows))
            batch.columns, batch.faults, batch.warnings = ours.columns, ours.faults, ours.warnings
        else:
            batch.columns = {name: by_position[i] for name, i in self.header.positions.items()}
        for i, name in self.header.dropped.items():
            if filled := count_filled(by_position[i]):
                self.ignored_cells[name] += filled
        if self.rows.cut:
            self._note_cut(batch)
        if self.rows.broken:
            batch.broken = {
                i: [errors.echo(self.header.name_at(position)) for position in self.rows.broken[number]]
                for i, number in enumerate(numbers)
                # Of a row with too many cells, nothing else is said.
                if number in self.rows.broken and i not in batch.surplus
            }
        if self.header.row_position is not None:
            self._renumber(batch, by_position)
        return batch

    def _note_cut(self, batch: Batch) -> None:
        """Note the rows that are too long, unless only their last cell is, in a column that is not imported."""
        for i, number in enumerate(batch.numbers):
            position, cells = self.rows.cut.get(number, (0, 1))
            if cells > self.header.width:
                batch.surplus[i] = cells
            elif number in self.rows.cut and not (position == cells - 1 and position in self.header.dropped):
                batch.cut.append(i)

    def _renumber(self, batch: Batch, by_position: list[tuple[str, ...]]) -> None:
        """Replace row numbers by those in the file. Rows without a number were added by hand and keep theirs."""
        error_position = self.header.error_position
        carried = by_position[cast(int, self.header.row_position)]
        for i, text in enumerate(map(trim, carried)):
            if form := _ROW_NUMBER.fullmatch(text):
                batch.numbers[i] = int(form[1])
                batch.repeats.append(
                    (batch.numbers[i], by_position[error_position][i] if error_position is not None else "")
                )
            elif text:
                batch.unnumbered.append(i)


def count_filled(cells: Sequence[str]) -> int:
    """Return how many cells are not blank."""
    if cells.count("") == len(cells):
        return 0
    strip = str.strip if "".join(cells).isascii() else trim
    return sum(map(bool, map(strip, cells)))


class KeptRows:
    """Rows that were read before as a source of rows: their cells by row number, under the cells of their header."""

    header_row = 1
    has_mark = False
    bytes_read = 0
    merged: Sequence[str] = ()
    cut: Mapping[int, Cut] = {}
    may_read_ahead = False

    def __init__(self, header: list[str], rows: Sequence[tuple[int, list[str]]], *, delimiter: str) -> None:
        self.header, self.delimiter = header, delimiter
        self.broken: dict[int, list[int]] = {}
        self._rows = list(rows)

    def next_rows(self, *, rows: int, size: int) -> tuple[list[int], list[list[str]]]:
        """Return all rows, the first time. In a CSV file, a lone CR breaks a cell."""
        found, self._rows = self._rows, []
        if self.delimiter:
            broken = {number: [at for at, cell in enumerate(cells) if _LONE_CR.search(cell)] for number, cells in found}
            self.broken = {number: places for number, places in broken.items() if places}
        return [number for number, _ in found], [cells for _, cells in found]


class DatasetRows:
    """A tablib dataset as a source of rows, for callers of django-import-export's own interface."""

    header_row = 1
    delimiter = ","
    has_mark = False
    bytes_read = 0
    merged: Sequence[str] = ()
    cut: Mapping[int, Cut] = {}
    may_read_ahead = False

    def __init__(self, dataset: tablib.Dataset) -> None:
        self.header = [str(cell) for cell in dataset.headers or []]
        self.broken: dict[int, list[int]] = {}
        self._rows = enumerate(dataset, 2)

    def next_rows(self, *, rows: int, size: int) -> tuple[list[int], list[list[str]]]:
        """Return the next rows and their numbers. None becomes a blank cell."""
        numbers, records = [], []
        for number, row in self._rows:
            record = ["" if cell is None else str(cell) for cell in row]
            if not csv_reader.is_blank(record):
                numbers.append(number)
                records.append(record)
            if len(records) == rows:
                break
        return numbers, records
