"""Writes a workbook of one sheet with notes, coloured cells and drop-down lists, as a stream (see xlsx)."""

import weakref
import zipfile
from collections.abc import Iterable, Sequence
from typing import IO, Any, NamedTuple, cast
from xml.sax.saxutils import escape as escape_text

from importexport import errors
from importexport.files import xlsx
from importexport.files.workbooks.places import column_letters

#: The most characters of a cell: Excel does not open a workbook that has more.
CELL_LIMIT = 32_767
#: The most notes: spreadsheets become slow with many.
NOTES_LIMIT = 10_000
#: The styles of cells: indexes into the cellXfs of STYLES.
PLAIN, BOLD, FAULT = 0, 1, 2

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

CONTENT_TYPES = xlsx.CONTENT_TYPES.replace(
    "</Types>",
    '<Default Extension="vml" ContentType="application/vnd.openxmlformats-officedocument.vmlDrawing"/>'
    f'<Override PartName="/xl/comments1.xml" ContentType="{_TYPE}.comments+xml"/></Types>',
)
STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="3"><fill><patternFill'
    ' patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill><fill><patternFill'
    ' patternType="solid"><fgColor rgb="FFFFC7CE"/></patternFill></fill></fills><borders count="1"><border><left/>'
    '<right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0"'
    ' fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="3"><xf numFmtId="49" fontId="0" fillId="0" borderId="0"'
    ' xfId="0" applyNumberFormat="1"/><xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="49" fontId="0" fillId="2" borderId="0" xfId="0" applyFill="1" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
SHEET_RELS = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELS}/vmlDrawing" Target="../drawings/vmlDrawing1.vml"/>'
    f'<Relationship Id="rId2" Type="{_RELS}/comments" Target="../comments1.xml"/></Relationships>'
)
_NOTE = (
    '<v:shape id="_x0000_s{id}" type="#_x0000_t202" style="position:absolute;width:240pt;height:90pt;visibility:hidden"'
    ' fillcolor="#ffffe1" o:insetmode="auto"><v:fill color2="#ffffe1"/><v:textbox/><x:ClientData ObjectType="Note">'
    "<x:MoveWithCells/><x:SizeWithCells/><x:AutoFill>False</x:AutoFill><x:Row>{row}</x:Row><x:Column>{column}</x:Column>"
    "</x:ClientData></v:shape>"
)


class Cell(NamedTuple):
    """A cell: its text, its note, and its style. An ``is_error`` one is an error value, not a text."""

    text: str
    note: str = ""
    style: int = PLAIN
    is_error: bool = False


class NotedWorkbook:
    """Writes the header, then rows, then what belongs to them. Only the notes are kept in memory."""

    def __init__(self, file: Any, *, sheet: str, header: Sequence[Cell], choices: Iterable[Sequence[str]] = ()) -> None:
        self._archive = zipfile.ZipFile(
            cast(IO[bytes], file), "w", zipfile.ZIP_DEFLATED, compresslevel=xlsx.DEFLATE_LEVEL
        )
        xlsx.add(self._archive, "[Content_Types].xml", CONTENT_TYPES)
        xlsx.add(self._archive, "_rels/.rels", xlsx.ROOT_RELS)
        xlsx.add(self._archive, "xl/styles.xml", STYLES)
        xlsx.add(self._archive, "xl/workbook.xml", xlsx.workbook([sheet]))
        xlsx.add(self._archive, "xl/_rels/workbook.xml.rels", xlsx.workbook_rels(1))
        self._part = self._archive.open("xl/worksheets/sheet1.xml", "w")
        # Of a workbook that is given up, zipfile would complain on stderr.
        weakref.finalize(self, self._part.close)
        self._notes: list[tuple[int, int, str]] = []
        #: The values of each column that has a drop-down list, by position.
        self._choices = choices
        self._row = 0
        start = xlsx.sheet_start([], ["text"] * len(header))
        self._part.write(start.removesuffix(b"<row></row>").replace(b"<worksheet ", WITH_RELS, 1))
        self.add([header])

    def add(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Append rows."""
        for row in rows:
            self._row += 1
            if self._row > xlsx.ROW_LIMIT:
                raise errors.more_rejected_than_rows()
            self._part.write(b"<row>%b</row>" % b"".join(self._cell(i, cell) for i, cell in enumerate(row)))

    def _cell(self, position: int, cell: Cell) -> bytes:
        if cell.note and len(self._notes) < NOTES_LIMIT:
            self._notes.append((self._row, position, cell.note))
        text = xlsx.escape(cell.text[:CELL_LIMIT].encode(errors="surrogatepass"))
        if cell.is_error:
            return b'<c s="%d" t="e"><v>%b</v></c>' % (cell.style, text)
        if not text:
            return b'<c s="%d"/>' % cell.style
        return b'<c s="%d" t="inlineStr"><is><t xml:space="preserve">%b</t></is></c>' % (cell.style, text)

    def close(self) -> None:
        """Write what stands behind the rows."""
        lists = "".join(drop_down(position, values) for position, values in enumerate(self._choices) if values)
        behind = f"<dataValidations>{lists}</dataValidations>" if lists else ""
        self._part.write(f'</sheetData>{behind}<legacyDrawing r:id="rId1"/></worksheet>'.encode())
        self._part.close()
        xlsx.add(self._archive, "xl/worksheets/_rels/sheet1.xml.rels", SHEET_RELS)
        xlsx.add(self._archive, "xl/comments1.xml", comments(self._notes))
        xlsx.add(self._archive, "xl/drawings/vmlDrawing1.vml", drawing(self._notes))
        self._archive.close()


WITH_RELS = f'<worksheet xmlns:r="{_RELS}" '.encode()


def drop_down(position: int, values: Sequence[str]) -> str:
    """Return the list of values of a column; it does not forbid others, which an import may understand as well."""
    letters = column_letters(position)
    return (
        f'<dataValidation type="list" allowBlank="1" errorStyle="warning" showErrorMessage="1"'
        f' sqref="{letters}2:{letters}{xlsx.ROW_LIMIT}"><formula1>"{escape_text(",".join(values))}"</formula1>'
        "</dataValidation>"
    )


def comments(notes: Iterable[tuple[int, int, str]]) -> str:
    """Return the part with the notes' texts."""
    found = "".join(
        f'<comment ref="{column_letters(column)}{row}" authorId="0"><text><t xml:space="preserve">'
        f"{xlsx.escape(text.encode(errors='surrogatepass')).decode()}</t></text></comment>"
        for row, column, text in notes
    )
    return (
        f'{_XML}<comments xmlns="{_MAIN}"><authors><author>Import</author></authors>'
        f"<commentList>{found}</commentList></comments>"
    )


def drawing(notes: Iterable[tuple[int, int, str]]) -> str:
    """Return the part with the notes' boxes. Excel shows no note without one."""
    shapes = "".join(
        _NOTE.format(id=1025 + i, row=row - 1, column=column) for i, (row, column, _text) in enumerate(notes)
    )
    return (
        '<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"'
        ' xmlns:x="urn:schemas-microsoft-com:office:excel"><v:shapetype id="_x0000_t202" coordsize="21600,21600"'
        f' o:spt="202" path="m,l,21600r21600,l21600,xe"/>{shapes}</xml>'
    )
