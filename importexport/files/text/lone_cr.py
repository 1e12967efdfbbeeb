"""A lone CR in a file whose lines end otherwise ends a row, or stands inside a cell."""

import io

from importexport.files.header import COLUMNS_LIMIT
from importexport.files.text.lines import LONE_CR, RECORD_LIMIT, Endless
from importexport.files.text.overlong import KEPT, mark_of


class LongRow(Endless):
    """A row is longer than RECORD_LIMIT; ``index`` is its place among those that are returned."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index


class Halves:
    """Puts records together that a lone CR has parted.

    It has ended a row where both halves have as many cells as the header; everywhere else, it stands inside a cell.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._most_cells = max(width, COLUMNS_LIMIT)
        #: Whether a row was cut.
        self.has_cut = False
        self._row: list[str] | None = None
        self._start()

    def join(self, records: list[list[str]], *, is_end: bool) -> tuple[list[list[str]], dict[int, list[int]]]:
        """Return the next rows, and the positions of cells with a lone CR by the index of their row.

        The last row may go on in the next records, and is held back until the end. A row that is too long is cut, like
        a record (see overlong). Raises LongRow.
        """
        rows: list[list[str]] = []
        broken: dict[int, list[int]] = {}
        for record in (cells or [""] for cells in records):
            if record[0][:1] == LONE_CR:
                record[0] = record[0][1:]
                if self._row is not None and not len(self._row) == self._width == len(record):
                    self._extend(record)
                    if self._size > RECORD_LIMIT:
                        raise LongRow(len(rows))
                    continue
            self._finish(rows, broken)
            self._row = record
        if is_end:
            self._finish(rows, broken)
        return rows, broken

    def _start(self) -> None:
        self._positions: list[int] = []
        #: What the last cell goes on with. A cell may have millions of pieces.
        self._tail = io.StringIO()
        self._size = self._dropped = 0
        self._is_cut = False

    def _extend(self, record: list[str]) -> None:
        """Continue the row, whose last cell and the first of the record are one."""
        assert self._row
        self._size += 1 + sum(map(len, record))
        if self._size > KEPT or len(self._row) > self._most_cells:
            self.has_cut = self._is_cut = True
            self._dropped += len(record) - 1
            return
        first, *others = record
        if not self._tail.tell():
            self._positions.append(len(self._row) - 1)
        self._tail.write("\r" + first)
        if others:
            self._row[-1] += self._tail.getvalue()
            self._tail = io.StringIO()
            self._row += others

    def _finish(self, rows: list[list[str]], broken: dict[int, list[int]]) -> None:
        if self._row is None:
            return
        self._row[-1] += self._tail.getvalue() + (mark_of(self._dropped) if self._is_cut else "")
        if self._positions:
            broken[len(rows)] = self._positions
        rows.append(self._row)
        self._row = None
        if self._size:
            self._start()
