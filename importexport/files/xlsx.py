"""Writes XLSX (ECMA-376) as a stream: takes rows in PostgreSQL's COPY text format, yields pieces of a workbook.

Uses inline strings, typed numbers and dates, and deflate to an unseekable stream, so that memory does not grow with the
file. Processes the bytes of whole batches: one split, one format operation and a few replacements per batch, none per
cell.
"""

import datetime as dt
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Literal, cast
from xml.sax.saxutils import quoteattr

Kind = Literal["text", "whole", "amount", "date", "moment"]

#: The maximum number of rows in a sheet, including the header. Further rows go to another sheet.
ROW_LIMIT = 1_048_576
#: The maximum XML size of a sheet in bytes. It is checked between batches, so it leaves room for one. Below 2 GiB an
#: entry needs no ZIP64 header, which Excel rejects in streamed files.
SIZE_LIMIT = 2**31 - 2**28
#: As fast as level 1, and smaller. From level 4 on, zlib uses a slower algorithm for a gain of a tenth.
DEFLATE_LEVEL = 3

#: The 1900 date system treats 1900 as a leap year. From 1900-03-01 on, it counts the days since EPOCH.
EPOCH = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - serial numbers have no time zone
FIRST_DATE = dt.datetime(1900, 3, 1)  # noqa: DTZ001
KNOWN_LIMIT = 10_000

_TEXT = b'<c t="inlineStr"><is><t xml:space="preserve">%b</t></is></c>'
_HEADER = b'<c s="5" t="inlineStr"><is><t xml:space="preserve">%b</t></is></c>'
_BLANK = b"<c/>"
#: Cell templates by kind; the cells of dates are created by DateCells. ``s`` is an index into the cellXfs of STYLES.
_CELLS = {
    "text": _TEXT,
    "whole": b'<c s="1"><v>%b</v></c>',
    "amount": b'<c s="2"><v>%b</v></c>',
    "date": b"%b",
    "moment": b"%b",
}
_DATE_CELLS = {"date": b'<c s="3"><v>%b</v></c>', "moment": b'<c s="4"><v>%b</v></c>'}
_MILLISECONDS = b'<c s="6"><v>%b</v></c>'
_WIDTHS = {"text": 22, "whole": 16, "amount": 16, "date": 12, "moment": 24}

#: Characters not allowed in XML 1.0, as UTF-8: control characters, surrogates, U+FFFE and U+FFFF.
_UNWRITABLE = rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xed[\xa0-\xbf][\x80-\xbf]|\xef\xbf[\xbe\xbf]"
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf]")
_NONCHARACTERS = ("\ufffe".encode(), "\uffff".encode())
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r")
#: Text that looks like an ST_Xstring escape, or will once the next character is escaped (\b, \f and \v come from COPY):
#: _x0041_ has to be written as _x005F_x0041_.
_LOOKALIKE = re.compile(rb"_(?=x[0-9A-Fa-f]{4}(?:_|\\[bfv]|%b))" % _UNWRITABLE)
_UNWRITABLE_CHARACTER = re.compile(_UNWRITABLE)

_COPY_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_COPY_ESCAPES = {b"b": b"_x0008_", b"f": b"_x000C_", b"v": b"_x000B_", b"n": b"\n", b"r": b"&#13;", b"t": b"\t"}

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"

