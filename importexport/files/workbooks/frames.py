"""What the process that reads a workbook tells the one that imports it: its header, then rows, then the end."""

import marshal
from collections.abc import Iterator
from typing import Any, BinaryIO

from importexport import errors
from importexport.files.csv_reader import is_blank
from importexport.files.header import CARRIED, COLUMNS_LIMIT
from importexport.files.text.lines import RECORD_LIMIT
from importexport.files.workbooks.places import first_cell
from importexport.files.workbooks.sheets import Sheet, Workbook

#: A frame is at most this many characters of text, unless a single row is longer.
FRAME_SIZE = 256 * 1024
#: The most characters of text in a sheet. A few shared strings could be referred to a million times.
TEXT_LIMIT = 2 * 1024**3

#: The most ranges of merged cells that are told.
MERGED_LIMIT = 10_000

#: Frames are tuples of plain values; the first one says what the frame is.
HEADER, ROWS, END, ERROR, OTHER_TYPE = "header", "rows", "end", "error", "other type"


def write_frame(file: BinaryIO, *frame: Any) -> None:
    """Write a frame: its length in four bytes, then its values."""
    # Version 2 looks for no values that are the same: it takes half the time.
    data = marshal.dumps(frame, 2)
    file.write(len(data).to_bytes(4, "big") + data)


def read_frame(file: BinaryIO) -> tuple:
    """Return the next frame; raise EOFError if the other process has ended without one."""
    size = file.read(4)
    data = file.read(int.from_bytes(size, "big"))
    return marshal.loads(data)  # noqa: S302 - it is our own process that has written it


def frames_of(workbook: Workbook, sheet: Sheet) -> Iterator[tuple]:
    """Yield the frames of a sheet. Rows are as wide as the header, or wider if they have more cells."""
    rows = filled_rows(workbook, sheet)
    number, header = next(rows, (0, []))
    if not header:
        raise errors.no_header()
    if len(header) > COLUMNS_LIMIT + len(CARRIED):
        raise errors.too_many_columns(COLUMNS_LIMIT)
    yield HEADER, sheet.name, number, header
    width = len(header)
    numbers: list[int] = []
    records: list[list[str]] = []
    size = whole = 0
    for number, cells in rows:
        length = len("".join(cells))
        if length > RECORD_LIMIT:
            raise errors.long_row(number, RECORD_LIMIT)
        if len(cells) < width:
            cells.extend([""] * (width - len(cells)))
        numbers.append(number)
        records.append(cells)
        size += length + len(cells)
        if size > FRAME_SIZE:
            whole += size
            if whole > TEXT_LIMIT:
                raise errors.oversized_workbook()
            yield ROWS, numbers, records, size, workbook.progress
            numbers, records, size = [], [], 0
    yield ROWS, numbers, records, size, 1.0
    yield END, sorted(sheet.merged[:MERGED_LIMIT], key=first_cell)


def filled_rows(workbook: Workbook, sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a sheet that are not blank, without the blank cells at their ends."""
    for rows in workbook.rows(sheet):
        for row in rows:
            cells = row[1]
            if not is_blank(cells):
                while not cells[-1]:
                    cells.pop()
                yield row
