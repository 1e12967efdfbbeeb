"""XLSX and XLSM (ECMA-376): the sheets of a workbook and what their cells refer to."""

import posixpath
import re
from collections.abc import Iterable, Iterator

from importexport.files.workbooks.archive import Archive
from importexport.files.workbooks.cells import Pieces
from importexport.files.workbooks.number_formats import BUILT_IN, PLAIN, NumberFormat, read_format
from importexport.files.workbooks.sheet_rows import SheetRows
from importexport.files.workbooks.sheet_xml import blocks
from importexport.files.workbooks.sheets import Row, Sheet
from importexport.files.workbooks.texts import as_csv, xlsx_text
from importexport.files.workbooks.xml import each_element

#: Where an element does not end, a match takes all that is left, so that it is not looked at from each further "<".
_STRING = re.compile(
    r'<si><t(?: xml:space="preserve")?>([^<]*)</t></si>|<si(?:\s[^>]*?)?(?:/>|>([\s\S]*?)(?:</si>|\Z)|\Z)'
)
_MERGED = re.compile(rb"<mergeCell (?:[^<>]*?\s)?ref=[\"']([A-Z]{1,3}[0-9]{1,7}:[A-Z]{1,3}[0-9]{1,7})[\"']")


class Xlsx:
    """A workbook: its visible ``sheets`` and the hidden ones."""

    def __init__(self, archive: Archive, path: str) -> None:
        self._archive = archive
        self._is_1904 = False
        self.progress = 0.0
        self._targets = relations(archive, path)
        self.sheets: list[Sheet] = []
        each_element(archive.chunks(path), self._see)
        self._strings: list[str] | None = None
        self._formats: list[NumberFormat] | None = None

    def _see(self, name: str, given: dict[str, str]) -> None:
        if name == "workbookPr":
            self._is_1904 = given.get("date1904", "") in ("1", "true", "on")
        elif name == "sheet" and (target := self._targets.get(given.get("id", ""))) and target[0] == "worksheet":
            self.sheets.append(Sheet(given.get("name", ""), given.get("state", "visible") != "visible", target[1]))

    def rows(self, sheet: Sheet) -> Iterator[list[Row]]:
        """Yield the filled rows of a sheet, some at a time."""
        if self._strings is None or self._formats is None:
            self._strings = self._read("sharedStrings", read_strings, [])
            self._formats = self._read("styles", read_formats, [PLAIN])
        reader = SheetRows(strings=self._strings, formats=self._formats, is_1904=self._is_1904)
        yield from reader.read(self._counted(sheet.part))
        sheet.merged = [found.decode() for found in _MERGED.findall(reader.tail)]

    def _counted(self, part: str) -> Iterator[bytes]:
        done, size = 0, self._archive.size(part)
        for chunk in self._archive.chunks(part):
            done += len(chunk)
            self.progress = done / size
            yield chunk

    def _read(self, kind, read, default):
        part = next((path for name, path in self._targets.values() if name == kind), "")
        return read(self._archive.chunks(part)) if part in self._archive else default


def relations(archive: Archive, path: str) -> dict[str, tuple[str, str]]:
    """Return the kind and the path of the parts that a part refers to, by id. ``path`` is "" for the package."""
    folder, name = posixpath.split(path)
    part = posixpath.join(folder, "_rels", f"{name}.rels")
    found: dict[str, tuple[str, str]] = {}

    def see(name: str, given: dict[str, str]) -> None:
        if name == "Relationship" and given.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", folder, given.get("Target", "")))
            found[given.get("Id", "")] = posixpath.basename(given.get("Type", "")), target

    if part in archive:
        each_element(archive.chunks(part), see)
    return found


def read_strings(chunks: Iterable[bytes]) -> list[str]:
    """Return the shared strings."""
    texts: list[str] = []
    for block in blocks(chunks, item="si", inside=("sst",)):
        texts.extend(map(_string, _STRING.finditer(block.decode())))
    return texts


def _string(found: re.Match[str]) -> str:
    raw = found[1]
    if raw is None:
        raw = Pieces().read(f"<row><c>{found[2]}</c></row>")[1].value if found[2] else ""
    return as_csv(xlsx_text(raw))


def read_formats(chunks: Iterable[bytes]) -> list[NumberFormat]:
    """Return the number format of each cell style."""
    codes: dict[str, NumberFormat] = {str(number): shown for number, shown in BUILT_IN.items()}
    styles: list[str] = []
    section = ""

    def see(name: str, given: dict[str, str]) -> None:
        nonlocal section
        if name in ("numFmts", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs"):
            section = name
        elif name == "numFmt" and section == "numFmts":
            codes[given.get("numFmtId", "")] = read_format(given.get("formatCode", ""))
        elif name == "xf" and section == "cellXfs":
            styles.append(given.get("numFmtId", "0"))

    each_element(chunks, see)
    return [codes.get(style, PLAIN) for style in styles]
