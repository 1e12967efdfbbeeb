"""The list of what was changed in a preview."""

from typing import NamedTuple

from django.core.paginator import Page, Paginator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from importexport.admin import labels, presenters
from importexport.models import ImportRun, RunFix

#: How many changes a page lists.
PER_PAGE = 50
#: How much of a text is shown.
SHOWN = 200
Kind, State = RunFix.Kind, RunFix.State


class Made(NamedTuple):
    """A change: what it is about, the texts before and after, and what there is to say about it."""

    id: int
    title: str
    column: str
    before: str
    after: str
    #: Whether a text was replaced by another.
    is_text: bool
    error: str
    rows: str
    who: str
    is_new: bool
    is_revoked: bool
    #: Whether no row of the file needs it (any more).
    is_idle: bool


class MadeList(NamedTuple):
    """A page of changes."""

    page: Page
    changes: list[Made]


def changes_made(run: ImportRun, number: str | None) -> MadeList | None:
    """Return a page of what was changed about the file of a run, latest first; None if nothing was."""
    if not run.has_fixes:
        return None
    found = RunFix.objects.filter(tenant=run.tenant_id, run=run).order_by("-made_at", "-id")
    page = Paginator(found, PER_PAGE).get_page(number)
    return MadeList(page, list(map(made, page.object_list))) if page.paginator.count else None


def made(fix: RunFix) -> Made:
    """Return a change as it is shown."""
    is_known = fix.state == State.PLANNED
    return Made(
        id=fix.pk,
        title=title_of(fix),
        column=fix.column,
        before=presenters.shown(fix.old, limit=SHOWN),
        after=presenters.shown(fix.new, limit=SHOWN),
        is_text=fix.kind in {Kind.CELL, Kind.VALUE},
        error="" if is_known else presenters.shown(fix.error, limit=300),
        rows=labels.rows(fix.rows) if fix.rows is not None and fix.kind not in {Kind.CELL, Kind.CREATE} else "",
        who=fix.actor,
        is_new=fix.state in {State.NEW, State.CHANGED},
        is_revoked=fix.state == State.REVOKED,
        is_idle=is_known and fix.rows == 0,
    )


def title_of(fix: RunFix) -> str:
    """Return what a change does."""
    about = presenters.shown(fix.sentence, limit=300) or str(labels.ERROR_CODES.get(fix.code, ""))
    if fix.kind == Kind.CELL:
        return _("Row %(number)s") % {"number": labels.grouped(fix.number)}
    if fix.kind == Kind.VALUE:
        return _("In all rows")
    if fix.kind == Kind.BLANK:
        return _("Left empty: %(error)s") % {"error": about}
    if fix.kind == Kind.CREATE:
        return _("New company “%(name)s”") % {"name": presenters.shown(fix.new, limit=SHOWN)}
    if fix.number:
        return _("Row %(number)s is left out") % {"number": labels.grouped(fix.number)}
    return _("Rows are left out: %(error)s") % {"error": about}


def pending_in_words(run: ImportRun) -> str:
    """Return how much was changed since the file was checked, for people."""
    one, several = "%(count)s change since the file was checked.", "%(count)s changes since the file was checked."
    return ngettext(one, several, run.fixes_pending) % {"count": labels.grouped(run.fixes_pending)}
