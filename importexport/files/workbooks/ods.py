"""ODS (OpenDocument 1.3): the sheets of content.xml."""

import re
from collections.abc import Iterator

from importexport import errors
from importexport.files.workbooks.archive import Archive
from importexport.files.workbooks.ods_cells import cell_text
from importexport.files.workbooks.places import COLUMNS, ROWS, column_letters, range_name
from importexport.files.workbooks.sheets import Row, Sheet
from importexport.files.workbooks.xml import new_parser

CONTENT, STYLES, MANIFEST = "content.xml", "styles.xml", "META-INF/manifest.xml"
#: The number of a table that there never is.
NONE = 1_000_000
TYPE = b"application/vnd.oasis.opendocument.spreadsheet"
#: A row that is repeated is passed on so many times at once.
AT_ONCE = 1_000
_OASIS = re.compile(r"urn:oasis:names:tc:opendocument:xmlns:(\w+):1\.0 (.*)", re.DOTALL)
_CALCEXT = "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0 "
_CELLS = {"table:table-cell", "table:covered-table-cell"}
#: What stands in a cell or behind the tables, but is none of their contents: comments, shapes, pronunciation, copies of
#: other files' cells. All that draws is such, too.
_ASIDES = {
    "office:annotation", "text:note", "text:ruby-text", "table:shapes", "table:dde-links", "table:tracked-changes",
}  # fmt: skip
ASIDE = "aside"
_DATA_STYLES = {"datastyle:date-style", "datastyle:time-style"}


class Names(dict[str, str]):
    """The usual names of elements and attributes, by the full ones: ``table:table-row``; one name for all asides."""

    def __missing__(self, full: str) -> str:
        found = _OASIS.fullmatch(full)
        name = f"{found[1]}:{found[2]}" if found else full.replace(_CALCEXT, "calcext:")
        if name in _ASIDES or name.startswith("drawing:"):
            name = ASIDE
        self[full] = name
        return name


