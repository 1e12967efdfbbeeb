"""The progress of a check or an import, for users who wait."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from importexport.admin import labels
from importexport.models import ImportRun
from importexport.runs.progress import seconds_left, share_done
from importexport.runs.queue import ahead_of


def progress(run: ImportRun) -> dict[str, Any]:
    """Return a run's progress: whether it is still running, its percentage, and labels."""
    return {
        "at_work": run.is_at_work,
        "percent": round(100 * share_done(run)),
        "rows": rows_so_far(run),
        "left": time_left(run),
    }


def rows_so_far(run: ImportRun) -> str:
    """Return the number of rows done: ``1,234 of 2,000 rows``, or ``1,234 rows so far`` during a check."""
    if run.status == ImportRun.Status.APPLYING and run.total_rows:
        counts = {"done": labels.grouped(run.rows_done), "rows": labels.rows(run.total_rows)}
        return _("%(done)s of %(rows)s") % counts
    return _("%(rows)s so far") % {"rows": labels.rows(run.rows_done)}


def time_left(run: ImportRun) -> str:
    """Return an estimate of the remaining time: ``About 30 seconds left``."""
    if run.started_at is None:
        ahead = ahead_of(run)
        if not ahead:
            return _("Waiting to start")
        return ngettext("Waiting for %(n)s other import", "Waiting for %(n)s other imports", ahead) % {"n": ahead}
    left = seconds_left(run)
    if left is None:
        return _("Just started")
    return _("Nearly done") if left < 1 else _("About %(span)s left") % {"span": labels.span(left)}
