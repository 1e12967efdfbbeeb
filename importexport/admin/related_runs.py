"""What belongs together with an import: the one whose rows it mends, those that mend its own, its undo."""

from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from crm.admin import formatting
from importexport.admin import labels
from importexport.admin.presenters import shown
from importexport.history.repairs import related_runs_of
from importexport.models import ImportRun

Kind, Status = ImportRun.Kind, ImportRun.Status
#: How many of them are shown.
SHOWN = 20


class Relative(NamedTuple):
    """A run that belongs together with another: what it is to that, and what became of it, in words."""

    run: ImportRun
    title: Any
    file: str
    text: str


def relatives(run: ImportRun) -> list[Relative]:
    """Return the runs next to one: first the one that it follows on, then those that follow on it."""
    follow = run.children.filter(status__in=[Status.PLANNED, Status.APPLYING, Status.DONE]).order_by("created_at")
    found = [*filter(None, [run.parent]), *follow.defer("header", "groups", "sample")[:SHOWN]]
    return [
        Relative(other, role_of(other, run), shown(other.file_name) or _("no name"), text_of(other)) for other in found
    ]


def role_of(other: ImportRun, run: ImportRun) -> Any:
    """Return what a run is to the one beside it."""
    if run.kind == Kind.UNDO and other == run.parent:
        return _("What it undoes")
    if other == run.parent:
        return _("Where its rows were skipped")
    if other.kind == Kind.IMPORT:
        return _("Its mended rows")
    return _("Undone") if other.status == Status.DONE else _("To be undone")


def text_of(run: ImportRun) -> str:
    """Return what became of a run, when, and by whom."""
    parts = {"state": labels.state(run), "when": formatting.exactly(run.finished_at or run.created_at, run.tenant.zone)}
    return _("%(state)s %(when)s, %(who)s") % {**parts, "who": run.actor}


def family_in_words(run: ImportRun) -> str:
    """Return what became of the rows of the first of an import's files, over all attempts."""
    related = related_runs_of(run)
    text = _("%(rows)s in the first file: %(imported)s imported at once, %(repaired)s after mending, %(left)s left.")
    counts = {name: labels.grouped(count) for name, count in vars(related).items()}
    return text % {**counts, "rows": labels.rows(related.total)}
