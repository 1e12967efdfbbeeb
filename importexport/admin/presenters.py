"""The content of a run, prepared for the templates: header, error groups, rows."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db import models
from django.db.models import QuerySet
from django.http import QueryDict

from importexport.admin.column_help import expected, with_hint
from importexport.admin.labels import CREATED_REFERENCES, ERROR_CODES
from importexport.engine.groups import GROUPS as KEPT_GROUPS
from importexport.errors import FileError, StorageUnavailable
from importexport.files.column_hints import column_hints
from importexport.files.header import count_known, read_header
from importexport.files.opening import open_rows
from importexport.history import row_log, suggestions
from importexport.history.kept import REJECTED_ROWS, rejected_kept
from importexport.models import ImportRun, RejectedRow
from importexport.resources import RESOURCES

ROWS_PER_PAGE = 50
#: Limits of what is shown: a file can have any number of columns, and a cell any length.
COLUMNS, CHARACTERS, IGNORED = 60, 120, 30
#: The maximum number of digits of a row number.
NUMBER = 12
#: The number of error groups shown at first; the others can be unfolded.
GROUPS = 8
#: Shown in place of a line break: a cell of a table has one line.
LINE_BREAK = " ↵ "
_LINE_BREAK = re.compile("\r\n|\r|\n")
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")


def shown(text: str, *, limit: int = CHARACTERS) -> str:
    """Return a cell's text for display: line breaks as ↵, invalid characters replaced, truncated to the limit."""
    text = _LINE_BREAK.sub(LINE_BREAK, text[: 2 * limit])
    return _UNSHOWN.sub("\ufffd", text if len(text) <= limit else f"{text[: limit - 1]}…")


# --- the header -----------------------------------------------------------------------------------------------


class IgnoredColumn(NamedTuple):
    """An unknown header cell, the column that was probably meant, or "", and how many cells below it are filled."""

    name: str
    meant: str
    filled: int = 0


@dataclass(frozen=True)
class HeaderFound:
    """The header as it was recognised. ``pairs`` are its cells, each with its column or ""."""

    pairs: list[tuple[str, str]]
    ignored: list[IgnoredColumn]
    more_ignored: int
    missing: list[str]

    @property
    def known(self) -> int:
        """The number of recognised columns."""
        return sum(bool(column) for _, column in self.pairs)


def header_found(run: ImportRun) -> HeaderFound:
    """Return a run's header as it was recognised."""
    header = run.header
    missing = header.get("missing", [])
    ignored = header.get("ignored", [])
    filled = header.get("ignored_cells", {})
    named = zip(ignored, with_hints(ignored, missing, run.entity), strict=False)
    cells, columns = header.get("cells", [])[:COLUMNS], header.get("columns", [])[:COLUMNS]
    return HeaderFound(
        pairs=[(shown(cell), column or "") for cell, column in zip(cells, columns, strict=True)],
        ignored=[column._replace(filled=filled.get(name, 0)) for name, column in named],
        more_ignored=len(ignored[IGNORED:]),
        missing=missing,
    )


def with_hints(names: Sequence[str], free: Collection[str], entity: str) -> list[IgnoredColumn]:
    """Return the first unknown names, each with the column that may be meant, of those that are missing."""
    hints = column_hints(names, free, entity)
    return [IgnoredColumn(shown(name), hints.get(name, "")) for name in names[:IGNORED]]


def unknown_in_upload(run: ImportRun) -> list[IgnoredColumn]:
    """Return the unknown names in the header of a failed file, as far as it can be read."""
    names = RESOURCES[run.entity].column_names()
    try:
        with run.open_upload() as file:
            score = lambda cells: count_known(cells, names)  # noqa: E731 - names the argument
            cells = open_rows(file, score=score, sheet=run.options.get("sheet", "")).header
    except (FileError, StorageUnavailable):
        return []
    header = read_header(cells, columns=names)
    return with_hints(header.ignored, header.missing(names), run.entity)


def resembling(run: ImportRun) -> list[str]:
    """Return the first messages about records that would be created for rows and resemble existing ones."""
    return [shown(sentence, limit=300) for sentence in islice(suggestions.all_about_new(run), IGNORED)]


