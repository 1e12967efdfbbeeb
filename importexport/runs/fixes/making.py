"""What somebody can change in a preview: a cell, all cells or rows with an error, a company that is to be created."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Any, NamedTuple

from importexport.columns.cells import prepare
from importexport.columns.fields import Column
from importexport.columns.references import can_create
from importexport.db import Busy
from importexport.engine.fixes import BLANK, CELL, CREATE, SKIP, VALUE, Fix
from importexport.engine.spec import EXTERNAL_ID
from importexport.models import ImportRun, RejectedRow, RunFix
from importexport.runs.fixes import checking, keeping
from importexport.runs.fixes.keeping import NotFixed

#: How many rows of a group are checked with what was changed about it.
CHECKED = 20
#: Codes of errors whose sentence names the text of the cell, so that all rows of a group have the same.
NAMING = ("choice", "email", "not_found", "ambiguous", "spreadsheet_error")
NO_SUCH_GROUP = "No row of the preview has this error any more."


class ErrorGroup(NamedTuple):
    """Rows of a run with the same error (see ImportRun.groups); the ``sentence`` is "" if it differs between them."""

    code: str
    column: str
    sentence: str = ""

    def is_of(self, run: ImportRun) -> bool:
        """Whether a run has such rows."""
        return any(self == group_of(group) for group in run.groups)

    def rows(self, run: ImportRun) -> int:
        """Return the number of rows of a run that a change of the group is applied to."""
        return sum(group["rows"] for group in run.groups if self.covers(group_of(group)))

    def covers(self, other: "ErrorGroup") -> bool:
        """Whether a change of the group is applied to the rows of another one: of one without a sentence, to all."""
        return self[:2] == other[:2] and self.sentence in {"", other.sentence}


def group_of(group: dict[str, Any]) -> ErrorGroup:
    """Return what identifies a group of errors. The sentence of a single row is as good as one that rows share."""
    return ErrorGroup(group["code"], group["column"], group["sentence"])


@dataclass(frozen=True)
class Checked:
    """A cell that was changed: its fix, or None if it is as in the file again; what is wrong with its row now, each
    with its column; and whether that is known, or only when the file is checked again."""

    fix: RunFix | None
    wrong: list[tuple[str, str]]
    is_checked: bool = True

    def sentence(self, column: str) -> str:
        """Return what is wrong with a column, or ""."""
        return next((sentence for name, sentence in self.wrong if name == column), "")

    @property
    def in_one(self) -> str:
        """All that is wrong with the row, in one line."""
        return "; ".join(sentence for _column, sentence in self.wrong)


def change_cell(run: ImportRun, number: int, column: str, text: str, *, by: str, seen: str | None = None) -> Checked:
    """Change a cell of a rejected row, and check the row at once; see ``keeping.keep``, also for what is raised."""
    row = checking.row_of(run, number)
    old = checking.text_in(run, row, column)
    fix = Fix(CELL, by, number=number, column=column, old=old, new=text)
    kept = None
    if len(text) <= keeping.LONGEST and prepare([text])[0] == old:
        keeping.restore(run, fix, seen=seen)
    else:
        kept = keeping.keep(run, fix, rows=1, seen=seen)
    try:
        wrong = checking.check_cell(run, row, kept or RunFix(column=column, new=text, number=number))
    except Busy:
        return Checked(kept, [], is_checked=False)
    checked = Checked(kept, wrong)
    if kept:
        keeping.note_error(kept, checked.sentence(column))
    return checked


def replace_value(run: ImportRun, group: ErrorGroup, text: str, *, by: str) -> RunFix:
    """Replace the value that all rows of a group have in its column; ``error`` says what is wrong with the new one."""
    first = first_rows(run, group)
    if not can_replace(group):
        raise NotFixed("These rows have different values. Change their cells one by one, or in the workbook.")
    old = checking.text_in(run, first[0], group.column)
    fix = Fix(VALUE, by, column=group.column, code=group.code, sentence=group.sentence, old=old, new=text)
    kept = keeping.keep(run, fix, rows=group.rows(run))
    keeping.note_error(kept, checking.check_rows(run, first, group.column))
    return kept


def can_replace(group: ErrorGroup) -> bool:
    """Whether all rows of a group have the same value, which can be replaced."""
    return bool(group.column) and (group.code == "required" or (group.code in NAMING and bool(group.sentence)))


def leave_blank(run: ImportRun, group: ErrorGroup, *, by: str) -> RunFix:
    """Leave the cells of a group blank. Raises NotFixed for a column that no row may leave blank."""
    first_rows(run, group)
    if not can_blank(group, optional_columns(run)):
        raise NotFixed(f"'{group.column or 'The row'}' cannot be left blank.")
    fix = Fix(BLANK, by, column=group.column, code=group.code, sentence=group.sentence)
    return keeping.keep(run, fix, rows=group.rows(run))


def optional_columns(run: ImportRun) -> set[str]:
    """Return the columns of a run's entity that its rows may leave blank."""
    resource = checking.resource_of(run)
    present = [name for name in run.header.get("columns", ()) if name]
    needed = {*resource.needed_names(present), *EXTERNAL_ID.columns}
    return {column.column_name for column in resource.spec.columns} - needed


def can_blank(group: ErrorGroup, optional: Container[str]) -> bool:
    """Whether the cells of a group can be left blank, of columns of which these are optional."""
    return group.column in optional and group.code not in {"duplicate", "required"}


def create_named(run: ImportRun, group: ErrorGroup, *, by: str) -> RunFix:
    """Have the company created that the rows of a group name."""
    first = first_rows(run, group)
    if not creates(group, checking.resource_of(run).stored.get(group.column)):
        raise NotFixed("Only companies that are not found can be created.")
    name = checking.text_in(run, first[0], group.column)
    fix = Fix(CREATE, by, column=group.column, new=name)
    kept = keeping.keep(run, fix, rows=group.rows(run))
    keeping.note_error(kept, checking.check_rows(run, first, group.column))
    return kept


def creates(group: ErrorGroup, column: Column | None) -> bool:
    """Whether what the rows of a group name in a column can be created: a company that is not found."""
    is_company = column is not None and can_create(column) and column.column_name == "company_name"
    return is_company and group.code == "not_found" and bool(group.sentence)


def skip_rows(run: ImportRun, group: ErrorGroup, *, by: str) -> RunFix:
    """Leave the rows of a group out."""
    first_rows(run, group)
    if group.code == "left_out":
        raise NotFixed("These rows are left out already.")
    fix = Fix(SKIP, by, column=group.column, code=group.code, sentence=group.sentence)
    return keeping.keep(run, fix, rows=group.rows(run))


def skip_row(run: ImportRun, number: int, *, by: str) -> RunFix:
    """Leave a rejected row out."""
    checking.row_of(run, number)
    return keeping.keep(run, Fix(SKIP, by, number=number), rows=1)


def first_rows(run: ImportRun, group: ErrorGroup) -> list[RejectedRow]:
    """Return the first rows of a group; raise NotFixed if a run has no such rows."""
    if not group.is_of(run):
        keeping.check_plan(run)
        raise NotFixed(NO_SUCH_GROUP)
    found = RejectedRow.objects.of(run).with_error(
        code=group.code, column=group.column, sentence=group.sentence or None
    )
    rows = list(found.order_by("number")[:CHECKED])
    if not rows:
        raise NotFixed(NO_SUCH_GROUP)
    return rows
