"""How far a check or an import is, for people who wait."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from importexport.admin import labels
from importexport.models import ImportRun

#: Before this share is done, nobody can tell how long the rest takes.
TELLING = 0.02


def progress(run: ImportRun) -> dict[str, Any]:
    """Return the state of a run's work: whether it goes on, percent, and texts."""
    share = share_done(run)
    return {
        "at_work": run.is_at_work,
        "percent": round(100 * share),
        "rows": rows_so_far(run),
        "left": time_left(run, share),
    }


def share_done(run: ImportRun) -> float:
    """Return how much is done, from 0 to 1: of the rows where their number is known, else of the bytes."""
    if not run.is_at_work:
        return 1
    is_import = run.status == ImportRun.Status.APPLYING
    done, whole = (run.rows_done, run.total_rows) if is_import else (run.bytes_done, run.size)
    return min(done / whole, 1) if whole else 0


def rows_so_far(run: ImportRun) -> str:
    """Return the number of rows done, in words."""
    if run.status == ImportRun.Status.APPLYING:
        counts = {"done": labels.grouped(run.rows_done), "rows": labels.rows(run.total_rows)}
        return _("%(done)s of %(rows)s") % counts
    return _("%(rows)s so far") % {"rows": labels.rows(run.rows_done)}


def time_left(run: ImportRun, share: float) -> str:
    """Return how long it will take, in words."""
    if run.started_at is None:
        return _("Waiting for its turn")
    if share < TELLING:
        return _("Just begun")
    passed = (timezone.now() - run.started_at).total_seconds()
    left = passed / share - passed
    return _("Nearly done") if left < 1 else _("About %(span)s left") % {"span": labels.span(left)}
