"""Records that are longer than any that can be imported: their beginning is kept, the rest is only counted.

Otherwise a single record of 10 MB would take half a gigabyte, as a list of cells.
"""

import re
from typing import NamedTuple

#: Records that are longer than this are cut, in bytes.
KEPT = 1024 * 1024
#: Ends the kept part of a record, and is followed by the number of cells that were dropped. No file has it: invalid
#: bytes become other surrogates.
CUT = "\udc0e"
#: Surrogates that stand for invalid bytes.
INVALID = re.compile("[\udc80-\udcff]")
_MARK = re.compile(f"{CUT}([0-9]+)")
_QUOTES = re.compile('"++')
_LINE_END = re.compile(r"[\r\n]")


class Rest:
    """Passes over the rest of a record, up to its end, and counts the cells that begin there.

    ``beginning`` is what has been read of the record or, with ``is_inside``, of a quoted cell in it.
    """

    def __init__(self, beginning: str, *, delimiter: str, is_inside: bool) -> None:
        self.delimiter = delimiter
        self._is_inside = is_inside
        self._is_at_start = not is_inside
        #: A quote at the end of the last text, which may be the first one of a doubled quote.
        self._quote = ""
        self._cell_end = re.compile(rf"[{delimiter}\r\n]")
        self._cell = re.compile(rf'(?:"(?:[^"]|"")*+"|(?!"))[^{delimiter}\r\n]*+([{delimiter}\r\n])')
        self._count_anew()
        #: Whether the record ends in its beginning.
        self.is_over = self.find_end(beginning) is not None
        self._beginning = beginning.removesuffix(self._quote)
        self._closing = '"' if self._is_inside else ""
        self._count_anew()

    def _count_anew(self) -> None:
        #: The number of delimiters passed, whether all cells passed are blank, and an invalid byte of them.
        self.count, self.is_blank, self._invalid = 0, True, ""

    def kept(self) -> str:
        """Return the beginning as a whole record, once its end has been found or the file has ended.

        If anything but blank cells was dropped, it has a mark (see ``take_marks``), and any invalid byte of it.
        A quoted cell that never ends still does not.
        """
        mark = "" if self.is_blank and not self._closing else self._invalid + mark_of(self.count)
        unclosed = f'{self.delimiter}"' if self._is_inside and not self._quote else ""
        return f"{self._beginning}{mark}{self._closing}{unclosed}"

    def find_end(self, text: str) -> int | None:
        """Pass over the next piece of the record; return the position of the line end that ends it, or None."""
        before = len(self._quote)
        text, self._quote = self._quote + text, ""
        at = 0
        while at < len(text):
            at, is_end = self._leave_quotes(text, at) if self._is_inside else self._pass_cells(text, at)
            if is_end:
                self._note(text[:at])
                return at - before
        self._note(text)
        return None

    def _note(self, text: str) -> None:
        if not text.isascii() and (found := INVALID.search(text)):
            self._invalid = found[0]
        self.is_blank = self.is_blank and not text.strip(f"{self.delimiter} \t")

    def _leave_quotes(self, text: str, at: int) -> tuple[int, bool]:
        """Return where the quoted cell ends, or the end of the text."""
        start = text.find('"', at)
        if start < 0:
            return len(text), False
        end = _QUOTES.match(text, start).end()  # type: ignore[union-attr]
        is_odd = (end - start) % 2 == 1
        if end == len(text):
            self._quote = '"' * is_odd
        else:
            self._is_inside = not is_odd
        return end, False

    def _pass_cells(self, text: str, at: int) -> tuple[int, bool]:
        """Return where the record or the text ends, or a cell that is quoted and goes on."""
        if text.find('"', at) < 0:
            return self._pass_plain(text, at)
        while found := (self._cell.match if self._is_at_start else self._cell_end.search)(text, at):
            end = found[found.lastindex or 0]
            if end != self.delimiter:
                return found.end() - 1, True
            at, self._is_at_start = found.end(), True
            self.count += 1
        if self._is_at_start and text[at : at + 1] == '"':
            self._is_inside, self._is_at_start = True, False
            return at + 1, False
        self._is_at_start = self._is_at_start and at == len(text)
        return len(text), False

    def _pass_plain(self, text: str, at: int) -> tuple[int, bool]:
        found = _LINE_END.search(text, at)
        end = found.start() if found else len(text)
        self.count += text.count(self.delimiter, at, end)
        self._is_at_start = text[end - 1] == self.delimiter
        return end, found is not None


def mark_of(count: int) -> str:
    """Return what stands in place of so many cells that were dropped."""
    return f"{CUT}{count}"


class Cut(NamedTuple):
    """A record that was cut: the position of the first cell that is not complete, and how many cells it has had."""

    position: int
    cells: int


def take_marks(records: list[list[str]]) -> dict[int, Cut]:
    """Remove the marks of records that were cut; return these by their index."""
    found: dict[int, Cut] = {}
    for i, record in enumerate(records):
        for position, cell in enumerate(record):
            if CUT in cell:
                first, cells = found.get(i, Cut(position, len(record)))
                found[i] = Cut(first, cells + sum(map(int, _MARK.findall(cell))))
                record[position] = _MARK.sub("", cell)
    return found
