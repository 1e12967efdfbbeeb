"""Runs related to a run: the one whose rejected rows it corrects, those that correct its own, its undo."""

from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from crm.admin import formatting
from importexport.admin import labels
from importexport.admin.presenters import shown
from importexport.history.repairs import related_runs_of
from importexport.models import ImportRun

Kind, Status = ImportRun.Kind, ImportRun.Status
#: The maximum number of related runs to show.
SHOWN = 20


class RelatedRun(NamedTuple):
    """A run related to another: its relation, its file name, and its state."""

    run: ImportRun
    title: Any
    file: str
    text: str


def related_runs(run: ImportRun) -> list[RelatedRun]:
    """Return the runs related to a run: first its parent, then its children."""
    follow = run.children.filter(status__in=[Status.PLANNED, Status.APPLYING, Status.DONE]).order_by("created_at")
    found = [*filter(None, [run.parent]), *follow.defer("header", "groups", "warnings", "sample")[:SHOWN]]
    return [
        RelatedRun(other, relation_of(other, run), shown(labels.name_of(other)) or _("no name"), text_of(other))
        for other in found
    ]


def relation_of(other: ImportRun, run: ImportRun) -> Any:
    """Return the relation of another run to this one."""
    if run.kind == Kind.UNDO and other == run.parent:
        return _("Undoes")
    if other == run.parent:
        return _("Corrects")
    if other.kind == Kind.IMPORT:
        return _("Corrected by")
    return _("Undone by") if other.status == Status.DONE else _("To be undone by")


def undone_by(run: ImportRun) -> ImportRun | None:
    """Return the latest undo of a run that has been undone, at least partly."""
    if not run.undone_rows:
        return None
    undos = run.children.filter(tenant=run.tenant_id, kind=Kind.UNDO, status=Status.DONE, is_undone=False)
    return undos.defer("header", "groups", "warnings", "sample").order_by("finished_at").last()


def undone_import(run: ImportRun) -> ImportRun | None:
    """Return the import that an undo is about, also where it is the undo of an undo."""
    found: ImportRun | None = run
    while found and found.kind == Kind.UNDO:
        found = found.parent
    return found


def text_of(run: ImportRun) -> str:
    """Return a run's state, its time and its user."""
    parts = {"state": labels.state(run), "when": formatting.exactly(run.finished_at or run.created_at, run.tenant.zone)}
    return _("%(state)s %(when)s, %(who)s") % {**parts, "who": run.actor}


def repair_summary(run: ImportRun) -> str:
    """Return how the rows of the original file fared over all attempts."""
    related = related_runs_of(run)
    text = _("%(rows)s in the first file: %(imported)s imported at once, %(repaired)s after correction, %(left)s left.")
    counts = {name: labels.grouped(count) for name, count in vars(related).items()}
    return text % {**counts, "rows": labels.rows(related.total)}
