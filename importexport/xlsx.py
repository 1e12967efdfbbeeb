"""A streaming XLSX writer (ECMA-376): rows of PostgreSQL's COPY text format in, pieces of a workbook out.

Inline strings, typed numbers and dates, deflate on a stream that cannot be sought; nothing grows with the file.
Works on whole batches: one replacement for all of a batch's rows, one format operation a row.
"""

import datetime as dt
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Literal, cast
from xml.sax.saxutils import escape, quoteattr

Kind = Literal["text", "whole", "amount", "date", "moment"]

#: Rows of a sheet, the header included; more go on in another sheet.
ROW_LIMIT = 1_048_576
#: Bytes of a sheet's XML. Below 2 GiB an entry needs no ZIP64 header, which Excel does not take from a stream.
SIZE_LIMIT = 2**31 - 2**25
DEFLATE_LEVEL = 3

#: The 1900 date system takes 1900 for a leap year; from 1900-03-01 on, it counts the days since this one.
EPOCH = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - serial numbers have no zone
FIRST_DATE = dt.datetime(1900, 3, 1)  # noqa: DTZ001
KNOWN_LIMIT = 10_000

_TEXT = '<c t="inlineStr"><is><t xml:space="preserve">%s</t></is></c>'
#: Cells by kind; a date's is made whole from its text.
_CELLS = {
    "text": _TEXT,
    "whole": '<c s="1"><v>%s</v></c>',
    "amount": '<c s="2"><v>%s</v></c>',
    "date": "%s",
    "moment": "%s",
}
_STYLES = {"date": 3, "moment": 4}
_WIDTHS = {"text": 22, "whole": 12, "amount": 16, "date": 12, "moment": 20}

_COPY_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_COPY_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPE_LOOKALIKE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
#: What XML 1.0 cannot hold at all, and CR, which it would read as a line feed.
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n")

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
    f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="6"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    + "".join(
        f'<xf numFmtId="{number}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        for number in (1, 2, 164, 165)
    )
    + '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


class Sink:
    """Where zipfile writes; what has been written is taken away piece by piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep some bytes."""
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def take(self) -> bytes:
        """Return what has been written since the last time."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


def stream_workbook(
    *,
    sheet: str,
    header: Sequence[str],
    kinds: Sequence[Kind],
    batches: Iterable[bytes],
    row_limit: int = ROW_LIMIT,
    size_limit: int = SIZE_LIMIT,
) -> Iterator[bytes]:
    """Yield a workbook in pieces.

    ``batches`` are whole rows of COPY's text format, blank cells being empty; moments are in UTC. Rows beyond
    ``row_limit`` (header included), or XML beyond ``size_limit`` bytes, go on in a next sheet.
    """
    sink, rows = Sink(), Rows(kinds, batches)
    with zipfile.ZipFile(cast(IO[bytes], sink), "w") as archive:
        archive.writestr(entry("[Content_Types].xml"), CONTENT_TYPES)
        archive.writestr(entry("_rels/.rels"), ROOT_RELS)
        archive.writestr(entry("xl/styles.xml"), STYLES)
        count = 0
        while not count or not rows.ended:
            count += 1
            with archive.open(entry(f"xl/worksheets/sheet{count}.xml"), "w") as part:
                size = part.write(sheet_start(header, kinds).encode())
                yield sink.take()
                left = row_limit - 1
                while left and size < size_limit and (taken := rows.take(left)):
                    left -= len(taken)
                    size += part.write("".join(taken).encode())
                    if piece := sink.take():
                        yield piece
                part.write(b"</sheetData></worksheet>")
        names = [sheet, *(f"{sheet} ({number})" for number in range(2, count + 1))]
        archive.writestr(entry("xl/workbook.xml"), workbook(names))
        archive.writestr(entry("xl/_rels/workbook.xml.rels"), workbook_rels(count))
    yield sink.take()


def entry(name: str) -> zipfile.ZipInfo:
    """Return a ZIP entry that is the same whenever it is made."""
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info._compresslevel = DEFLATE_LEVEL  # type: ignore[attr-defined]
    return info


class Rows:
    """The rows of the batches as XML, taken a batch at a time."""

    def __init__(self, kinds: Sequence[Kind], batches: Iterable[bytes]) -> None:
        self._batches = iter(batches)
        self._ready: list[str] = []
        self._template = f"<row>{''.join(_CELLS[kind] for kind in kinds)}</row>"
        self._blanks = [_CELLS[kind] % "" for kind in {*kinds} - {*_STYLES}]
        self._dates = [(i, date_cell(kind)) for i, kind in enumerate(kinds) if kind in _STYLES]
        self._fill()

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to take."""
        return not self._ready

    def take(self, limit: int) -> list[str]:
        """Return the next rows, at most ``limit``; none only at the end."""
        taken, self._ready = self._ready[:limit], self._ready[limit:]
        if not self._ready:
            self._fill()
        return taken

    def _fill(self) -> None:
        batch = next(self._batches, None)
        if batch:
            self._ready = self._xml(batch)

    def _xml(self, batch: bytes) -> list[str]:
        text = escape(batch.decode())
        if "_x" in text:
            text = _ESCAPE_LOOKALIKE.sub("_x005F_", text)
        if has_unwritable(batch):
            text = _UNWRITABLE.sub(lambda match: f"_x{ord(match[0]):04X}_", text)
        template, dates = self._template, self._dates
        rows = []
        for line in text[:-1].split("\n"):
            cells = [unescape(cell) for cell in line.split("\t")] if "\\" in line else line.split("\t")
            for i, cell in dates:
                cells[i] = cell(cells[i])
            rows.append(template % tuple(cells))
        return self._without_blanks(rows)

    def _without_blanks(self, rows: list[str]) -> list[str]:
        """Write blank cells short, all rows at once; no cell has the separator, which XML cannot hold."""
        joined = "\0".join(rows)
        for blank in self._blanks:
            joined = joined.replace(blank, "<c/>")
        return joined.split("\0")


