"""XLS (BIFF, Excel 5 to 2003), read by xlrd."""

import os
from collections.abc import Iterator
from typing import BinaryIO

import xlrd
import xlrd.biffh
from xlrd.book import Book
from xlrd.sheet import Sheet as XlrdSheet

from importexport import errors
from importexport.files.workbooks.number_formats import NumberFormat, read_format
from importexport.files.workbooks.numbers import formatted_text
from importexport.files.workbooks.places import range_name
from importexport.files.workbooks.sheets import Row, Sheet, Workbook
from importexport.files.workbooks.texts import as_csv, error_text

#: Rows that are passed on at a time.
AT_ONCE = 500
#: The names of streams in an OLE container.
ENCRYPTED, BOOKS = "EncryptedPackage".encode("utf-16-le"), [name.encode("utf-16-le") for name in ("Workbook", "Book")]


def open_xls(file: BinaryIO) -> Workbook:
    """Open an OLE container; raise FileError (NotCsv) if it has no workbook."""
    content = file.read()
    if ENCRYPTED in content:
        raise errors.encrypted_workbook()
    if not any(name in content for name in BOOKS):
        raise errors.NotCsv("an old Office document")
    try:
        with open(os.devnull, "w") as nothing:  # noqa: PTH123 - it is no path of ours
            book = xlrd.open_workbook(file_contents=content, logfile=nothing, on_demand=True, formatting_info=True)
    except xlrd.XLRDError as error:
        raise (errors.encrypted_workbook() if "encrypted" in str(error) else errors.damaged_workbook()) from None
    return Xls(book)


class Xls:
    """A workbook of Excel 5 to 2003."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.progress = 0.0
        hidden = book._sheet_visibility
        self.sheets = [Sheet(name, bool(hidden[i]), str(i)) for i, name in enumerate(book.sheet_names())]
        self._formats: dict[int, NumberFormat] = {}

    def rows(self, sheet: Sheet) -> Iterator[list[Row]]:
        """Yield the filled rows of a sheet, some at a time."""
        found = self._book.sheet_by_index(int(sheet.part))
        for first in range(0, found.nrows, AT_ONCE):
            self.progress = first / found.nrows
            rows = range(first, min(first + AT_ONCE, found.nrows))
            read = ((row + 1, self._cells(found, row)) for row in rows)
            yield [(number, cells) for number, cells in read if any(cells)]
        sheet.merged = [range_name(*bounds) for bounds in found.merged_cells]
        self._book.unload_sheet(int(sheet.part))

    def _cells(self, sheet: XlrdSheet, row: int) -> list[str]:
        return [self._text(cell) for cell in sheet.row(row)]

    def _text(self, cell: xlrd.sheet.Cell) -> str:
        match cell.ctype:
            case xlrd.XL_CELL_TEXT:
                return as_csv(cell.value)
            case xlrd.XL_CELL_NUMBER | xlrd.XL_CELL_DATE:
                return formatted_text(repr(cell.value), self._format(cell.xf_index), is_1904=bool(self._book.datemode))
            case xlrd.XL_CELL_BOOLEAN:
                return "true" if cell.value else "false"
            case xlrd.XL_CELL_ERROR:
                return error_text(xlrd.biffh.error_text_from_code.get(cell.value, ""))
            case _:
                return ""

    def _format(self, style: int) -> NumberFormat:
        """Return the number format of a style."""
        if style not in self._formats:
            key = self._book.xf_list[style].format_key
            self._formats[style] = read_format(self._book.format_map[key].format_str)
        return self._formats[style]
