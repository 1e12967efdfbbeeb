"""Checks changed cells at once: their rows, as they are kept, go through the import as a dry run."""

from collections.abc import Callable, Sequence
from functools import partial

from importexport.db import Busy, patience
from importexport.engine.fixes import CELL, Fixes, text_of
from importexport.engine.observers import Observer
from importexport.engine.options import from_kept
from importexport.engine.outcome import Outcome, Rejection
from importexport.engine.reading import kept_table
from importexport.engine.resource import EntityResource
from importexport.files.table import Batch, KeptRows, Table
from importexport.history.fixes import fixes_of
from importexport.models import ImportRun, RejectedRow, RunFix
from importexport.resources import RESOURCES
from importexport.runs.fixes.keeping import NotFixed

#: Seconds that a check waits for an import of the same tenant.
WAIT = 0.2
#: How many other rows with the same change are checked along, to find duplicates.
OTHERS = 20
LATER = "Another import is in progress, so this will be checked together with the file."


class Rejections(Observer):
    """Keeps the rejected rows."""

    def __init__(self) -> None:
        self.found: list[Rejection] = []

    def add(self, outcome: Outcome) -> None:
        self.found += outcome.rejected


def sentences_of(run: ImportRun, rows: Sequence[RejectedRow]) -> dict[int, list[tuple[str, str]]]:
    """Return what is wrong with rejected rows of a plan after its fixes, by their numbers: columns and sentences.

    Nothing is stored. Raises Busy if an import of the same tenant does not let it.
    """
    resource = resource_of(run, fixes_of(run, numbers=[row.number for row in rows]))
    seen = Rejections()
    with patience(wait=WAIT):
        resource.import_data(table_of(run, rows, resource), dry_run=True, raise_errors=True, observers=[seen])
    return {found.number: [(column, str(error)) for column, error in found.errors] for found in seen.found}


def resource_of(run: ImportRun, fixes: Fixes | None = None) -> EntityResource:
    """Return the resource that imports the file of a run."""
    return RESOURCES[run.entity](run.tenant, options=from_kept(run.options), fixes=fixes)


def table_of(run: ImportRun, rows: Sequence[RejectedRow], resource: EntityResource) -> Table:
    """Return rejected rows of a run as a table."""
    kept = [(row.number, row.cells) for row in rows]
    make: Callable[[], KeptRows] = partial(
        KeptRows, run.header["cells"], kept, delimiter=run.header.get("delimiter", "")
    )
    return kept_table(make, resource, run.reading)


def batch_of(run: ImportRun, rows: Sequence[RejectedRow]) -> Batch:
    """Return rejected rows of a run in our columns, without fixes."""
    return next(table_of(run, rows, resource_of(run)).batches())


def text_in(run: ImportRun, row: RejectedRow, column: str) -> str:
    """Return what the file has in a cell of a rejected row; raise NotFixed if it does not have the column."""
    text = text_of(batch_of(run, [row]), 0, column)
    if text is None:
        raise NotFixed(f"The file has no column '{column}'. Add it to the file, and import that.")
    return text


def row_of(run: ImportRun, number: int) -> RejectedRow:
    """Return the rejected row with a number; raise NotFixed if there is none."""
    row = RejectedRow.objects.of(run).filter(number=number).order_by("id").first()
    if row is None:
        raise NotFixed(f"Row {number} is not among the rejected rows that are kept.")
    return row


def others_like(run: ImportRun, fix: RunFix) -> list[RejectedRow]:
    """Return some other rejected rows in which the same column was changed to the same."""
    same = RunFix.objects.filter(tenant=run.tenant_id, run=run, kind=CELL, column=fix.column, new=fix.new).exclude(
        state=RunFix.State.REVOKED
    )
    numbers = list(same.exclude(number=fix.number).values_list("number", flat=True)[:OTHERS])
    return list(RejectedRow.objects.of(run).filter(number__in=numbers).order_by("number")) if numbers else []


def check_cell(run: ImportRun, row: RejectedRow, fix: RunFix) -> list[tuple[str, str]]:
    """Return what is wrong with a row after the fixes of its run, of which one has just been made.

    Where the cell was changed to the same in another row, that counts as the earlier one.
    """
    return sentences_of(run, [*others_like(run, fix), row]).get(row.number, [])


def check_rows(run: ImportRun, rows: Sequence[RejectedRow], column: str) -> str:
    """Return the first sentence about a column of some rejected rows after the fixes of their run, or ""."""
    try:
        found = sentences_of(run, rows)
    except Busy:
        return LATER
    return next((text for errors in found.values() for name, text in errors if name == column), "")
