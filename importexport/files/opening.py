"""Opens a file as a source of rows: CSV, or a workbook. Its first bytes say which, never its name."""

from collections.abc import Callable

from importexport import errors
from importexport.files import header
from importexport.files.csv_reader import Reader, Start
from importexport.files.signatures import is_workbook
from importexport.files.table import Required, Rows, Table
from importexport.files.text.lines import CHUNK, Source
from importexport.files.text.recoded import Recoded
from importexport.files.workbook_reader import WorkbookRows


class Started:
    """A file whose ``head`` has already been read."""

    def __init__(self, head: bytes, file: Source) -> None:
        self._head = head
        self._file = file

    def read(self, size: int, /) -> bytes:
        """Return the next bytes: the head, then the rest."""
        head, self._head = self._head, b""
        return head or self._file.read(size)

    def seekable(self) -> bool:
        """Whether the file is known to end."""
        return self._file.seekable()


def open_rows(
    file: Source,
    *,
    score: Callable[[list[str]], int],
    sheet: str = "",
    encoding: str = "utf-8",
    start: Start | None = None,
    max_bytes: int | None = None,
) -> Rows:
    """Open a CSV file or a workbook as a source of rows; raise FileError if it cannot be read.

    ``sheet`` names a sheet of a workbook; by default, it is the only one that has rows. ``score`` counts the known
    columns in a possible header of a CSV file, and ``start`` says where the header is if it is not the first row.
    """
    head = file.read(CHUNK)
    started = Started(head, file)
    if is_workbook(head):
        return WorkbookRows(started, sheet=sheet, start=start, max_bytes=max_bytes)
    if sheet:
        raise errors.csv_has_no_sheets(sheet)
    return Reader(recoded(started, encoding), score=score, start=start, max_bytes=max_bytes)


def recoded(file: Source, encoding: str) -> Source:
    """Return a file that reads as UTF-8."""
    return file if encoding == "utf-8" else Recoded(file, encoding)


def read_table(
    file: Source,
    *,
    columns: list[str],
    required: Required,
    entity: str = "",
    sheet: str = "",
    max_bytes: int | None = None,
) -> Table:
    """Open a file of ours as a table; raise FileError if it cannot be imported."""
    score = lambda cells: header.count_known(cells, columns)  # noqa: E731 - names the argument
    rows = open_rows(file, score=score, sheet=sheet, max_bytes=max_bytes)
    return Table(rows, columns=columns, required=required, entity=entity)
