"""Runs, rows and the history of records as JSON."""

from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from crm.timestamps import timestamp
from importexport import errors
from importexport.history import suggestions
from importexport.history.kept import rejected_kept
from importexport.history.repairs import related_runs_of
from importexport.history.row_files import message_of
from importexport.history.row_log import LoggedRow, Trace, cell_of, shown_changes
from importexport.models import ImportRun, run_json
from importexport.runs.progress import seconds_left, share_done
from importexport.runs.queue import ahead_of

Json = dict[str, Any]
#: The most characters of the names of ignored columns in a response: far more than any known program's file has.
NAMES_LIMIT = 100_000


def first_names(names: Iterable[str]) -> list[str]:
    """Return the first of some names, as many as NAMES_LIMIT characters take."""
    lengths = accumulate(map(len, names))
    return [name for name, length in zip(names, lengths, strict=True) if length <= NAMES_LIMIT]


def detail_json(run: ImportRun) -> Json:
    """Return a run with its related runs."""
    children = run.children.filter(status=ImportRun.Status.DONE).order_by("created_at").values_list("pk", flat=True)
    ignored, cells = run.header.get("ignored", []), run.header.get("ignored_cells", {})
    detail = run_json(run) | {
        "ignoredColumns": first_names(ignored),
        "ignoredCells": {name: cells[name] for name in first_names(cells)},
        "ignoredCount": len(ignored),
        "columnHints": suggestions.columns_meant(run),
        "warnings": run.warnings,
        "reading": run.reading or None,
        "rejectedKept": rejected_kept(run),
        "startedAt": timestamp(run.started_at),
        "progress": progress_json(run) if run.is_at_work else None,
        "cancelledBy": run.cancelled_by or None,
        "children": list(map(str, children)),
    }
    if run.kind == ImportRun.Kind.IMPORT and run.status in {ImportRun.Status.DONE, ImportRun.Status.PLANNED}:
        related = related_runs_of(run)
        detail["relatedRuns"] = detail["family"] = {
            "totalRows": related.total,
            "imported": related.imported,
            "repaired": related.repaired,
            "left": related.left,
        }
    return detail


def progress_json(run: ImportRun) -> Json:
    """Return how far a run at work has come, and while it waits in the queue how many jobs are before it."""
    left = seconds_left(run)
    return {
        "percent": round(100 * share_done(run)),
        "secondsLeft": None if left is None else round(left),
        "ahead": ahead_of(run),
    }


def row_json(row: LoggedRow, run: ImportRun) -> Json:
    """Return the outcome of a row."""
    rendered: Json = {"row": row.number, "action": row.action, "entity": row.entity, "record": row.record}
    if row.changes:
        rendered["changes"] = {name: [before, after] for name, before, after in shown_changes(row)}
    if row.action == "reject":
        rendered["error"] = message_of(row, run)
        rendered["errors"] = errors_json(row, run)
        rendered["cells"] = row.cells
    if meant := suggestions.meant(run, row):
        rendered["didYouMean"] = meant
    if row.note:
        rendered["note"] = row.note
    return rendered


def errors_json(row: LoggedRow, run: ImportRun) -> list[Json]:
    """Return the errors of a rejected row, in the order of its message; the column of an error of the whole row is
    null."""
    messages = suggestions.sentences(run, row)
    return [
        {"column": column or None, "code": code, "value": value_of(row, column, run), "message": message}
        for (column, code, _), message in zip(row.errors, messages, strict=True)
    ]


def value_of(row: LoggedRow, column: str, run: ImportRun) -> str | None:
    """Return the cell that an error is about, cut like a value in a message."""
    cell = cell_of(row, column, run)
    return None if cell is None else errors.echo(cell)


def trace_json(trace: Trace) -> Json:
    """Return what a run did to a record."""
    return {
        "import": str(trace.run.pk),
        "action": trace.action,
        "row": trace.number or None,
        "fileName": trace.run.file_name,
        "at": timestamp(trace.run.finished_at),
        "channel": trace.run.channel,
        "door": trace.run.channel,
        "actor": trace.run.actor,
        "text": trace.text,
    }
