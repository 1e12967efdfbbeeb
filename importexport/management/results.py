"""The result of an import in words: warnings, ignored columns, counts."""

from collections.abc import Iterator, Mapping
from typing import Any

from importexport.engine.report import Report
from importexport.models import ImportRun


def told_besides(result: Report | ImportRun) -> Iterator[str]:
    """Yield a line per group of warnings, then one with the ignored columns and the number of their filled cells."""
    for group in result.warnings:
        if group["code"] != "ignored_column":
            yield warning_line(group)
    cells = result.ignored_cells if isinstance(result, Report) else result.header.get("ignored_cells", {})
    if cells:
        yield f"Ignored columns: {', '.join(ignored_columns(cells))}"


def warning_line(group: Mapping[str, Any]) -> str:
    """Return a group of warnings as a line."""
    rows = group["rows"]
    if not group["sentence"]:
        return f"Warning: {group['example']} (and {rows - 1} more of this kind in '{group['column']}')".replace(
            "\n", " "
        )
    return f"Warning: {group['sentence']}{f' ({rows} rows)' if rows > 1 else ''}".replace("\n", " ")


def ignored_columns(cells: Mapping[str, int]) -> Iterator[str]:
    """Yield each ignored column with the number of its filled cells; all those without a name come as one."""
    for name, filled in cells.items():
        shown = "empty" if not filled else "1 filled cell" if filled == 1 else f"{filled} filled cells"
        yield f"{name or 'without a header'} ({shown})"


def counts(result: Report | ImportRun) -> str:
    """Return the line of counts, which ends a result."""
    warnings = result.warning_count
    besides = f", {warnings} warning{'s' if warnings > 1 else ''}" if warnings else ""
    return f"{result.total_rows} rows: {result.imported} imported, {result.skipped} skipped{besides}."
