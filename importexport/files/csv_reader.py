"""Reads CSV: lines of text → records. RFC 4180 with the contract's tolerances, in constant memory."""

import csv
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from crm.characters import INVISIBLE, trim
from importexport import errors
from importexport.files.header import CARRIED, COLUMNS_LIMIT
from importexport.files.text.lines import LONE_CR, RECORD_LIMIT, Endless, Lines, Source
from importexport.files.text.lone_cr import Halves, LongRow
from importexport.files.text.overlong import INVALID, Cut, take_marks

DELIMITERS = ",;\t"
#: A line above the header that names the delimiter, as spreadsheets understand it.
_NAMES_DELIMITER = re.compile(r'\s*"?sep=([,;\t]|\\t)"?[\s,;]*', re.IGNORECASE)
_BLANK_QUOTED, _BLANK = re.compile(rf'"[\s{INVISIBLE}]*+"'), re.compile(rf"[\s,;{INVISIBLE}]*+")

csv.field_size_limit(RECORD_LIMIT)


class Start(NamedTuple):
    """Where a file's records begin: the row of the header, and the delimiter."""

    row: int
    delimiter: str


class Reader:
    """The records of a CSV file: ``header`` first, then ``next_rows`` until it returns nothing.

    ``row`` is the number of the last record read, as a spreadsheet counts, and ``header_row`` that of the header;
    ``bytes_read`` is the position in the file. ``score`` counts the known columns in a possible header, which
    determines the delimiter unless the file names it, or ``start`` says where the header is and what separates its
    cells. Raises FileError (NotCsv, TooLarge) for problems that concern the whole file.
    """

    #: There are none in CSV.
    merged: Sequence[str] = ()

    def __init__(
        self,
        file: Source,
        *,
        score: Callable[[list[str]], int],
        max_bytes: int | None = None,
        start: Start | None = None,
    ) -> None:
        self.row = 0
        #: Positions of the cells with a lone CR in the rows last returned, by row number.
        self.broken: dict[int, list[int]] = {}
        #: The records last returned of which only the beginning was kept, by row number.
        self.cut: dict[int, Cut] = {}
        self.may_read_ahead = file.seekable()
        self._is_at_end = False
        self._received: list[list[str]] = []
        self._received_before = 0
        self._lines = Lines(file, records=self._count_received, max_bytes=max_bytes)
        lines = iter(self._lines)
        first, named = ([], start.delimiter) if start else self._find_header(lines)
        self.delimiter = named or detect_delimiter(first, score)
        self._halves: Halves | None = None
        header_lines = self._header_lines(itertools.chain(first, lines), start.row if start else 1)
        self._records = csv.reader(itertools.chain(header_lines, lines), delimiter=self.delimiter, strict=True)
        while start and self.row < start.row - 1 and not self._is_at_end:
            self._next_records(rows=start.row - 1 - self.row, size=0)
        self.header = self._read_header()
        self.header_row = self.row
        self._lines.delimiter = self.delimiter
        self._halves = Halves(len(self.header))

    @property
    def bytes_read(self) -> int:
        """The position in the file."""
        return self._lines.bytes_read

    @property
    def has_mark(self) -> bool:
        """Whether the file begins with a byte-order mark."""
        return self._lines.has_mark

    def next_rows(self, *, rows: int, size: int) -> tuple[list[int], list[list[str]]]:
        """Return the row numbers and cells of the next records, without blank ones; two empty lists at the end.

        Stops after ``rows`` records, or once ``size`` bytes have been read.
        """
        self.broken, self.cut = {}, {}
        while not self._is_at_end:
            records = self._next_records(rows=rows, size=size)
            numbers = range(self.row - len(records) + 1, self.row + 1)
            filled = [not is_blank(record) for record in records]
            for row in self.cut:
                filled[row - numbers.start] = True
            if any(filled):
                return list(itertools.compress(numbers, filled)), list(itertools.compress(records, filled))
        return [], []

    def _count_received(self) -> int:
        return self._received_before + len(self._received)

    # --- the header ---

    def _find_header(self, lines: Iterator[str]) -> tuple[list[str], str]:
        """Return the first filled line, if there is one, and the delimiter that a line above it names, or ""."""
        named = ""
        try:
            for line in lines:
                if not _BLANK.fullmatch(_BLANK_QUOTED.sub("", line)):
                    names = None if named else _NAMES_DELIMITER.fullmatch(line)
                    if not names:
                        check_width(line)
                        return [line.removeprefix(LONE_CR)], named
                    named = "\t" if names[1].startswith("\\") else names[1]
                self.row += 1
                self._received_before += 1
        except Endless as endless:
            raise too_long(self.row + 1, endless) from None
        return [], named

    def _header_lines(self, lines: Iterator[str], rows: int) -> Iterator[str]:
        """Yield the lines of the first rows, up to the header, which may contain line breaks.

        Raises FileError for a line that is too wide.
        """
        until = self._count_received() + rows
        for line in lines:
            check_width(line)
            yield line
            if self._count_received() >= until:
                return

    def _read_header(self) -> list[str]:
        header, *_ = [*self._next_records(rows=1, size=0), []]
        if not self.bytes_read:
            raise errors.empty_file()
        if is_blank(header):
            raise errors.no_header()
        if any("\0" in cell for cell in header):
            raise errors.utf16(self.row)
        return header

    # --- records ---

    def _next_records(self, *, rows: int, size: int) -> list[list[str]]:
        failure = self._receive(rows=rows, size=size)
        records, self._received = self._received, []
        self._received_before += len(records)
        if self._halves and self._lines.has_lone_cr:
            records = self._join(self._halves, records)
        if self._lines.has_cut or (self._halves and self._halves.has_cut):
            self.cut |= {self.row + 1 + i: cut for i, cut in take_marks(records).items()}
        self._check_encoding(records)
        self.row += len(records)
        if failure:
            raise self._blame(failure)
        return records

    def _receive(self, *, rows: int, size: int) -> Exception | None:
        """Receive records from the parser; return the error that ends them, if there is one."""
        records, lines = self._received, self._lines
        until = lines.bytes_read + size
        try:
            for record in self._records:
                records.append(record)
                if len(records) == rows or lines.bytes_read > until:
                    return None
        except (csv.Error, Endless) as error:
            self._is_at_end = True
            return error
        self._is_at_end = True
        return None

    def _join(self, halves: Halves, records: list[list[str]]) -> list[list[str]]:
        first = self.row + 1
        try:
            joined, broken = halves.join(records, is_end=self._is_at_end)
        except LongRow as error:
            raise too_long(first + error.index, error) from None
        self.broken |= {first + i: positions for i, positions in broken.items()}
        return joined

    def _check_encoding(self, records: list[list[str]]) -> None:
        """Raise not_utf8 for the first record that contains invalid bytes."""
        for row, record in enumerate(records if not self._lines.is_utf8 else (), self.row + 1):
            if any(map(INVALID.search, record)):
                raise errors.not_utf8(row)

    def _blame(self, error: Exception) -> errors.FileError:
        """Return the error for the record being read. Invalid UTF-8 takes precedence, since it may be the cause."""
        if not self._lines.is_utf8:
            return errors.not_utf8(self.row + 1)
        if isinstance(error, Endless):
            return too_long(self.row + 1, error)
        return errors.broken_quoting(self.row + 1)