def has_unwritable(batch: bytes) -> bool:
    """Whether a batch has characters that XML cannot hold; COPY writes some of them as escapes."""
    return len(batch.translate(None, _CONTROLS)) != len(batch) or b"\xef\xbf\xbe" in batch or b"\xef\xbf\xbf" in batch


def unescape(cell: str) -> str:
    """Undo the backslash escapes of COPY's text format."""
    if "\\" not in cell:
        return cell
    plain = _COPY_ESCAPE.sub(lambda match: _COPY_ESCAPES.get(match[1], match[1]), cell)
    return _UNWRITABLE.sub(lambda match: f"_x{ord(match[0]):04X}_", plain)


def date_cell(kind: Kind) -> Callable[[str], str]:
    """Return what makes a cell of an ISO 8601 date or time; the answers are kept, up to a point."""
    style, known = _STYLES[kind], {"": "<c/>"}

    def cell(text: str) -> str:
        if text not in known:
            if len(known) > KNOWN_LIMIT:
                known.clear()
                known[""] = "<c/>"
            moment = dt.datetime.fromisoformat(text.removesuffix("Z"))
            # Excel cannot show a date before its first day; as text it is at least there.
            known[text] = _TEXT % text if moment < FIRST_DATE else f'<c s="{style}"><v>{serial(moment)}</v></c>'
        return known[text]

    return cell


def serial(moment: dt.datetime) -> str:
    """Return a time as days since the epoch of the 1900 date system."""
    since = moment - EPOCH
    part = (since.seconds + since.microseconds / 1e6) / 86400
    return f"{since.days}{f'{part:.12f}'[1:].rstrip('0').rstrip('.')}" if part else str(since.days)


def sheet_start(header: Sequence[str], kinds: Sequence[Kind]) -> str:
    """Return a sheet's XML up to its first record: the header row is bold and stays in view."""
    widths = "".join(
        f'<col min="{i}" max="{i}" width="{_WIDTHS[kind]}" customWidth="1"/>' for i, kind in enumerate(kinds, 1)
    )
    cells = "".join(f'<c s="5" t="inlineStr"><is><t>{escape(name)}</t></is></c>' for name in header)
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f"<cols>{widths}</cols><sheetData><row>{cells}</row>"
    )


def workbook(names: Sequence[str]) -> str:
    """Return the part that lists the sheets."""
    sheets = "".join(f'<sheet name={quoteattr(name)} sheetId="{i}" r:id="rId{i}"/>' for i, name in enumerate(names, 1))
    return f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_RELS}"><sheets>{sheets}</sheets></workbook>'


def workbook_rels(count: int) -> str:
    """Return the part that says where sheets and styles are."""
    sheets = "".join(
        f'<Relationship Id="rId{i}" Type="{_RELS}/worksheet" Target="worksheets/sheet{i}.xml"/>'
        for i in range(1, count + 1)
    )
    styles = f'<Relationship Id="rId{count + 1}" Type="{_RELS}/styles" Target="styles.xml"/>'
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{sheets}{styles}</Relationships>'
