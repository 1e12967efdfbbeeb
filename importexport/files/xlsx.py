"""A streaming XLSX writer (ECMA-376): rows of PostgreSQL's COPY text format in, pieces of a workbook out.

Inline strings, typed numbers and dates, deflate on a stream that cannot be sought; nothing grows with the file.
Works on the bytes of whole batches: one split, one format operation, a few replacements a batch and none a cell.
"""

import datetime as dt
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Literal, cast
from xml.sax.saxutils import quoteattr

Kind = Literal["text", "whole", "amount", "date", "moment"]

#: Rows of a sheet, the header included; more go on in another sheet.
ROW_LIMIT = 1_048_576
#: Bytes of a sheet's XML, looked at between batches, so with room for one. Below 2 GiB an entry needs no ZIP64
#: header, which Excel does not take from a stream.
SIZE_LIMIT = 2**31 - 2**28
#: As fast as 1 and smaller; from 4 on, zlib takes its slow way, for a tenth of the size.
DEFLATE_LEVEL = 3

#: The 1900 date system takes 1900 for a leap year; from 1900-03-01 on, it counts the days since this one.
EPOCH = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - serial numbers have no zone
FIRST_DATE = dt.datetime(1900, 3, 1)  # noqa: DTZ001
KNOWN_LIMIT = 10_000

_TEXT = b'<c t="inlineStr"><is><t xml:space="preserve">%b</t></is></c>'
_HEADER = b'<c s="5" t="inlineStr"><is><t xml:space="preserve">%b</t></is></c>'
_BLANK = b"<c/>"
#: Cells by kind; a date's is made whole from its text. The s are places in the list of STYLES.
_CELLS = {
    "text": _TEXT,
    "whole": b'<c s="1"><v>%b</v></c>',
    "amount": b'<c s="2"><v>%b</v></c>',
    "date": b"%b",
    "moment": b"%b",
}
_DATE_CELLS = {"date": b'<c s="3"><v>%b</v></c>', "moment": b'<c s="4"><v>%b</v></c>'}
_WIDTHS = {"text": 22, "whole": 12, "amount": 16, "date": 12, "moment": 20}

#: What XML 1.0 cannot hold: control characters, surrogates, U+FFFE and U+FFFF, as the bytes of UTF-8.
_UNWRITABLE = rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xed[\xa0-\xbf][\x80-\xbf]|\xef\xbf[\xbe\xbf]"
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf]")
_NONCHARACTERS = ("\ufffe".encode(), "\uffff".encode())
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r")
#: Text that reads like an escape of ST_Xstring, or would once the character behind it is one (\b, \f and \v are
#: COPY's): _x0041_ is to be written _x005F_x0041_.
_LOOKALIKE = re.compile(rb"_(?=x[0-9A-Fa-f]{4}(?:_|\\[bfv]|%b))" % _UNWRITABLE)
_UNWRITABLE_CHARACTER = re.compile(_UNWRITABLE)

_COPY_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_COPY_ESCAPES = {b"b": b"_x0008_", b"f": b"_x000C_", b"v": b"_x000B_", b"n": b"\n", b"r": b"&#13;", b"t": b"\t"}

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"

#: First in the file, so that it can be told what it is; says "worksheet" of every part that is nothing else,
#: since how many sheets there will be is not known yet.
CONTENT_TYPES = (
    f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Default Extension="xml" ContentType="{_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>'
)
ROOT_RELS = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy-mm-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy-mm-dd hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="6"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    + "".join(
        f'<xf numFmtId="{number}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        for number in (1, 2, 164, 165)  # 1 and 2 are built in: 0 and 0.00
    )
    + '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def stream_workbook(
    *,
    sheet: str,
    header: Sequence[str],
    kinds: Sequence[Kind],
    batches: Iterable[bytes],
    row_limit: int = ROW_LIMIT,
    size_limit: int = SIZE_LIMIT,
) -> Iterator[bytes]:
    r"""Yield a workbook in pieces, the first before anything is asked of ``batches``.

    These are whole rows of COPY's text format; empty cells and ``\N`` are blank, moments are in UTC. Rows beyond
    ``row_limit`` (header included), or XML beyond ``size_limit`` bytes, go on in a next sheet.
    """
    sink, source, rows = Sink(), Source(batches), Rows(kinds)
    count = 0
    with zipfile.ZipFile(cast(IO[bytes], sink), "w", zipfile.ZIP_DEFLATED, compresslevel=DEFLATE_LEVEL) as archive:
        add(archive, "[Content_Types].xml", CONTENT_TYPES)
        add(archive, "_rels/.rels", ROOT_RELS)
        add(archive, "xl/styles.xml", STYLES)
        yield sink.take()
        while not count or not source.ended:
            count += 1
            with archive.open(f"xl/worksheets/sheet{count}.xml", "w") as part:
                size, left = part.write(sheet_start(header, kinds)), row_limit - 1
                while left and size < size_limit and (batch := source.take(left)):
                    size += part.write(rows.xml(batch))
                    left -= batch.count(b"\n")
                    if piece := sink.take():
                        yield piece
                part.write(b"</sheetData></worksheet>")
        names = [sheet, *(f"{sheet} ({number})" for number in range(2, count + 1))]
        add(archive, "xl/workbook.xml", workbook(names))
        add(archive, "xl/_rels/workbook.xml.rels", workbook_rels(count))
    yield sink.take()


def add(archive: zipfile.ZipFile, name: str, text: str) -> None:
    """Write a small part; unlike ``writestr``, always with the same date."""
    with archive.open(name, "w") as part:
        part.write(text.encode())