def too_long(row: int, endless: Endless) -> errors.FileError:
    """Return the error of a record that is too long: for a header, it may be that it has too many columns."""
    try:
        check_width(endless.beginning)
    except errors.FileError as error:
        return error
    return errors.endless_record(row, endless.limit)


def check_width(line: str) -> None:
    """Raise FileError for a line of a header with too many columns, before it is parsed.

    A file of rejected rows has more columns than the file that they are from.
    """
    if max(map(line.count, DELIMITERS)) >= COLUMNS_LIMIT + len(CARRIED):
        raise errors.too_many_columns(COLUMNS_LIMIT)


def detect_delimiter(lines: Sequence[str], score: Callable[[list[str]], int]) -> str:
    """Return the delimiter that gives the header the most known columns or, among equals, the most cells."""

    def merit(delimiter: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader(lines, delimiter=delimiter), [])
        except csv.Error:
            return 0, 0  # A cell is too large, which reading the header reports.
        return score(cells), len(cells)

    return max(DELIMITERS, key=merit)


def is_blank(record: list[str]) -> bool:
    """Whether all cells of a record are empty, or white space and invisible characters."""
    if record and record[0] and ("!" <= record[0][0] <= "~" or record[0][0].isalnum()):
        return False
    return not trim("".join(record))
