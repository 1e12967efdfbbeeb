"""What an import found, made ready to be shown: its header, its groups of errors, its rows."""

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db import models
from django.db.models import QuerySet
from django.http import QueryDict

from importexport.admin.labels import ERROR_CODES, MADE
from importexport.errors import FileError
from importexport.files.csv_reader import Reader
from importexport.files.header import ERROR_COLUMN, count_known, fold_label
from importexport.history import row_log, suggestions
from importexport.history.error_groups import GROUPS as KEPT_GROUPS
from importexport.models import ImportRun, RejectedRow
from importexport.resources import RESOURCES

ROWS_PER_PAGE = 50
#: A file can have endless columns, and a cell an endless text; of more than this only the beginning is shown.
COLUMNS, CHARACTERS, IGNORED = 60, 120, 30
#: Digits of a row's number, at most.
NUMBER = 12
#: Groups that are shown at once; the others unfold.
GROUPS = 8
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")


def shown(text: str, *, limit: int = CHARACTERS) -> str:
    """Return a cell's text as it can be shown: characters that are no text made visible, the end cut off."""
    return _UNSHOWN.sub("\ufffd", text if len(text) <= limit else f"{text[: limit - 1]}…")


# --- the header -----------------------------------------------------------------------------------------------


class IgnoredColumn(NamedTuple):
    """A header cell that is no column, and the one that was perhaps meant, or ""."""

    name: str
    meant: str


@dataclass(frozen=True)
class HeaderFound:
    """A header as it was understood. ``pairs`` are its cells, each with its column or ""."""

    pairs: list[tuple[str, str]]
    ignored: list[IgnoredColumn]
    more_ignored: int
    missing: list[str]

    @property
    def known(self) -> int:
        """How many columns were recognised."""
        return sum(bool(column) for _, column in self.pairs)


def header_found(run: ImportRun) -> HeaderFound:
    """Return a run's header as it was understood."""
    header = run.header
    missing = header.get("missing", [])
    ignored = header.get("ignored", [])
    cells, columns = header.get("cells", [])[:COLUMNS], header.get("columns", [])[:COLUMNS]
    return HeaderFound(
        pairs=[(shown(cell), column or "") for cell, column in zip(cells, columns, strict=True)],
        ignored=with_suggestions(ignored[:IGNORED], missing),
        more_ignored=len(ignored[IGNORED:]),
        missing=missing,
    )


def with_suggestions(names: Iterable[str], free: Collection[str]) -> list[IgnoredColumn]:
    """Return unknown names, each with the nearest of the columns that nothing fills."""
    known = {fold_label(name): name for name in free}
    return [IgnoredColumn(shown(name), _nearest(name, known)) for name in names]


def _nearest(name: str, known: dict[str, str]) -> str:
    near = difflib.get_close_matches(fold_label(name[:CHARACTERS]), known, n=1, cutoff=0.6)
    return known[near[0]] if near else ""


def unknown_in_upload(run: ImportRun) -> list[IgnoredColumn]:
    """Return the unknown names in the header of a file that was refused, as far as it can be read."""
    names = RESOURCES[run.entity].column_names()
    try:
        with run.open_upload() as file:
            cells = Reader(file, score=lambda cells: count_known(cells, names)).header
    except FileError:
        return []
    found = {fold_label(cell) for cell in cells}
    free = [name for name in names if fold_label(name) not in found]
    passed_over = {fold_label(name) for name in (*names, ERROR_COLUMN, "")}
    unknown = dict.fromkeys(cell.strip() for cell in cells if fold_label(cell) not in passed_over)
    return with_suggestions(list(unknown)[:IGNORED], free)


class Sample(NamedTuple):
    """Records as they will be stored: the columns that any of them fills, and a list of cells for each record."""

    columns: list[str]
    rows: list[list[str]]


def sample(run: ImportRun) -> Sample:
    """Return the first records, without the columns that none of them fills."""
    names = RESOURCES[run.entity].column_names()
    filled = [any(column) for column in zip(*run.sample, strict=True)] or [False] * len(names)
    keep = lambda cells: [cell for cell, is_filled in zip(cells, filled, strict=True) if is_filled]  # noqa: E731
    return Sample(keep(names), [[shown(cell) for cell in keep(cells)] for cells in run.sample])


# --- errors ---------------------------------------------------------------------------------------------------


class ErrorFilter(NamedTuple):
    """Which rejected rows are asked for: all, or those with a code of error, in a column, with a sentence."""

    code: str = ""
    column: str | None = None
    sentence: str | None = None

    @classmethod
    def of(cls, query: QueryDict) -> "ErrorFilter":
        """Return what a page's address asks for."""
        code = query.get("code", "")
        return cls(code, query.get("column"), query.get("sentence")) if code in ERROR_CODES else cls()

    def rows(self, run: ImportRun) -> QuerySet[RejectedRow]:
        """Return the rows that are asked for, in the file's order."""
        found = run.rejected_rows.order_by("number")
        if not self.code:
            return found
        return found.with_error(code=self.code, column=self.column, sentence=self.sentence)

    @property
    def query(self) -> str:
        """The part of an address that asks for it."""
        asked = {name: value for name, value in self._asdict().items() if value is not None}
        return urlencode(asked) if self.code else ""

    @property
    def title(self) -> str:
        """What is asked for, in words."""
        return self.sentence or str(ERROR_CODES.get(self.code, ""))


