"""Who is told what an import does: the report, the recorder, the file of rejected rows, the progress bar …"""

from collections.abc import Callable
from typing import BinaryIO, Protocol

from importexport.engine.outcome import Outcome
from importexport.engine.report import Report
from importexport.files.rejected_rows import RejectedRows
from importexport.files.table import Table

#: Told after every batch: rows taken so far, bytes of the file read so far.
Progress = Callable[[int, int], None]


class Observer(Protocol):
    """Told what an import does, inside its transaction. One that is retried begins again."""

    def begin(self, table: Table) -> None:
        """The header is understood, and no row is read yet."""

    def add(self, outcome: Outcome) -> None:
        """A batch is done."""

    def end(self, report: Report) -> None:
        """All rows are done; what is written here is stored with them, or not at all."""


class ProgressObserver:
    """Tells rows and bytes after every batch."""

    def __init__(self, tell: Progress) -> None:
        self._tell = tell

    def begin(self, table: Table) -> None:
        """Count from the start."""
        self._table, self._rows = table, 0

    def add(self, outcome: Outcome) -> None:
        """Tell how far the import is."""
        self._rows += outcome.rows
        self._tell(self._rows, self._table.rows.bytes_read)

    def end(self, report: Report) -> None:
        """All has been told."""


class RejectedRowsObserver:
    """Writes the rejected rows to a file, as they come."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._rows: RejectedRows | None = None

    def begin(self, table: Table) -> None:
        """Write the header; what an earlier try has written goes."""
        if self._rows:
            self._file.seek(0)
            self._file.truncate()
        self._rows = RejectedRows(self._file, header=table.header.cells, delimiter=table.rows.delimiter)

    def add(self, outcome: Outcome) -> None:
        """Write a batch's rejected rows."""
        if self._rows:
            self._rows.add(outcome.rejected)

    def end(self, report: Report) -> None:
        """All has been written."""