class Ods:
    """A spreadsheet of OpenDocument."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.progress = 0.0
        if MANIFEST in archive and b"encryption-data" in archive.read(MANIFEST):
            raise errors.encrypted_workbook()
        self._styles = Styles()
        listing = Content(self._styles)
        for chunk in archive.chunks(CONTENT):
            listing.feed(chunk)
        hidden = self._styles.hidden
        self.sheets = [Sheet(name, style in hidden, str(i)) for i, (name, style) in enumerate(listing.tables)]
        others = Content(self._styles)
        for chunk in archive.chunks(STYLES) if STYLES in archive else ():
            others.feed(chunk)

    def rows(self, sheet: Sheet) -> Iterator[list[Row]]:
        """Yield the filled rows of a sheet, some at a time."""
        content = Content(self._styles, wanted=int(sheet.part))
        sheet.merged = content.merged
        done, size = 0, self._archive.size(CONTENT)
        for chunk in self._archive.chunks(CONTENT):
            done += len(chunk)
            self.progress = done / size
            for number, cells, times in content.feed(chunk):
                for first in range(number, number + times, AT_ONCE):
                    yield [(row, [*cells]) for row in range(first, min(first + AT_ONCE, number + times))]


class Styles:
    """What styles say: which tables are hidden, and which cells show a time with a Z (see number_formats)."""

    def __init__(self) -> None:
        self.hidden: set[str] = set()
        self._utc: set[str] = set()
        self._formats: dict[str, str] = {}
        self._style = self._format = ""

    def see(self, name: str, given: dict[str, str]) -> None:
        """Note the start of an element."""
        if name == "style:style":
            self._style = given.get("style:name", "")
            self._formats[self._style] = given.get("style:data-style-name", "")
        elif name == "style:table-properties" and given.get("table:display") == "false":
            self.hidden.add(self._style)
        elif name in _DATA_STYLES:
            self._format = given.get("style:name", "")

    def end(self, name: str, text: str) -> None:
        """Note the end of an element; the last text of a format decides."""
        if name == "datastyle:text" and text.strip().endswith("Z"):
            self._utc.add(self._format)
        elif name.startswith("datastyle:") and name not in _DATA_STYLES:
            self._utc.discard(self._format)

    def is_utc(self, style: str) -> bool:
        """Whether cells of a style show a Z."""
        return self._formats.get(style, "") in self._utc


class Content:
    """Reads content.xml: the names of its tables, and the rows of one of them."""

    def __init__(self, styles: Styles, *, wanted: int = NONE) -> None:
        #: The names of tables, and of their styles.
        self.tables: list[tuple[str, str]] = []
        self._styles = styles
        self._wanted = wanted
        self._names = Names()
        self._texts: list[str] = []
        self._parser = new_parser(separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._texts.append
        self._paragraphs: list[str] = []
        #: How many elements around are none of the contents; they have paragraphs and tables of their own.
        self._aside = 0
        self._found: list[tuple[int, list[str], int]] = []
        self._defaults: list[tuple[int, str]] = []
        self._number, self._times = 1, 1
        self._cells: list[str] = []
        self._place = 0
        self._cell: dict[str, str] = {}
        #: The ranges of merged cells.
        self.merged: list[str] = []

    def feed(self, chunk: bytes) -> list[tuple[int, list[str], int]]:
        """Return the filled rows of a further chunk: number, cells, how many times."""
        self._parser.Parse(chunk)
        found, self._found = self._found, []
        return found

    def _start(self, full: str, given_full: dict[str, str]) -> None:
        name = self._names[full]
        if name == ASIDE:
            self._aside += 1
            self._parser.CharacterDataHandler = None
        elif self._aside:
            return
        elif name == "table:table":
            given = self._short(given_full)
            self.tables.append((given.get("table:name", ""), given.get("table:style-name", "")))
        elif name in ("datastyle:text", "text:p"):
            self._texts.clear()
        elif self._is_inside:
            self._start_inside(name, self._short(given_full))
        elif not self.tables:
            self._styles.see(name, self._short(given_full))

    @property
    def _is_inside(self) -> bool:
        """Whether the wanted table is being read."""
        return len(self.tables) == self._wanted + 1

    def _short(self, given: dict[str, str]) -> dict[str, str]:
        return {self._names[name]: value for name, value in given.items()}

    def _start_inside(self, name: str, given: dict[str, str]) -> None:
        """Note the start of an element of the wanted table."""
        if name in _CELLS:
            self._cell, self._paragraphs = given, []
        elif name == "table:table-row":
            self._cells, self._place = [], 0
            self._times = times(given.get("table:number-rows-repeated"), ROWS)
        elif name == "table:table-column":
            columns = times(given.get("table:number-columns-repeated"), COLUMNS)
            self._defaults.append((columns, given.get("table:default-cell-style-name", "")))
        elif name == "text:s":
            self._texts.append(" " * times(given.get("text:c"), 1000))
        elif name in ("text:tab", "text:line-break"):
            self._texts.append("\t" if name == "text:tab" else "\n")

    def _end(self, full: str) -> None:
        name = self._names[full]
        if name == ASIDE:
            self._end_aside()
        elif self._aside:
            return
        elif not self.tables:
            self._styles.end(name, "".join(self._texts))
        elif not self._is_inside:
            return
        elif name == "text:p":
            self._paragraphs.append("".join(self._texts))
        elif name in _CELLS:
            self._end_cell()
        elif name == "table:table-row":
            self._end_row()

    def _end_aside(self) -> None:
        self._aside -= 1
        if not self._aside:
            self._parser.CharacterDataHandler = self._texts.append

    def _end_cell(self) -> None:
        given, text = self._cell, "\n".join(self._paragraphs)
        count = times(given.get("table:number-columns-repeated"), COLUMNS)
        if "table:formula" in given and not self._paragraphs and not given.get("office:value-type"):
            raise errors.formula_without_value(self._number, column_letters(self._place))
        if text or "office:value-type" in given:
            style = given.get("table:style-name") or self._default_style()
            text = cell_text(given, text, is_utc=self._styles.is_utc(style))
        if text:
            if self._place + count > COLUMNS:
                raise errors.damaged_workbook()
            self._cells.extend([""] * (self._place - len(self._cells)))
            self._cells.extend([text] * count)
        self._note_merged(given)
        self._place += count

    def _note_merged(self, given: dict[str, str]) -> None:
        width, height = (times(given.get(f"table:number-{name}-spanned"), ROWS) for name in ("columns", "rows"))
        if width > 1 or height > 1:
            top, left = self._number - 1, self._place
            self.merged.append(range_name(top, top + height, left, left + width))

    def _default_style(self) -> str:
        """Return the style of cells of the current column that name none."""
        end = 0
        for columns, style in self._defaults:
            end += columns
            if self._place < end:
                return style
        return ""

    def _end_row(self) -> None:
        if self._cells:
            if self._number + self._times - 1 > ROWS:
                raise errors.damaged_workbook()
            self._found.append((self._number, self._cells, self._times))
        self._number += self._times


def times(repeated: str | None, limit: int) -> int:
    """Return how many times something stands there."""
    return min(max(int(repeated), 1), limit) if repeated else 1
