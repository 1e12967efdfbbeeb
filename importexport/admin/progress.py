"""The progress of a check or an import, for users who wait."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from importexport.admin import labels
from importexport.models import ImportRun

#: The share that must be done before the remaining time can be estimated.
TELLING = 0.02


def progress(run: ImportRun) -> dict[str, Any]:
    """Return a run's progress: whether it is still running, its percentage, and labels."""
    share = share_done(run)
    return {
        "at_work": run.is_at_work,
        "percent": round(100 * share),
        "rows": rows_so_far(run),
        "left": time_left(run, share),
    }


def share_done(run: ImportRun) -> float:
    """Return the share that is done, from 0 to 1: of the rows if their number is known, else of the bytes."""
    if not run.is_at_work:
        return 1
    is_import = run.status == ImportRun.Status.APPLYING
    done, whole = (run.rows_done, run.total_rows) if is_import else (run.bytes_done, run.size)
    return min(done / whole, 1) if whole else 0


def rows_so_far(run: ImportRun) -> str:
    """Return the number of rows done: ``1,234 of 2,000 rows``, or ``1,234 rows so far`` during a check."""
    if run.status == ImportRun.Status.APPLYING:
        counts = {"done": labels.grouped(run.rows_done), "rows": labels.rows(run.total_rows)}
        return _("%(done)s of %(rows)s") % counts
    return _("%(rows)s so far") % {"rows": labels.rows(run.rows_done)}


def time_left(run: ImportRun, share: float) -> str:
    """Return an estimate of the remaining time: ``About 30 seconds left``."""
    if run.started_at is None:
        return _("Waiting to start")
    if share < TELLING:
        return _("Just started")
    passed = (timezone.now() - run.started_at).total_seconds()
    left = passed / share - passed
    return _("Nearly done") if left < 1 else _("About %(span)s left") % {"span": labels.span(left)}
