"""The warnings of a run, prepared for the templates."""

from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from importexport.admin import labels
from importexport.admin.presenters import shown
from importexport.errors import for_staff
from importexport.models import ImportRun

#: How many groups of warnings, and names of columns, are shown at first; and how many columns in the list of runs, with
#: how many characters of their names.
GROUPS, NAMES = 8, 5
LISTED, SHORT = 2, 24


class LeftOut(NamedTuple):
    """An ignored column that has values: its header, and how many of its cells are filled, as a text."""

    name: str
    cells: str


def left_out(run: ImportRun) -> list[LeftOut]:
    """Return the columns whose values are not imported."""
    groups = [group for group in run.warnings if group["code"] == "ignored_column"]
    return [LeftOut(shown(group["column"]), labels.filled_cells(group["rows"])) for group in groups]


class Warnings(NamedTuple):
    """Warnings of the same kind; ``example`` is "" where all have the same message, the title.

    ``rows`` is 0 where the warning is about the sheet as a whole.
    """

    title: str
    example: str
    column: str
    rows: int


def doubtful(run: ImportRun) -> list[Warnings]:
    """Return the warnings, but for those about ignored columns."""
    return [_group(group) for group in run.warnings if group["code"] != "ignored_column"]


def _group(group: dict[str, Any]) -> Warnings:
    title = shown(group["sentence"], limit=400) or str(labels.WARNING_CODES[group["code"]])
    if group["code"] == "midnight":
        title = for_staff(title)
    example = "" if group["sentence"] else shown(group["example"], limit=400)
    return Warnings(title, example, group["column"], 0 if group["code"] == "merged_cells" else group["rows"])


def in_list(run: ImportRun, *, named: bool) -> str:
    """Return a run's warnings as the list of runs has them; ``named`` says whether the user may see the columns."""
    columns = [group for group in run.warnings if group["code"] == "ignored_column"]
    parts = []
    if columns:
        parts.append(_names(columns) if named else labels.columns_left_out(len(columns)))
    if cells := run.warning_count - len(columns):
        parts.append(labels.warnings(cells))
    return "; ".join(parts)


def _names(columns: list[dict[str, Any]]) -> str:
    """Return the first of the ignored columns: ``Left out: “Fax” (3 cells), “Old” (1 cell) and 4 more``."""
    names = [
        f"“{name}” ({cells})" if name else f"{_('without a header')} ({cells})"
        for name, cells in ((shown(group["column"], limit=SHORT), labels.cells(group["rows"])) for group in columns)
    ]
    text = _("Left out: %(names)s") % {"names": ", ".join(names[:LISTED])}
    more = len(names) - LISTED
    return text + _(" and %(count)s more") % {"count": labels.grouped(more)} if more > 0 else text
