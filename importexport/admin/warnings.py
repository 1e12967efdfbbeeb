"""The warnings of a run, prepared for the templates."""

from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from importexport.admin import labels
from importexport.admin.presenters import shown
from importexport.models import ImportRun

#: How many groups of warnings, and names of columns, are shown at first.
GROUPS, NAMES = 8, 5


class LeftOut(NamedTuple):
    """An ignored column that has values: its header, and how many of its cells are filled, as a text."""

    name: str
    cells: str


def left_out(run: ImportRun) -> list[LeftOut]:
    """Return the columns whose values are not imported."""
    groups = [group for group in run.warnings if group["code"] == "ignored_column"]
    return [LeftOut(shown(group["column"]), labels.cells(group["rows"])) for group in groups]


class Warnings(NamedTuple):
    """Warnings of the same kind; ``example`` is "" where all have the same message, the title."""

    title: str
    example: str
    column: str
    rows: int


def doubtful(run: ImportRun) -> list[Warnings]:
    """Return the warnings about cells that are stored as they are."""
    return [_group(group) for group in run.warnings if group["code"] in labels.WARNING_CODES]


def _group(group: dict[str, Any]) -> Warnings:
    title = shown(group["sentence"], limit=400) or str(labels.WARNING_CODES[group["code"]])
    return Warnings(
        title, "" if group["sentence"] else shown(group["example"], limit=400), group["column"], group["rows"]
    )


def in_list(run: ImportRun, *, named: bool) -> str:
    """Return a run's warnings as the list of runs has them; ``named`` says whether the user may see the columns."""
    columns = left_out(run)
    cells = run.warning_count - len(columns)
    parts = []
    if columns and named:
        names = ", ".join(_("“%(name)s”") % {"name": column.name or "–"} for column in columns[:NAMES])
        more = " …" if len(columns) > NAMES else ""
        parts.append(_("%(names)s left out") % {"names": names + more})
    elif columns:
        parts.append(labels.columns_left_out(len(columns)))
    if cells:
        parts.append(labels.warnings(cells))
    return ", ".join(parts)
