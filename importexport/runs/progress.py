"""How far a run has come, and how long it will take."""

from django.utils import timezone

from importexport.models import ImportRun

#: The share that must be done before the remaining time can be estimated.
TELLING = 0.02


def share_done(run: ImportRun) -> float:
    """Return the share that is done, from 0 to 1: of the rows if their number is known, else of the bytes."""
    if not run.is_at_work:
        return 1
    is_known = run.status == ImportRun.Status.APPLYING and run.total_rows
    done, whole = (run.rows_done, run.total_rows) if is_known else (run.bytes_done, run.size)
    return min(done / whole, 1) if whole else 0


def seconds_left(run: ImportRun) -> float | None:
    """Return an estimate of the seconds that a run will still take, or None if it is too early for one."""
    share = share_done(run)
    if run.started_at is None or share < TELLING:
        return None
    passed = (timezone.now() - run.started_at).total_seconds()
    return max(passed / share - passed, 0)
