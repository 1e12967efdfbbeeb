"""The result of an import as text: warnings, ignored columns, counts."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from importexport.engine.report import Report
from importexport.errors import counted
from importexport.history import suggestions
from importexport.models import ImportRun
from importexport.runs.serializers import first_names

#: The maximum number of new names to list because they resemble existing ones.
NEW_NAMES = 20


def told_besides(result: Report | ImportRun) -> Iterator[str]:
    """Yield a line per group of warnings, one for the ignored columns with the number of their filled cells and the
    columns they may mean, and, for a plan, the new names that resemble existing ones."""
    for group in result.warnings:
        if group["code"] != "ignored_column":
            yield warning_line(group)
    if isinstance(result, Report):
        cells, hints = result.ignored_cells, result.column_hints
    else:
        cells, hints = result.header.get("ignored_cells", {}), suggestions.columns_meant(result)
    if cells:
        first = {name: cells[name] for name in first_names(cells)}
        more = [f"{len(cells) - len(first)} more"] if len(first) < len(cells) else []
        yield f"Ignored columns: {', '.join([*ignored_columns(first, hints), *more])}"
    if isinstance(result, ImportRun):
        yield from (sentence.replace("\n", " ") for sentence in islice(suggestions.all_about_new(result), NEW_NAMES))


def warning_line(group: Mapping[str, Any]) -> str:
    """Return a group of warnings as a line."""
    rows = group["rows"]
    if not group["sentence"]:
        return f"Warning: {group['example']} (and {rows - 1} more of this kind in '{group['column']}')".replace(
            "\n", " "
        )
    return f"Warning: {group['sentence']}{f' ({rows} rows)' if rows > 1 else ''}".replace("\n", " ")


def ignored_columns(cells: Mapping[str, int], hints: Mapping[str, str]) -> Iterator[str]:
    """Yield each ignored column with the number of its filled cells and the column it may mean. All columns without a
    name count as one."""
    for name, filled in cells.items():
        shown = counted(filled, "filled cell") if filled else "empty"
        meant = f"; did you mean {hints[name]}?" if name in hints else ""
        yield f"{name or 'without a header'} ({shown}{meant})"


def counts(result: Report | ImportRun) -> str:
    """Return the line of counts, which ends a result."""
    warnings = f", {counted(result.warning_count, 'warning')}" if result.warning_count else ""
    rows = counted(result.total_rows, "row")
    return f"{rows}: {result.imported} imported, {result.skipped} skipped{warnings}."


def undo_counts(run: ImportRun) -> str:
    """Return the line of counts of an undo."""
    return f"{counted(run.total_rows, 'change')}: {run.imported} undone, {counted(run.skipped, 'conflict')}."
