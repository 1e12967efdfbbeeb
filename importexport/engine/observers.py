"""Observers of an import: report, recorder, rejected rows file, progress bar …"""

from collections.abc import Callable
from typing import BinaryIO

from importexport.engine.outcome import Outcome
from importexport.engine.report import Report
from importexport.files.rejected_rows import RejectedRows
from importexport.files.rejected_workbook import RejectedWorkbook
from importexport.files.table import Table

#: Called after each batch with the number of rows processed and the bytes of the file read so far.
Progress = Callable[[int, int], None]


class Observer:
    """Receives the progress of an import, inside its transaction. A retry of the import calls ``begin`` again.

    A subclass overrides what it needs.
    """

    def begin(self, table: Table) -> None:
        """Called when the header has been read, before the first row."""

    def add(self, outcome: Outcome) -> None:
        """Called after each batch."""

    def end(self, report: Report) -> None:
        """Called after the last row. Anything written to the database commits or rolls back with the import."""


class ProgressObserver(Observer):
    """Reports the number of rows and bytes after each batch."""

    def __init__(self, tell: Progress) -> None:
        self._tell = tell

    def begin(self, table: Table) -> None:
        self._table, self._rows = table, 0

    def add(self, outcome: Outcome) -> None:
        self._rows += outcome.rows
        self._tell(self._rows, self._table.rows.bytes_read)


class RejectedRowsObserver(Observer):
    """Writes the rejected rows to a file while the import runs."""

    def __init__(self, file: BinaryIO, *, as_workbook: bool = False) -> None:
        self._file = file
        self._as_workbook = as_workbook
        self._rows: RejectedRows | RejectedWorkbook | None = None

    def begin(self, table: Table) -> None:
        """Write the header, and discard what a previous attempt has written."""
        if self._rows:
            self._file.seek(0)
            self._file.truncate()
        self._rows = self._as_rows(table)

    def _as_rows(self, table: Table) -> RejectedRows | RejectedWorkbook:
        header, rows = table.header, table.rows
        if self._as_workbook:
            return RejectedWorkbook(self._file, header=header.cells, positions=header.positions)
        return RejectedRows(self._file, header=header.cells, delimiter=rows.delimiter, has_mark=rows.has_mark)

    def add(self, outcome: Outcome) -> None:
        if self._rows:
            self._rows.add(outcome.rejected)

    def end(self, report: Report) -> None:
        """Complete a workbook."""
        if isinstance(self._rows, RejectedWorkbook):
            self._rows.close()
