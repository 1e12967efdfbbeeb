"""What the tests of workbooks share."""

import io

from importexport.files.opening import open_rows


def rows_of(content, **options):
    """Return the rows of a workbook with their numbers, the header among them."""
    rows = open_rows(io.BytesIO(content), score=len, **options)
    found = {rows.header_row: rows.header}
    while numbers_and_records := [*zip(*rows.next_rows(rows=3, size=1000), strict=True)]:
        found |= dict(numbers_and_records)
    return found


def only_cell(content):
    """Return the cell of a workbook with a single row below its header."""
    (_header, (cell, *_)) = rows_of(content).values()
    return cell
