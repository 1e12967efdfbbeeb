"""Reads CSV: bytes → lines of text → records. RFC 4180 with the contract's tolerances, in constant memory."""

import codecs
import csv
import io
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Protocol

from importexport import errors

CHUNK = 64 * 1024
DELIMITERS = ",;\t"
#: The maximum size of a record in bytes. Without a limit, a missing quote in a huge file would turn the rest of the
#: file into a single cell.
RECORD_LIMIT = 10 * 1024 * 1024

#: First bytes → file type. A CSV header cannot start with any of them by accident.
SIGNATURES = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"PK\x05\x06": "a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"%PDF-": "a PDF",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF87a": "an image",
    b"GIF89a": "an image",
    b"II*\x00": "an image",
    b"MM\x00*": "an image",
    b"\x1f\x8b": "compressed with gzip",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with Zstandard",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!\x1a": "a RAR archive",
    b"\x7fELF": "a program",
    b"SQLite format 3": "a database",
    b"PAR1": "a Parquet file",
    b"{\\rtf": "an RTF document",
}
_WEBP = re.compile(rb"RIFF....WEBP", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")

csv.field_size_limit(RECORD_LIMIT)


def check_kind(head: bytes) -> None:
    """Raise NotCsv if the first bytes of a file (16 are enough) are those of another file type."""
    for signature, kind in SIGNATURES.items():
        if head.startswith(signature):
            raise errors.NotCsv(kind)
    if _WEBP.match(head):
        raise errors.NotCsv("an image")


class Source(Protocol):
    """A readable binary file."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, or none at the end."""

    def seekable(self) -> bool:
        """Whether the file is known to end; a pipe may never do so."""


class Reader:
    """The records of a CSV file: ``header`` first, then ``next_rows`` until it returns nothing.

    ``row`` is the number of the last record read (the header is 1), ``bytes_read`` the position in the file. ``score``
    counts the known columns in a possible header, which determines the delimiter. Raises FileError (NotCsv, TooLarge)
    for problems that concern the whole file.
    """

    def __init__(self, file: Source, *, score: Callable[[list[str]], int], max_bytes: int | None = None) -> None:
        self.row = 0
        self.bytes_read = 0
        self._record_start = 0
        self._file = file
        self.may_read_ahead = file.seekable()
        self._max_bytes = max_bytes
        self._is_utf8 = True
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        lines = self._lines()
        first = list(itertools.islice(lines, 1))
        self.delimiter = detect_delimiter(first, score)
        self._records = csv.reader(itertools.chain(first, lines), delimiter=self.delimiter, strict=True)
        self.header = self._read_header()

    def next_rows(self, *, rows: int, size: int) -> tuple[list[int], list[list[str]]]:
        """Return the row numbers and cells of the next records, without blank ones; two empty lists at the end.

        Stops after ``rows`` records, or once ``size`` bytes have been read.
        """
        while records := self._next_records(rows=rows, size=size):
            numbers = range(self.row - len(records) + 1, self.row + 1)
            filled = [not is_blank(record) for record in records]
            if any(filled):
                return list(itertools.compress(numbers, filled)), list(itertools.compress(records, filled))
        return [], []

    def _read_header(self) -> list[str]:
        header, *_ = [*self._next_records(rows=1, size=0), []]
        if not self.bytes_read:
            raise errors.empty_file()
        if is_blank(header):
            raise errors.no_header()
        if any("\0" in cell for cell in header):
            raise errors.utf16()
        return header

    def _next_records(self, *, rows: int, size: int) -> list[list[str]]:
        records: list[list[str]] = []
        until = self.bytes_read + size
        broken = None
        try:
            for record in self._records:
                records.append(record)
                self._record_start = self.bytes_read
                if len(records) == rows or self.bytes_read > until:
                    break
        except csv.Error as error:
            broken = error
        self._check_encoding(records)
        self.row += len(records)
        if broken:
            raise self._blame(broken)
        return records

    def _check_encoding(self, records: list[list[str]]) -> None:
        """Raise not_utf8 for the first record that contains invalid bytes."""
        for row, record in enumerate(records if not self._is_utf8 else (), self.row + 1):
            if any(map(_SURROGATE.search, record)):
                raise errors.not_utf8(row)

    def _blame(self, error: csv.Error) -> errors.FileError:
        """Return the error for the record being read. Invalid UTF-8 takes precedence, since it may be the cause."""
        if not self._is_utf8:
            return errors.not_utf8(self.row + 1)
        if "field larger" in str(error):
            return errors.endless_record(self.row + 1, RECORD_LIMIT)
        return errors.broken_quoting(self.row + 1)

    def _lines(self) -> Iterator[str]:
        """Yield the lines of the file with their ends (LF, CRLF or CR), reading a chunk at a time."""
        unfinished: list[str] = []
        while chunk := self._read_chunk():
            text = self._decode(chunk)
            unfinished.append(text)
            if "\n" not in text and "\r" not in text:
                continue
            lines = list(io.StringIO("".join(unfinished), newline=""))
            # The last line may continue in the next chunk, or its CR may be the first half of a CRLF.
            unfinished = [lines.pop()]
            yield from lines
        unfinished.append(self._decode(b""))
        yield from io.StringIO("".join(unfinished), newline="")

    def _read_chunk(self) -> bytes:
        chunk = self._file.read(CHUNK)
        if not self.bytes_read:
            check_kind(chunk)
        self.bytes_read += len(chunk)
        if self._max_bytes is not None and self.bytes_read > self._max_bytes:
            raise errors.TooLarge(self._max_bytes)
        if self.bytes_read - self._record_start > RECORD_LIMIT + CHUNK:
            raise errors.endless_record(self.row + 1, RECORD_LIMIT)
        return chunk

    def _decode(self, chunk: bytes) -> str:
        """Decode the next chunk.

        From the first invalid byte on, invalid bytes become surrogates, which valid UTF-8 cannot contain. That
        identifies the record they are in.
        """
        try:
            return self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError:
            state = self._decoder.getstate()
            self._is_utf8 = False
            self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="surrogateescape")
            self._decoder.setstate(state)
            return self._decoder.decode(chunk, final=not chunk)


def detect_delimiter(lines: list[str], score: Callable[[list[str]], int]) -> str:
    """Return the delimiter that gives the header the most known columns or, among equals, the most cells."""

    def merit(delimiter: str) -> tuple[int, int]:
        cells = next(csv.reader(lines, delimiter=delimiter), [])
        return score(cells), len(cells)

    return max(DELIMITERS, key=merit)


def is_blank(record: list[str]) -> bool:
    """Whether all cells of a record are empty or white space."""
    if record and record[0] and not record[0][0].isspace():
        return False
    joined = "".join(record)
    return not joined or joined.isspace()
