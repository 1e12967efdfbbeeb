"""Bytes → lines of text: decoding, byte-order marks and line ends, a chunk at a time."""

import codecs
import io
import re
from collections.abc import Callable, Iterator
from typing import Protocol

from importexport import errors
from importexport.files.signatures import check_kind
from importexport.files.text.overlong import KEPT, Rest

CHUNK = 64 * 1024
#: The maximum size of a record in bytes. Without a limit, a missing quote in a huge file would turn the rest of the
#: file into a single cell. Of records that are longer than KEPT, only the beginning is kept.
RECORD_LIMIT = 10 * 1024 * 1024
#: The maximum size of a header in bytes.
HEADER_LIMIT = 2_500_000
BYTE_ORDER_MARK = "\ufeff"
#: Begins a record that follows a lone CR (see lone_cr). No file has it: invalid bytes become other surrogates.
LONE_CR = "\udc0d"

#: Byte-order marks of other encodings; that of UTF-32 begins with that of UTF-16.
_OTHER_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_CELL = r'(?:"(?:[^"]|"")*+"[^,;\t\r\n]*+|[^,;\t\r\n]*+)'
_FIRST_LINE = re.compile(f"{BYTE_ORDER_MARK}*+{_CELL}(?:[,;\t]{_CELL})*+")
_QUOTED_CELL = re.compile(r'"(?:[^"]|"")*+(?:"(?=[,;\t\r\n]|\Z)|\Z)')


class Endless(Exception):
    """A record is longer than ``limit`` bytes; ``beginning`` has its first ones if it is a header."""

    def __init__(self, limit: int = RECORD_LIMIT, beginning: str = "") -> None:
        super().__init__(limit, beginning)
        self.limit = limit
        self.beginning = beginning


class Source(Protocol):
    """A readable binary file."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, or none at the end."""

    def seekable(self) -> bool:
        """Whether the file is known to end; a pipe may never do so."""