#: The first part, so that programs recognise the file type. The default type is "worksheet", because the number of
#: sheets is not yet known.
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
#: Number formats show dates and times as a CSV export has them, so that what a spreadsheet saves as CSV is the same
#: time in every time zone.
STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="3"><numFmt numFmtId="164" formatCode="yyyy-mm-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy-mm-dd&quot;T&quot;hh:mm:ss&quot;Z&quot;"/>'
    '<numFmt numFmtId="166" formatCode="yyyy-mm-dd&quot;T&quot;hh:mm:ss.000&quot;Z&quot;"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="7"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    + "".join(
        f'<xf numFmtId="{number}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        for number in (1, 2, 164, 165)  # 1 and 2 are built in: 0 and 0.00
    )
    + '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="166" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
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
    r"""Yield a workbook in pieces, the first one before ``batches`` is read.

    Batches are whole rows in COPY text format. Empty cells and ``\N`` are blank; moments are in UTC. After
    ``row_limit`` rows (including the header) or ``size_limit`` bytes of XML, rows continue on another sheet.
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
    """Write a small part. Unlike ``writestr``, always use the same timestamp."""
    with archive.open(name, "w") as part:
        part.write(text.encode())


class Sink:
    """The file that zipfile writes to. ``take`` removes what has been written."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""

    def take(self) -> bytes:
        """Return the bytes written since the last call."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


class Source:
    """The batches, which can be taken in parts."""

    def __init__(self, batches: Iterable[bytes]) -> None:
        self._batches = filter(None, batches)
        self._next = b""

    @property
    def ended(self) -> bool:
        """Whether no rows are left. Fetches the next batch if necessary."""
        self._next = self._next or next(self._batches, b"")
        return not self._next

    def take(self, limit: int) -> bytes:
        """Return the next rows, at most ``limit``; empty only at the end."""
        if self.ended or self._next.count(b"\n") <= limit:
            batch, self._next = self._next, b""
            return batch
        *lines, self._next = self._next.split(b"\n", limit)
        return b"\n".join([*lines, b""])


class Rows:
    """Converts batches to the rows of a sheet."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._width = len(kinds)
        self._row = b"<row>%b</row>" % b"".join(_CELLS[kind] for kind in kinds)
        self._blanks = [_CELLS[kind] % b"" for kind in {*kinds} - {*_DATE_CELLS}]
        self._dates = [(i, DateCells(_DATE_CELLS[kind])) for i, kind in enumerate(kinds) if kind in _DATE_CELLS]

    def xml(self, batch: bytes) -> bytes:
        cells = escape(batch)[:-1].replace(b"\n", b"\t").split(b"\t")
        for i, known in self._dates:
            cells[i :: self._width] = map(known.__getitem__, cells[i :: self._width])
        xml = self._row * batch.count(b"\n") % tuple(cells)
        # The only "<" and ">" left are those of tags, and no tag contains a backslash.
        if rb"\N" in batch:
            xml = xml.replace(rb">\N<", b"><")
        if b"\\" in batch:
            xml = _COPY_ESCAPE.sub(copied, xml)
        for blank in self._blanks:
            xml = xml.replace(blank, _BLANK)
        return xml


def escape(text: bytes) -> bytes:
    """Escape text for XML and ST_Xstring. Each test scans the whole text, which is cheap."""
    text = text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;").replace(b"\r", b"&#13;")
    if b"_x" in text:
        text = _LOOKALIKE.sub(b"_x005F_", text)
    if has_unwritable(text):
        text = _UNWRITABLE_CHARACTER.sub(numbered, text)
    return text


def has_unwritable(text: bytes) -> bool:
    """Whether text contains characters that XML does not allow. Takes a third of the time of the regular expression."""
    return (
        len(text.translate(None, _CONTROLS)) != len(text)
        or any(noncharacter in text for noncharacter in _NONCHARACTERS)
        or _SURROGATE.search(text) is not None
    )


def numbered(character: re.Match[bytes]) -> bytes:
    """Return the ST_Xstring escape (ECMA-376 part 1, 22.9.2.19) of a character that XML does not allow."""
    return b"_x%04X_" % ord(character[0].decode(errors="surrogatepass"))


def copied(escape: re.Match[bytes]) -> bytes:
    """Return the meaning of a COPY escape sequence, escaped for XML."""
    return _COPY_ESCAPES.get(escape[1], escape[1])


class DateCells(dict[bytes, bytes]):
    """Cache of cells for ISO 8601 dates or times, limited in size."""

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
        # Excel cannot display dates before 1900-03-01, nor fractions finer than milliseconds, so store them as text.
        if moment < FIRST_DATE or moment.microsecond % 1_000:
            return _TEXT % text
        return (_MILLISECONDS if moment.microsecond else self._cell) % serial(moment).encode()


def serial(moment: dt.datetime) -> str:
    """Return a time as days since EPOCH."""
    since = moment - EPOCH
    part = (since.seconds + since.microseconds / 1e6) / 86400
    return f"{since.days}{f'{part:.12f}'[1:].rstrip('0').rstrip('.')}" if part else str(since.days)


def sheet_start(header: Sequence[str], kinds: Sequence[Kind]) -> bytes:
    """Return the XML of a sheet up to its first record. The header row is bold and frozen."""
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
    """Return the workbook part, which lists the sheets."""
    sheets = "".join(f'<sheet name={quoteattr(name)} sheetId="{i}" r:id="rId{i}"/>' for i, name in enumerate(names, 1))
    return (
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_RELS}"><bookViews><workbookView/></bookViews>'
        f"<sheets>{sheets}</sheets></workbook>"
    )


def workbook_rels(count: int) -> str:
    """Return the relationships part, which locates the sheets and styles."""
    sheets = "".join(
        f'<Relationship Id="rId{i}" Type="{_RELS}/worksheet" Target="worksheets/sheet{i}.xml"/>'
        for i in range(1, count + 1)
    )
    styles = f'<Relationship Id="rId{count + 1}" Type="{_RELS}/styles" Target="styles.xml"/>'
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{sheets}{styles}</Relationships>'
