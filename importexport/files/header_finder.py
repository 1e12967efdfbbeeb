"""Finds the header of a file whose first lines are something else: a title, a date, notes."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

from importexport.files.csv_reader import DELIMITERS, Start, is_blank
from importexport.files.text.lines import BYTE_ORDER_MARK, Source

#: The most rows above a header, and how much of a file is looked at, in bytes.
ROWS_ABOVE, HEAD = 20, 256 * 1024

Count = Callable[[Sequence[str]], int]


def find_start(head: bytes, count_known: Count) -> Start | None:
    """Return where the header of a CSV file is if that is clearly not its first filled row, or None.

    ``head`` is the beginning of the file, in UTF-8; ``count_known`` counts the names of columns in a row.
    """
    text = head.decode(errors="replace").removeprefix(BYTE_ORDER_MARK)
    found = [
        (known, -row, delimiter)
        for delimiter in DELIMITERS
        for row, known in [best_row(parsed(text, delimiter), count_known)]
        if row
    ]
    if not found:
        return None
    _, row, delimiter = max(found, key=lambda one: one[:2])
    return Start(-row, delimiter)


def parsed(text: str, delimiter: str) -> list[list[str]]:
    """Return the first rows of a text, as far as they can be read."""
    rows: list[list[str]] = []
    try:
        rows.extend(islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), ROWS_ABOVE + 1))
    except csv.Error:
        return rows
    return rows


def best_row(rows: Iterable[Sequence[str]], count_known: Count) -> tuple[int, int]:
    """Return the number of the row that is clearly the header, and how many names it has; zeros if the first one is."""
    return best_of({row: count_known(cells) for row, cells in enumerate(rows, 1) if not is_blank(list(cells))})


def best_of(counts: Mapping[int, int]) -> tuple[int, int]:
    """Return what best_row does, by the number of names in each filled row."""
    if not counts:
        return 0, 0
    first = counts[min(counts)]
    best = max(counts, key=lambda row: (counts[row], -row))
    is_clear = counts[best] >= 2 and counts[best] > 2 * first
    return (best, counts[best]) if is_clear and best != min(counts) else (0, 0)


def head_of(file: Source) -> bytes:
    """Return the beginning of a file, as much as is looked at."""
    pieces = []
    left = HEAD
    while left > 0 and (piece := file.read(min(left, 64 * 1024))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
