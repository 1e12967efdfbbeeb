"""Checks the header of a file, and describes it where required columns are missing or columns are repeated."""

import contextlib
import csv
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from crm.characters import trim
from importexport import errors
from importexport.files.column_hints import column_hints
from importexport.files.csv_reader import DELIMITERS
from importexport.files.header import Header, count_known, fold_cell, fold_label
from importexport.files.source import printable

#: The last row that may be the header instead.
LAST_ROW = 20


class Rows(Protocol):
    """What stands below a header (see table.Rows)."""

    header_row: int
    delimiter: str

    def next_rows(self, *, rows: int, size: int) -> tuple[list[int], list[list[str]]]:
        """Return the next rows and their numbers."""


def check(header: Header, rows: Rows, *, columns: Collection[str], required: Sequence[str], entity: str = "") -> None:
    """Raise FileError for missing required columns, and for repeated columns.

    Other columns may be meant for a missing one, by what the columns of the ``entity`` are called elsewhere.
    """
    if header.repeated:
        raise errors.repeated_column(header.repeated[0], _describe(header, rows))
    missing = header.missing(required)
    if missing:
        better = [row for row, cells in _below(rows) if _is_better(cells, header, columns, required)]
        idle = _idle_delimiter(header, columns, required)
        hints = [_describe(header, rows, idle)]
        if better:
            hints.append(errors.later_header(better[0]))
        elif header.width == 1 and rows.delimiter:
            hints.append("" if idle else errors.OTHER_SEPARATOR)
        else:
            meant = column_hints(header.ignored, header.missing(columns), entity)
            hints.extend(errors.meant_for(cell, name) for cell, name in meant.items() if name in missing)
        raise errors.missing_columns(missing, " ".join(hints).strip())


def _describe(header: Header, rows: Rows, idle: str = "") -> str:
    """Return what the header has; "" where a Dataset has none. ``idle``: see _idle_delimiter."""
    names = [name for name in (trim(printable(cell)) for cell in header.cells) if name]
    if not names:
        return ""
    if header.width == 1 and rows.delimiter:
        return errors.one_cell(rows.header_row, names[0], idle)
    return errors.columns_found(rows.header_row, names, rows.delimiter)


def _idle_delimiter(header: Header, columns: Collection[str], required: Sequence[str]) -> str:
    """Return the delimiter that would make a header of a single cell a complete one, or "" if none would."""
    if header.width != 1:
        return ""
    parted = ((delimiter, header.cells[0].split(delimiter)) for delimiter in DELIMITERS)
    return next((delimiter for delimiter, cells in parted if _is_better(cells, header, columns, required)), "")


def _below(rows: Rows) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of the rows below, as each delimiter parts them, as far as they can be read."""
    with contextlib.suppress(errors.FileError, csv.Error):
        for row, record in zip(*rows.next_rows(rows=LAST_ROW, size=0), strict=True):
            if not rows.delimiter:
                yield row, record
            for delimiter in DELIMITERS if row <= LAST_ROW and rows.delimiter else "":
                yield row, next(csv.reader([rows.delimiter.join(record)], delimiter=delimiter), [])


def _is_better(cells: Sequence[str], header: Header, columns: Collection[str], required: Sequence[str]) -> bool:
    """Whether a row names all required columns, and more columns than the header does."""
    labels = {fold_cell(cell) for cell in cells}
    return labels.issuperset(map(fold_label, required)) and count_known(cells, columns) > len(header.positions)
