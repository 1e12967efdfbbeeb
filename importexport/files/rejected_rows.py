"""Writes rejected rows to a CSV file that can be corrected and imported again."""

import codecs
from collections.abc import Iterable, Sequence
from typing import BinaryIO, Protocol

from importexport.files.csv_writer import csv_text
from importexport.files.formula import mark, unmark
from importexport.files.header import CARRIED, ERROR_COLUMN, ROW_COLUMN, fold_cell, fold_label


class Rejected(Protocol):
    """A rejected row with its number, its original cells, and its message."""

    @property
    def number(self) -> int: ...

    @property
    def cells(self) -> list[str]: ...

    @property
    def message(self) -> str: ...


class RejectedRows:
    """Writes rejected rows with the original columns, delimiter and byte-order mark and a last column ``import_error``.
    Those of a workbook are delimited by commas.

    Cells are marked as in an export, and mean to an import what the original ones meant. With ``numbered``, the column
    ``import_row`` comes before it: the original row number, which a corrected row keeps.
    """

    def __init__(
        self, file: BinaryIO, *, header: Sequence[str], delimiter: str, has_mark: bool = False, numbered: bool = False
    ) -> None:
        self._file = file
        self._delimiter = delimiter or ","
        self._width = len(header)
        self._numbered = numbered
        self._kept = own_positions(header, numbered=numbered)
        if has_mark:
            file.write(codecs.BOM_UTF8)
        self._write([[*self._own(list(header)), *[ROW_COLUMN] * numbered, ERROR_COLUMN]])

    def add(self, rejected: Iterable[Rejected]) -> None:
        """Append rejected rows. Cells beyond the header follow the message."""
        self._write(
            [*self._own(row.cells), *[str(row.number)] * self._numbered, row.message, *row.cells[self._width :]]
            for row in rejected
        )

    def _own(self, record: list[str]) -> list[str]:
        return [record[i] if i < len(record) else "" for i in self._kept]

    def _write(self, rows: Iterable[list[str]]) -> None:
        marked = ([mark(unmark(cell)) for cell in row] for row in rows)
        self._file.write(csv_text(marked, delimiter=self._delimiter).encode())
        # Flush, so that a full disk raises while the import can still be rolled back.
        self._file.flush()


def own_positions(header: Sequence[str], *, numbered: bool) -> list[int]:
    """Return the positions of the columns that are not those of an earlier file of rejected rows."""
    own = CARRIED if numbered else {fold_label(ERROR_COLUMN)}
    return [i for i, cell in enumerate(header) if fold_cell(cell) not in own]
