"""What is kept of a run's rows as CSV files: the rejected rows, and the row log."""

import csv
import io
from collections.abc import Iterator

from importexport import errors
from importexport.files.formula import mark
from importexport.files.rejected_rows import RejectedRows
from importexport.history import suggestions
from importexport.history.row_log import LoggedRow, shown_changes
from importexport.models import ImportRun

#: Bytes of a download that are sent in one piece.
CHUNK = 64 * 1024


def rejected_file(run: ImportRun) -> Iterator[bytes]:
    """Yield the rejected rows as CSV: the file's own columns and delimiter, ``import_row`` and ``import_error``."""
    chunk = io.BytesIO()
    rows = RejectedRows(chunk, header=run.header["cells"], delimiter=run.header["delimiter"], numbered=True)
    for row in run.rejected_rows.order_by("number", "id").iterator(chunk_size=1000):
        rows.add([row])
        if chunk.tell() > CHUNK:
            yield chunk.getvalue()
            chunk.seek(0)
            chunk.truncate()
    yield chunk.getvalue()


CSV_HEADER = ["import_row", "action", "entity", "record", "column", "before", "after", "import_error"]
CHUNK_ROWS = 500


def message_of(row: LoggedRow, run: ImportRun) -> str:
    """Return what is wrong with a row, and what was perhaps meant."""
    return errors.at_row(row.number, suggestions.sentences(run, row))


def csv_chunks(rows: Iterator[LoggedRow], run: ImportRun) -> Iterator[bytes]:
    """Yield rows of the row log as CSV: a line for each, or one for each cell that it changes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(CSV_HEADER)
    for count, row in enumerate(rows, 1):
        head = [row.number, row.action, row.entity, row.record or ""]
        error = message_of(row, run) if row.action == "reject" else row.note
        for name, before, after in list(shown_changes(row)) or [("", "", "")]:
            writer.writerow([*head, name, mark(before), mark(after), mark(error)])
        if count % CHUNK_ROWS == 0:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()
