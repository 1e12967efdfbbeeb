"""Downloads of a run: rejected rows and row log."""

import io
import itertools
from collections.abc import Iterator, Mapping, Sequence

from django.db import transaction

from importexport import errors
from importexport.engine.fixes import Fixes
from importexport.files.csv_writer import csv_text
from importexport.files.formula import mark
from importexport.files.rejected_rows import RejectedRows
from importexport.files.rejected_workbook import RejectedWorkbook
from importexport.files.table import Batch
from importexport.files.xlsx import Sink
from importexport.history import suggestions
from importexport.history.fixes import fixes_of
from importexport.history.row_log import LoggedRow, shown_changes
from importexport.models import ImportRun, RejectedRow

#: The size of a piece of a download in bytes.
CHUNK = 64 * 1024


def rejected_file(run: ImportRun) -> Iterator[bytes]:
    """Yield the rejected rows as CSV: original columns, delimiter and byte-order mark, plus ``import_row`` and
    ``import_error``."""
    chunk = io.BytesIO()
    header = run.header
    rows = RejectedRows(
        chunk,
        header=header["cells"],
        delimiter=header["delimiter"],
        has_mark=header.get("mark", False),  # Runs of earlier versions do not say so.
        numbered=True,
    )
    for row in all_rejected(run):
        rows.add([row])
        if chunk.tell() > CHUNK:
            yield chunk.getvalue()
            chunk.seek(0)
            chunk.truncate()
    yield chunk.getvalue()


def rejected_workbook(run: ImportRun) -> Iterator[bytes]:
    """Yield the rejected rows as a workbook: like rejected_file, with the cells at fault coloured and noted."""
    sink = Sink()
    rows = RejectedWorkbook(sink, header=run.header["cells"], positions=positions_in(run), numbered=True)
    for row in all_rejected(run):
        rows.add([row])
        if piece := sink.take():
            yield piece
    rows.close()
    yield sink.take()


def all_rejected(run: ImportRun) -> Iterator[RejectedRow]:
    """Yield the rejected rows in file order, in a transaction, without holding all of them in memory.

    Those that somebody has left out are not to be corrected, and what somebody has changed about the others is done.
    """
    fixes = None if run.reading else fixes_of(run)  # A file of another program may have dates that are not ours.
    with transaction.atomic():
        found = RejectedRow.objects.of(run).order_by("number", "id").iterator(chunk_size=1000)
        rows = (row for row in found if not row.is_left_out)
        while some := list(itertools.islice(rows, 1000)):
            if fixes:
                change_rows(some, fixes, positions_in(run))
            yield from some


def positions_in(run: ImportRun) -> dict[str, int]:
    """Return the positions of the columns in the file of a run, by name; of several, the first."""
    columns = run.header.get("columns", [])
    return {name: position for position, name in reversed([*enumerate(columns)]) if name}


def change_rows(rows: Sequence[RejectedRow], fixes: Fixes, positions: Mapping[str, int]) -> None:
    """Change the cells of rejected rows as fixes say."""
    width = 1 + max(positions.values(), default=0)
    for row in rows:
        row.cells = row.cells + [""] * (width - len(row.cells))
    columns = {name: [row.cells[position] for row in rows] for name, position in positions.items()}
    batch = Batch([row.number for row in rows], [row.cells for row in rows], dict(columns))
    fixes.apply(batch)
    for (i, column), (_, fix) in batch.fixed.items():
        rows[i].cells[positions[column]] = fix.new


CSV_HEADER = ["import_row", "action", "entity", "record", "column", "before", "after", "import_error"]
CHUNK_ROWS = 500


def message_of(row: LoggedRow, run: ImportRun) -> str:
    """Return the message for a rejected row, with suggestions."""
    return errors.at_row(row.number, suggestions.sentences(run, row))


def csv_chunks(rows: Iterator[LoggedRow], run: ImportRun) -> Iterator[bytes]:
    """Yield rows of the row log as CSV: one line per row, or one per changed cell."""
    yield csv_text([CSV_HEADER]).encode()
    with transaction.atomic():
        while some := list(itertools.islice(rows, CHUNK_ROWS)):
            yield csv_text(line for row in some for line in csv_lines(row, run)).encode()


def csv_lines(row: LoggedRow, run: ImportRun) -> Iterator[list[str]]:
    """Yield the lines for a row of the row log."""
    head = [str(row.number), row.action, row.entity, str(row.record or "")]
    error = message_of(row, run) if row.action == "reject" else row.note or suggestions.about_new(run, row)
    for name, before, after in list(shown_changes(row)) or [("", "", "")]:
        yield [*head, name, mark(before), mark(after), mark(error)]