class Sample(NamedTuple):
    """Records as they will be stored: the columns used by any of them, and the cells of each record."""

    columns: list[str]
    rows: list[list[str]]


def sample(run: ImportRun) -> Sample:
    """Return the first records, without columns that are empty in all of them."""
    names = RESOURCES[run.entity].column_names()
    filled = [any(column) for column in zip(*run.sample, strict=True)] or [False] * len(names)
    keep = lambda cells: [cell for cell, is_filled in zip(cells, filled, strict=True) if is_filled]  # noqa: E731
    return Sample(keep(names), [[shown(cell) for cell in keep(cells)] for cells in run.sample])


# --- errors ---------------------------------------------------------------------------------------------------


class ErrorFilter(NamedTuple):
    """A filter for rejected rows: all, or those with an error code, in a column, with a message."""

    code: str = ""
    column: str | None = None
    sentence: str | None = None

    @classmethod
    def of(cls, query: QueryDict) -> "ErrorFilter":
        """Return the filter in a query string."""
        code = query.get("code", "")
        return cls(code, query.get("column"), query.get("sentence")) if code in ERROR_CODES else cls()

    def rows(self, run: ImportRun) -> QuerySet[RejectedRow]:
        """Return the matching rejected rows, in file order."""
        found = RejectedRow.objects.of(run).order_by("number")
        if not self.code:
            return found
        return found.with_error(code=self.code, column=self.column, sentence=self.sentence)

    @property
    def query(self) -> str:
        """The query string of the filter."""
        asked = {name: value for name, value in self._asdict().items() if value is not None}
        return urlencode(asked) if self.code else ""

    @property
    def title(self) -> str:
        """The label of the filter."""
        return self.sentence or str(ERROR_CODES.get(self.code, ""))


class Group(NamedTuple):
    """Errors of the same kind: their column ("" for errors of the whole row), the filter for their rows, what can be
    changed about them (see fixing.groups), or None, and what was expected."""

    title: str
    example: str
    column: str
    rows: int
    query: str
    is_chosen: bool
    offer: Any = None
    hint: str = ""


def groups(
    run: ImportRun, chosen: ErrorFilter, *, offer: Callable[[dict[str, Any], int, bool], Any] = lambda *group: None
) -> list[Group]:
    """Return a run's error groups, most frequent first; ``offer`` says what can be changed about each, by its number
    and whether it is chosen."""
    return [_group(run, group, chosen, number, offer) for number, group in enumerate(run.groups, 1)]


def _group(run: ImportRun, group: dict[str, Any], chosen: ErrorFilter, number: int, offer: Callable[..., Any]) -> Group:
    wanted = ErrorFilter(group["code"], group["column"], group["sentence"] or None)
    return Group(
        title=shown(group["sentence"], limit=300) or str(ERROR_CODES[group["code"]]),
        example="" if group["sentence"] else shown(group["example"], limit=300),
        column=group["column"],
        rows=group["rows"],
        query=wanted.query,
        is_chosen=wanted == chosen,
        offer=offer(group, number, wanted == chosen),
        hint=expected(run, group["code"], group["column"]),
    )


class ErrorCode(NamedTuple):
    """An error code to filter the rows by."""

    title: str
    query: str
    is_chosen: bool


def codes(run: ImportRun, chosen: ErrorFilter) -> list[ErrorCode]:
    """Return a run's error codes, most frequent first."""
    names = dict.fromkeys(group["code"] for group in run.groups)
    wanted = [ErrorFilter(name) for name in names]
    return [ErrorCode(str(ERROR_CODES[error.code]), error.query, error == chosen) for error in wanted]


# --- rows -----------------------------------------------------------------------------------------------------


class Conflict(NamedTuple):
    """Something that could not be undone: a record or a created reference, the reason, and the cells in conflict."""

    number: int
    reference: Any
    record: models.Model | None
    note: str
    cells: list[tuple[str, str]]


def conflicts(run: ImportRun) -> list[Conflict]:
    """Return the first conflicts of an undo."""
    found, _ = row_log.some_rows(run, action="conflict", after=0, limit=ROWS_PER_PAGE)
    known = RESOURCES[run.entity]._meta.model._default_manager.filter(tenant=run.tenant)
    records = known.in_bulk([row.record for row in found if row.entity == run.entity])
    return [
        Conflict(
            number=row.number,
            reference=CREATED_REFERENCES.get(row.entity, "") if row.entity != run.entity else "",
            record=records.get(row.record) if row.entity == run.entity else None,
            note=row.note,
            cells=[(column, shown(before)) for column, before, _ in row_log.shown_changes(row)],
        )
        for row in found
    ]


