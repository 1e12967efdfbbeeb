"""Writes rejected rows to a workbook: cells at fault are coloured, and have their message as a note."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from importexport import errors
from importexport.files.formula import is_error_value, unmark
from importexport.files.header import ERROR_COLUMN, ROW_COLUMN
from importexport.files.noted_workbook import BOLD, CELL_LIMIT, FAULT, PLAIN, Cell, NotedWorkbook
from importexport.files.rejected_rows import Rejected, own_positions
from importexport.files.xlsx import Sink

SHEET = "rejected"


class WithErrors(Rejected, Protocol):
    """A rejected row that says which columns are at fault: entries of column … message."""

    @property
    def errors(self) -> Sequence[Sequence[Any]]: ...


class RejectedWorkbook:
    """Writes the rows that RejectedRows writes, as text cells that an import reads as the original ones.

    ``positions`` are those of the columns in the file, by name.
    """

    def __init__(
        self, file: Any, *, header: Sequence[str], positions: Mapping[str, int], numbered: bool = False
    ) -> None:
        self._file = file
        #: A workbook that is given up must not write to the file any more, as zipfile would.
        self._sink = Sink()
        self._numbered = numbered
        self._width = len(header)
        self._kept = own_positions(header, numbered=numbered)
        self._positions = positions
        own = [unmark(header[i]) for i in self._kept]
        titles = [*own, *[ROW_COLUMN] * numbered, ERROR_COLUMN]
        self._workbook = NotedWorkbook(self._sink, sheet=SHEET, header=[Cell(title, style=BOLD) for title in titles])

    def add(self, rejected: Iterable[WithErrors]) -> None:
        """Append rejected rows. Cells beyond the header follow the message."""
        self._workbook.add([*self._cells(row)] for row in rejected)
        self._pass_on()

    def close(self) -> None:
        """Write what stands behind the rows."""
        self._workbook.close()
        self._pass_on()

    def _pass_on(self) -> None:
        self._file.write(self._sink.take())
        # A full disk raises while the import can still be rolled back.
        self._file.flush()

    def _cells(self, row: WithErrors) -> Iterator[Cell]:
        notes: dict[int | None, list[str]] = {}
        for column, *_code, sentence in row.errors:
            notes.setdefault(self._positions.get(column), []).append(str(sentence))
        for position in self._kept:
            yield cell_of(row.cells[position] if position < len(row.cells) else "", notes.get(position, []))
        if self._numbered:
            yield Cell(str(row.number))
        yield Cell(row.message, style=FAULT if None in notes else PLAIN)
        yield from (cell_of(cell, []) for cell in row.cells[self._width :])


def cell_of(original: str, notes: Sequence[str]) -> Cell:
    """Return a cell of a rejected row, with the messages about it."""
    text = unmark(original)
    if len(text) > CELL_LIMIT:
        notes = [*notes, errors.cut_for_a_cell(CELL_LIMIT)]
    is_error = is_error_value(trimmed := original.strip())
    return Cell(trimmed.upper() if is_error else text, "\n".join(notes), FAULT if notes else PLAIN, is_error)
