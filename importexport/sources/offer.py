"""Shows how a file that is not UTF-8 would read in the encodings that spreadsheets use instead."""

from collections.abc import Iterator
from typing import BinaryIO

from importexport import errors
from importexport.files.csv_reader import DELIMITERS

#: How many cells are shown, and how much of the file is searched for them, in bytes.
CELLS, SEARCHED = 3, 1024 * 1024


def offer_encoding(file: BinaryIO, error: errors.FileError) -> errors.FileError:
    """Return the error of a file that is not UTF-8, with three cells as they would read in Windows-1252.

    UTF-16 is offered where the first character has the empty byte of one. The error stays as it is where the file
    looks like neither encoding.
    """
    head = file.read(SEARCHED)
    if head[:2].count(b"\0") == 1:
        return errors.maybe_utf16()
    lines = head.splitlines()
    row = next((number for number, line in enumerate(lines, 1) if not is_utf8(line)), 0)
    cells = list(dict.fromkeys(odd_cells(lines)))[:CELLS]
    return errors.maybe_windows_1252(row, cells) if cells and "\0" not in "".join(cells) else error


def is_utf8(line: bytes) -> bool:
    """Whether a line is UTF-8."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def odd_cells(lines: list[bytes]) -> Iterator[str]:
    """Yield the cells that are not UTF-8, as Windows-1252."""
    for line in lines:
        if is_utf8(line):
            continue
        text = line.decode("cp1252", errors="replace")
        if "\ufffd" in text:
            return
        for delimiter in DELIMITERS[1:]:
            text = text.replace(delimiter, DELIMITERS[0])
        yield from (cell.strip(' "') for cell in text.split(DELIMITERS[0]) if not cell.isascii())