class ShownCell(NamedTuple):
    """A cell of a rejected row, its error, or "", and the id of the field in which it can be changed, or ""."""

    text: str
    error: str
    field: str = ""


class ShownRow(NamedTuple):
    """A rejected row."""

    number: int
    sentences: list[str]
    cells: list[ShownCell]
    #: The fields in which its cells can be changed (see fixing.fields).
    fields: Sequence[Any] = ()
    is_left_out: bool = False


@dataclass(frozen=True)
class RowsPage:
    """A page of rejected rows under the header of the file; ``hidden`` columns are not shown."""

    page: Page
    header: list[str]
    rows: list[ShownRow]
    hidden: int


#: Returns the fields to change cells of some rows, by the id of the row and column (see fixing.fields).
FieldsOf = Callable[[Sequence[RejectedRow]], Mapping[int, Mapping[str, Any]]]


def rows_page(
    run: ImportRun, chosen: ErrorFilter, number: str | None, *, fields_of: FieldsOf = lambda rows: {}
) -> RowsPage:
    """Return a page of the matching rejected rows; for an invalid page number, the nearest page."""
    paginator = Paginator(chosen.rows(run), ROWS_PER_PAGE)
    known = known_count(run, chosen)
    if known is not None:
        paginator.count = known
    page = paginator.get_page(number)
    found = list(page.object_list)
    cells = run.header["cells"]
    width = max([len(cells), *(len(row.cells) for row in found)])
    header = [shown(cell) for cell in cells] + [""] * (width - len(cells))
    columns = run.header["columns"] + [None] * (width - len(cells))
    fields = fields_of([row for row in found if not row.is_left_out])
    rows = [_row(run, row, columns[:COLUMNS], len(cells), fields.get(row.pk, {})) for row in found]
    return RowsPage(page, header[:COLUMNS], rows, max(width - COLUMNS, 0))


def known_count(run: ImportRun, chosen: ErrorFilter) -> int | None:
    """Return the number of matching rows if the import has counted them, else None.

    Counting a million rows takes a while. A row has at most one error per column, so the groups of a single column add
    up.
    """
    if not chosen.code:
        return rejected_kept(run)
    if run.skipped > REJECTED_ROWS:
        return None
    alike = [group for group in run.groups if group["code"] == chosen.code]
    for name in ("column", "sentence"):
        wanted = getattr(chosen, name)
        alike = [group for group in alike if wanted is None or group[name] == wanted]
    if len(run.groups) >= KEPT_GROUPS or len({group["column"] for group in alike}) > 1:
        return None
    return sum(group["rows"] for group in alike) or None


def sentences_of(run: ImportRun, row: RejectedRow) -> list[str]:
    """Return what is wrong with a row, and what its cells should have had."""
    told = zip(suggestions.sentences(run, row), row.errors, strict=True)
    return [with_hint(shown(text, limit=300), expected(run, code, column)) for text, (column, code, _text) in told]


def _row(
    run: ImportRun, row: RejectedRow, columns: Sequence[str | None], width: int, fields: Mapping[str, Any]
) -> ShownRow:
    """Return a row as it is shown, with the fields in which its cells can be changed, by column."""
    cells = _cells(row, columns, width, {column: field.id for column, field in fields.items()})
    return ShownRow(row.number, sentences_of(run, row), cells, list(fields.values()), row.is_left_out)


def _cells(row: RejectedRow, columns: Sequence[str | None], width: int, fields: Mapping[str, str]) -> list[ShownCell]:
    """Return a row's cells. Cells beyond the header are errors."""
    by_column = {column: shown(sentence, limit=300) for column, _code, sentence in row.errors}
    padded = row.cells + [""] * (len(columns) - len(row.cells))
    return [
        ShownCell(shown(text), by_column.get(column or ("" if n >= width else None), ""), fields.get(column or "", ""))
        for n, (text, column) in enumerate(zip(padded[: len(columns)], columns, strict=True))
    ]
