"""Downloads of a run: rejected rows and row log."""

import csv
import io
from collections.abc import Iterator

from importexport import errors
from importexport.files.formula import mark
from importexport.files.rejected_rows import RejectedRows
from importexport.files.rejected_workbook import RejectedWorkbook
from importexport.files.xlsx import Sink
from importexport.history import suggestions
from importexport.history.row_log import LoggedRow, shown_changes
from importexport.models import ImportRun

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
    for row in run.rejected_rows.order_by("number", "id").iterator(chunk_size=1000):
        rows.add([row])
        if chunk.tell() > CHUNK:
            yield chunk.getvalue()
            chunk.seek(0)
            chunk.truncate()
    yield chunk.getvalue()


def rejected_workbook(run: ImportRun) -> Iterator[bytes]:
    """Yield the rejected rows as a workbook: like rejected_file, with the cells at fault coloured and noted."""
    sink = Sink()
    columns = run.header.get("columns", [])
    positions = {name: position for position, name in reversed([*enumerate(columns)]) if name}
    rows = RejectedWorkbook(sink, header=run.header["cells"], positions=positions, numbered=True)
    for row in run.rejected_rows.order_by("number", "id").iterator(chunk_size=1000):
        rows.add([row])
        if piece := sink.take():
            yield piece
    rows.close()
    yield sink.take()


CSV_HEADER = ["import_row", "action", "entity", "record", "column", "before", "after", "import_error"]
CHUNK_ROWS = 500


def message_of(row: LoggedRow, run: ImportRun) -> str:
    """Return the message for a rejected row, with suggestions."""
    return errors.at_row(row.number, suggestions.sentences(run, row))


def csv_chunks(rows: Iterator[LoggedRow], run: ImportRun) -> Iterator[bytes]:
    """Yield rows of the row log as CSV: one line per row, or one per changed cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(CSV_HEADER)
    for count, row in enumerate(rows, 1):
        head = [row.number, row.action, row.entity, row.record or ""]
        error = message_of(row, run) if row.action == "reject" else row.note or suggestions.about_new(run, row)
        for name, before, after in list(shown_changes(row)) or [("", "", "")]:
            writer.writerow([*head, name, mark(before), mark(after), mark(error)])
        if count % CHUNK_ROWS == 0:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()
