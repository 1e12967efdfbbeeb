"""The cells of rejected rows as fields of forms."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from importexport.columns.cells import prepare
from importexport.errors import for_staff
from importexport.history.suggestions import meant
from importexport.models import ImportRun, RejectedRow, RunFix
from importexport.runs.fixes import checking, keeping

#: The longest text that has room in a field of one line.
ONE_LINE = 200


@dataclass(frozen=True)
class CellField:
    """A cell that can be changed: the text that it has now, and in the ``file``; whether somebody has changed it, by
    itself (then the version is ``seen``, see ``keeping.version_of``) or with all cells that have the same text; what is
    wrong with it; the values that its column can have, if that is a list; and names that may be meant."""

    number: int
    column: str
    text: str
    file: str
    seen: str
    is_changed: bool
    error: str
    choices: Sequence[str] = ()
    meant: Sequence[str] = ()
    help: str = ""
    header: str = ""

    @property
    def is_long(self) -> bool:
        """Whether the text has no room in one line."""
        return "\n" in self.text or len(self.text) > ONE_LINE

    @property
    def is_too_long(self) -> bool:
        """Whether the text cannot be changed on a page."""
        return len(self.text) > keeping.LONGEST

    @property
    def id(self) -> str:
        """The id of the field on the page."""
        return f"fix-{self.number}-{self.column}"


#: The fields of some rows, by the id of the row and column.
Fields = dict[int, dict[str, CellField]]


def fields_of(run: ImportRun, rows: Sequence[RejectedRow], *, only_wrong: bool = True) -> Fields:
    """Return the cells of some rejected rows that can be changed: those with an error, or all that the file has."""
    if not rows:
        return {}
    batch = checking.batch_of(run, rows)
    resource = checking.resource_of(run)
    texts = {column: prepare(cells) for column, cells in batch.columns.items() if column in resource.stored}
    made, values = changes_of(run, [row.number for row in rows]), values_of(run)
    names = list(zip(run.header.get("cells", []), run.header.get("columns", []), strict=False))
    headers = {column: header for header, column in reversed(names) if column}
    found: Fields = {}
    for i, row in enumerate(rows):
        wrong = {column: sentence for column, _code, sentence in row.errors}
        suggested = meant(run, row)
        for column, cells in texts.items():
            own = made.get((row.number, column))
            fix = own or values.get((column, cells[i]))
            if only_wrong and ((column not in wrong and fix is None) or len(cells[i]) > ONE_LINE or "\n" in cells[i]):
                continue  # Long texts have room on the page of the row.
            is_checked = fix is None or fix.state == RunFix.State.PLANNED
            found.setdefault(row.pk, {})[column] = CellField(
                number=row.number,
                column=column,
                text=fix.new if fix else cells[i],
                file=cells[i],
                seen=keeping.version_of(own),
                is_changed=fix is not None,
                error=wrong.get(column, "") if is_checked else fix.error if fix else "",
                choices=resource.stored[column].target.choices,
                meant=suggested.get(column, ()),
                help="" if resource.stored[column].target.choices else for_staff(resource.stored[column].help),
                header=headers.get(column, ""),
            )
    return found


def changes_of(run: ImportRun, numbers: Collection[int]) -> dict[tuple[int, str], RunFix]:
    """Return what was changed about the cells of some rows, by row number and column."""
    if not run.has_fixes:
        return {}
    found = RunFix.objects.filter(tenant=run.tenant_id, run=run, kind=RunFix.Kind.CELL, number__in=[*numbers])
    return {(fix.number, fix.column): fix for fix in found.exclude(state=RunFix.State.REVOKED)}


def values_of(run: ImportRun) -> dict[tuple[str, str], RunFix]:
    """Return what was changed in all rows, by column and the text of the file."""
    if not run.has_fixes:
        return {}
    found = RunFix.objects.filter(tenant=run.tenant_id, run=run, kind=RunFix.Kind.VALUE)
    return {(fix.column, fix.old): fix for fix in found.exclude(state=RunFix.State.REVOKED)}