class Group(NamedTuple):
    """Errors alike: in which column ("" where the whole row is at fault), and how to see their rows."""

    title: str
    example: str
    column: str
    rows: int
    query: str
    is_chosen: bool


def groups(run: ImportRun, chosen: ErrorFilter) -> list[Group]:
    """Return a run's groups of errors, the most frequent first."""
    return [_group(group, chosen) for group in run.groups]


def _group(group: dict[str, Any], chosen: ErrorFilter) -> Group:
    wanted = ErrorFilter(group["code"], group["column"], group["sentence"] or None)
    return Group(
        title=shown(group["sentence"], limit=300) or str(ERROR_CODES[group["code"]]),
        example="" if group["sentence"] else shown(group["example"], limit=300),
        column=group["column"],
        rows=group["rows"],
        query=wanted.query,
        is_chosen=wanted == chosen,
    )


class ErrorCode(NamedTuple):
    """A code of error that the rows can be filtered by."""

    title: str
    query: str
    is_chosen: bool


def codes(run: ImportRun, chosen: ErrorFilter) -> list[ErrorCode]:
    """Return the codes of error that a run has, the most frequent first."""
    names = dict.fromkeys(group["code"] for group in run.groups)
    wanted = [ErrorFilter(name) for name in names]
    return [ErrorCode(str(ERROR_CODES[error.code]), error.query, error == chosen) for error in wanted]


# --- rows -----------------------------------------------------------------------------------------------------


class ShownChange(NamedTuple):
    """A cell of a record that a row changes, before and after."""

    column: str
    before: str
    after: str


class ChangedRows(NamedTuple):
    """Some of the rows that change records; ``following`` is where the next ones begin, or None."""

    rows: list[tuple[int, list[ShownChange]]]
    following: int | None


def changed_rows(run: ImportRun, after: str | None) -> ChangedRows:
    """Return the rows that change records, from the number after the given one; from the first where it is none."""
    start = int(after) if after and after.isdecimal() and len(after) < NUMBER else 0
    found, has_more = row_log.some_rows(run, action="update", after=start, limit=ROWS_PER_PAGE)
    return ChangedRows([(row.number, changes_of(row)) for row in found], found[-1].number if has_more else None)


def changes_of(row: row_log.LoggedRow) -> list[ShownChange]:
    """Return the cells that a row changes."""
    return [ShownChange(*map(shown, change)) for change in row_log.shown_changes(row)]


class Conflict(NamedTuple):
    """What an undo leaves as it is: a record, or what was made for a row, and why; ``cells`` are those in question."""

    number: int
    made: Any
    record: models.Model | None
    note: str
    cells: list[ShownChange]


def conflicts(run: ImportRun) -> list[Conflict]:
    """Return the first rows of a run that could not be undone."""
    found, _ = row_log.some_rows(run, action="conflict", after=0, limit=ROWS_PER_PAGE)
    known = RESOURCES[run.entity]._meta.model._default_manager.filter(tenant=run.tenant)
    records = known.in_bulk([row.record for row in found if row.entity == run.entity])
    return [
        Conflict(
            number=row.number,
            made=MADE.get(row.entity, "") if row.entity != run.entity else "",
            record=records.get(row.record) if row.entity == run.entity else None,
            note=row.note,
            cells=changes_of(row),
        )
        for row in found
    ]


class ShownCell(NamedTuple):
    """A cell of a rejected row, and what is wrong with it, or ""."""

    text: str
    error: str


class ShownRow(NamedTuple):
    """A rejected row."""

    number: int
    sentences: list[str]
    cells: list[ShownCell]


@dataclass(frozen=True)
class RowsPage:
    """A page of rejected rows under the file's header; ``hidden`` columns are too many to be shown."""

    page: Page
    header: list[str]
    rows: list[ShownRow]
    hidden: int


def rows_page(run: ImportRun, chosen: ErrorFilter, number: str | None) -> RowsPage:
    """Return a page of the rejected rows that are asked for; of a number that there is not, the nearest."""
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
    rows = [ShownRow(row.number, _sentences(run, row), _cells(row, columns[:COLUMNS], len(cells))) for row in found]
    return RowsPage(page, header[:COLUMNS], rows, max(width - COLUMNS, 0))


def known_count(run: ImportRun, chosen: ErrorFilter) -> int | None:
    """Return how many rows are asked for, where that was counted by the import: a million rows take a while to count.

    A row has at most one error in a column, so of one column the groups tell.
    """
    if not chosen.code:
        return run.skipped
    alike = [group for group in run.groups if group["code"] == chosen.code]
    for name in ("column", "sentence"):
        wanted = getattr(chosen, name)
        alike = [group for group in alike if wanted is None or group[name] == wanted]
    if len(run.groups) >= KEPT_GROUPS or len({group["column"] for group in alike}) > 1:
        return None
    return sum(group["rows"] for group in alike) or None


def _sentences(run: ImportRun, row: RejectedRow) -> list[str]:
    return [shown(sentence, limit=300) for sentence in suggestions.sentences(run, row)]


def _cells(row: RejectedRow, columns: Sequence[str | None], width: int) -> list[ShownCell]:
    """Return a row's cells; of one with too many, those beyond the header are at fault."""
    by_column = {column: shown(sentence, limit=300) for column, _code, sentence in row.errors}
    padded = row.cells + [""] * (len(columns) - len(row.cells))
    return [
        ShownCell(shown(text), by_column.get(column or ("" if n >= width else None), ""))
        for n, (text, column) in enumerate(zip(padded[: len(columns)], columns, strict=True))
    ]