class Sink:
    """Where zipfile writes; what has been written is taken away piece by piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep some bytes."""
        self._pieces.append(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def take(self) -> bytes:
        """Return what has been written since the last time."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


class Source:
    """The batches, of which one may be taken in parts."""

    def __init__(self, batches: Iterable[bytes]) -> None:
        self._batches = filter(None, batches)
        self._next = b""

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to take; asks for a batch where none is at hand."""
        self._next = self._next or next(self._batches, b"")
        return not self._next

    def take(self, limit: int) -> bytes:
        """Return the next rows, at most ``limit``; none only at the end."""
        if self.ended or self._next.count(b"\n") <= limit:
            batch, self._next = self._next, b""
            return batch
        *lines, self._next = self._next.split(b"\n", limit)
        return b"\n".join([*lines, b""])


class Rows:
    """What makes a sheet's rows of a batch."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._width = len(kinds)
        self._row = b"<row>%b</row>" % b"".join(_CELLS[kind] for kind in kinds)
        self._blanks = [_CELLS[kind] % b"" for kind in {*kinds} - {*_DATE_CELLS}]
        self._dates = [(i, DateCells(_DATE_CELLS[kind])) for i, kind in enumerate(kinds) if kind in _DATE_CELLS]

    def xml(self, batch: bytes) -> bytes:
        """Return a batch's rows as XML."""
        cells = escape(batch)[:-1].replace(b"\n", b"\t").split(b"\t")
        for i, known in self._dates:
            cells[i :: self._width] = map(known.__getitem__, cells[i :: self._width])
        xml = self._row * batch.count(b"\n") % tuple(cells)
        # From here on, "<", ">" and the tags are markup for sure, and markup has no backslash.
        if rb"\N" in batch:
            xml = xml.replace(rb">\N<", b"><")
        if b"\\" in batch:
            xml = _COPY_ESCAPE.sub(copied, xml)
        for blank in self._blanks:
            xml = xml.replace(blank, _BLANK)
        return xml


def escape(text: bytes) -> bytes:
    """Write what XML or ST_Xstring would not read as it is; each look at the whole text is cheap."""
    text = text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;").replace(b"\r", b"&#13;")
    if b"_x" in text:
        text = _LOOKALIKE.sub(b"_x005F_", text)
    if has_unwritable(text):
        text = _UNWRITABLE_CHARACTER.sub(numbered, text)
    return text


def has_unwritable(text: bytes) -> bool:
    """Whether there are characters that XML cannot hold; in a third of the time that their pattern takes."""
    return (
        len(text.translate(None, _CONTROLS)) != len(text)
        or any(noncharacter in text for noncharacter in _NONCHARACTERS)
        or _SURROGATE.search(text) is not None
    )


def numbered(character: re.Match[bytes]) -> bytes:
    """Return a character that XML cannot hold as ST_Xstring (ECMA-376 part 1, 22.9.2.19) writes it."""
    return b"_x%04X_" % ord(character[0].decode(errors="surrogatepass"))


def copied(escape: re.Match[bytes]) -> bytes:
    """Return what a backslash escape of COPY's text format stands for, as XML."""
    return _COPY_ESCAPES.get(escape[1], escape[1])


class DateCells(dict[bytes, bytes]):
    """The cells of ISO 8601 dates or times; the answers are kept, up to a point."""

    def __init__(self, cell: bytes) -> None:
        self._cell = cell

    def __missing__(self, text: bytes) -> bytes:
        if len(self) >= KNOWN_LIMIT:
            self.clear()
        self[text] = self._make(text)
        return self[text]

    def _make(self, text: bytes) -> bytes:
        if text in (b"", rb"\N"):
            return _BLANK
        moment = dt.datetime.fromisoformat(text.decode().removesuffix("Z"))
        # Excel cannot show a date before its first day; as text it is at least there.
        return _TEXT % text if moment < FIRST_DATE else self._cell % serial(moment).encode()


def serial(moment: dt.datetime) -> str:
    """Return a time as days since the epoch of the 1900 date system."""
    since = moment - EPOCH
    part = (since.seconds + since.microseconds / 1e6) / 86400
    return f"{since.days}{f'{part:.12f}'[1:].rstrip('0').rstrip('.')}" if part else str(since.days)


def sheet_start(header: Sequence[str], kinds: Sequence[Kind]) -> bytes:
    """Return a sheet's XML up to its first record: the header row is bold and stays in view."""
    widths = "".join(
        f'<col min="{i}" max="{i}" width="{_WIDTHS[kind]}" customWidth="1"/>' for i, kind in enumerate(kinds, 1)
    )
    start = (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        f'<selection pane="bottomLeft"/></sheetView></sheetViews><cols>{widths}</cols><sheetData>'
    )
    cells = b"".join(_HEADER % escape(name.encode()) for name in header)
    return start.encode() + b"<row>%b</row>" % cells


def workbook(names: Sequence[str]) -> str:
    """Return the part that lists the sheets."""
    sheets = "".join(f'<sheet name={quoteattr(name)} sheetId="{i}" r:id="rId{i}"/>' for i, name in enumerate(names, 1))
    return (
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_RELS}"><bookViews><workbookView/></bookViews>'
        f"<sheets>{sheets}</sheets></workbook>"
    )


def workbook_rels(count: int) -> str:
    """Return the part that says where sheets and styles are."""
    sheets = "".join(
        f'<Relationship Id="rId{i}" Type="{_RELS}/worksheet" Target="worksheets/sheet{i}.xml"/>'
        for i in range(1, count + 1)
    )
    styles = f'<Relationship Id="rId{count + 1}" Type="{_RELS}/styles" Target="styles.xml"/>'
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{sheets}{styles}</Relationships>'
