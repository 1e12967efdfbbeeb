"""Writes CSV (RFC 4180) with CRLF line ends: what all files that leave the product have in common.

A cell is in quotes if it contains a quote, a line break, or any delimiter that an import reads, not just that of its
file: a spreadsheet may separate cells by another one, and would read ``x;=1+1`` as two cells, the second a formula.
"""

import re
from collections.abc import Iterable, Sequence

from importexport.files.csv_reader import DELIMITERS

QUOTE = '"'
_SPECIAL = re.compile(f"[{QUOTE}\r\n{DELIMITERS}]")
#: A cell that COPY leaves without quotes because it knows only commas, and what stands before it.
_UNQUOTED = re.compile(rb"([,\n])([^,;\t\r\n]*+[;\t][^,\r\n]*+)")


def csv_text(rows: Iterable[Sequence[str]], *, delimiter: str = ",") -> str:
    """Return rows as CSV."""
    return "".join([f"{_line(row, delimiter)}\r\n" for row in rows])


def _line(cells: Sequence[str], delimiter: str) -> str:
    if _SPECIAL.search(" ".join(cells)):
        cells = [f'"{cell.replace(QUOTE, QUOTE * 2)}"' if _SPECIAL.search(cell) else cell for cell in cells]
    return delimiter.join(cells)


def from_copy(rows: Sequence[bytes]) -> bytes:
    """Return rows of COPY's CSV, without their line ends, as CSV of ours."""
    text = b"\r\n".join(rows) + b"\r\n"
    if not _has_other(text):
        return text
    # Every second part is outside quotes: inside them, a quote is doubled.
    parts = (b"\n" + text).split(b'"')
    parts[::2] = [_UNQUOTED.sub(rb'\1"\2"', part) if _has_other(part) else part for part in parts[::2]]
    return b'"'.join(parts)[1:]


def _has_other(text: bytes) -> bool:
    """Whether there is a delimiter that is not a comma."""
    return b";" in text or b"\t" in text