class Lines:
    """The lines of a file with their ends (LF, CRLF or CR), without the byte-order marks at the start of records.

    csv.reader takes them one by one. ``records`` returns the number of records it has made of them so far, which tells
    whether a line has ended a record or stands inside quotes. Records that are too long are cut as soon as the
    ``delimiter`` is set, which the header tells. Raises Endless, and FileError (NotCsv, TooLarge).
    """

    def __init__(self, file: Source, *, records: Callable[[], int], max_bytes: int | None = None) -> None:
        self.bytes_read = 0
        self.is_utf8 = True
        #: Whether the file begins with a byte-order mark.
        self.has_mark = False
        #: Whether a lone CR may have ended a record of a file whose lines end otherwise.
        self.has_lone_cr = False
        #: What separates cells; "" while the header is read.
        self.delimiter = ""
        #: Whether a record was cut (see overlong.take_marks).
        self.has_cut = False
        self._file = file
        self._records = records
        self._max_bytes = max_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._ends_with_cr: bool | None = None
        self._is_inside = self._follows_lone_cr = False
        self._record_count = self._record_start = 0

    def __iter__(self) -> Iterator[str]:
        for text, lines, line_ends in self._chunks():
            if lines and self._ends_with_cr is None:
                self.has_mark = text.startswith(BYTE_ORDER_MARK)
                self._ends_with_cr = ends_with_cr(text, lines[0])
            is_special = BYTE_ORDER_MARK in text or ("\r" in line_ends and not self._ends_with_cr)
            yield from self._one_by_one(lines) if is_special or self._follows_lone_cr else self._at_once(lines)

    def _at_once(self, lines: list[str]) -> Iterator[str]:
        """Yield lines as they are, and notice whether the last one ends a record."""
        yield from lines[:-1]
        if lines:
            count = self._records()
            yield lines[-1]
            self._is_inside = self._records() == count

    def _one_by_one(self, lines: list[str]) -> Iterator[str]:
        """Yield lines that may have to be changed, and notice of each whether it ends a record."""
        count = self._records()
        for found in lines:
            line = found if self._is_inside else self._cleaned(found)
            is_lone = line[-1:] == "\r" and not self._ends_with_cr
            self.has_lone_cr = self.has_lone_cr or is_lone
            if line:
                yield line
                before, count = count, self._records()
                self._is_inside = count == before
            self._follows_lone_cr = is_lone and not self._is_inside

    def _cleaned(self, line: str) -> str:
        """Return a line at the start of a record as the parser gets it."""
        if line[0] == BYTE_ORDER_MARK:
            line = line.lstrip(BYTE_ORDER_MARK)
        return after_lone_cr(line) if self._follows_lone_cr else line

    def _chunks(self) -> Iterator[tuple[str, list[str], tuple[str, ...]]]:
        """Yield the text of each chunk, the complete lines in it, and the kinds of line ends."""
        unfinished: list[str] = []
        while chunk := self._read_chunk():
            text = self._decode(chunk)
            if self.bytes_read - self._record_start > KEPT:
                unfinished, text = self._cut("".join(unfinished), text)
            unfinished.append(text)
            if "\n" not in text and "\r" not in text:
                continue
            text = "".join(unfinished)
            unfinished.clear()
            lines, line_ends = split_lines(text)
            # The last line may continue in the next chunk, or its CR may be the first half of a CRLF.
            unfinished = [lines.pop()]
            yield text, lines, line_ends
        unfinished.append(self._decode(b""))
        text = "".join(unfinished)
        yield text, *split_lines(text)

    def _cut(self, beginning: str, text: str) -> tuple[list[str], str]:
        """Return what is kept of a record that is too long, and the text that follows, from the record's end on."""
        if not self.delimiter:
            if self.bytes_read - self._record_start > HEADER_LIMIT:
                raise Endless(HEADER_LIMIT, beginning)
            return [beginning], text
        rest = Rest(beginning, delimiter=self.delimiter, is_inside=self._is_inside)
        if rest.is_over:
            return [beginning], text
        self.has_cut = True
        while (end := rest.find_end(text)) is None:
            if not (chunk := self._read_chunk()):
                return [rest.kept()], ""
            text = self._decode(chunk)
        return [rest.kept()], text[end:]

    def _read_chunk(self) -> bytes:
        count = self._records()
        if count != self._record_count:
            self._record_count, self._record_start = count, self.bytes_read
        chunk = self._file.read(CHUNK)
        if not self.bytes_read:
            check_kind(chunk)
            check_encoding(chunk)
        self.bytes_read += len(chunk)
        if self._max_bytes is not None and self.bytes_read > self._max_bytes:
            raise errors.TooLarge(self._max_bytes)
        if self.bytes_read - self._record_start > RECORD_LIMIT + CHUNK:
            raise Endless
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
            self.is_utf8 = False
            self._decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
            self._decoder.setstate(state)
            return self._decoder.decode(chunk, final=not chunk)


def check_encoding(head: bytes) -> None:
    """Raise FileError if a file begins with the byte-order mark of another encoding than UTF-8."""
    for mark, encoding in _OTHER_MARKS.items():
        if head.startswith(mark):
            raise errors.other_encoding(encoding)


def split_lines(text: str) -> tuple[list[str], tuple[str, ...]]:
    """Return the lines of a text with their ends, and the kinds of ends: LF, CRLF, CR."""
    file = io.StringIO(text, newline="")
    ends = file.newlines or ()
    return list(file), (ends,) if isinstance(ends, str) else ends


def ends_with_cr(text: str, line: str) -> bool:
    """Whether the first line of a file ends with a lone CR, line ends in quotes aside.

    ``text`` is the start of the file, and ``line`` the first piece of it that has an end. That decides where the end of
    the first line is not in the text.
    """
    end = _FIRST_LINE.match(text).end()  # type: ignore[union-attr]  # The pattern matches any text.
    if end >= len(text) - 1:
        return line.endswith("\r")
    return text[end] == "\r" and text[end + 1] != "\n"


def after_lone_cr(line: str) -> str:
    """Return a line whose first cell, quoted or not, begins with LONE_CR."""
    return f'"{LONE_CR}{line[1:]}' if line[:1] == '"' and _QUOTED_CELL.match(line) else LONE_CR + line
