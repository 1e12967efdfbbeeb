"""The life cycle of a run: planning, applying, undoing and discarding it, at once or by a worker."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from crm.models import Tenant
from importexport.db import Busy, cancel_statement
from importexport.engine.observers import Observer, Progress
from importexport.engine.options import Options
from importexport.engine.report import Report
from importexport.files.source import tidy_name
from importexport.history import uploads
from importexport.history.kept import check_room
from importexport.models import ImportRun
from importexport.runs import tasks, told
from importexport.runs.fixes.keeping import forget_fixes, settle
from importexport.runs.queue import enqueue, leave_queue
from importexport.runs.retention import purge, purge_orphans
from importexport.runs.tasks import Hold

#: Seconds that what a process is about to do may take.
ABOUT = 10
#: Called with a run in the transaction that starts its work, to store more in the same transaction.
Begin = Callable[[ImportRun], None]


def queued(begin: Begin | None = None) -> Begin:
    """Return what puts a run in the queue, and does what ``begin`` does. It raises TooManyWaiting."""

    def begin_in_queue(run: ImportRun) -> None:
        put_in_queue(run)
        if begin:
            begin(run)

    return begin_in_queue


def put_in_queue(run: ImportRun) -> None:
    """Put a run in the queue that has just been marked as at work; its user is to be told of its end."""
    enqueue(run)
    told.watch(run)


def start_plan(
    *,
    tenant: Tenant,
    user: Any,
    entity: str,
    file: BinaryIO,
    file_name: str,
    options: Options | None = None,
    status: ImportRun.Status = ImportRun.Status.PLANNING,
) -> ImportRun:
    """Store a file that a user has uploaded and have its import planned by a worker; return the run.

    With the status MATCHING, nothing is planned before somebody has said what the columns of the file are.

    Raises TooLarge if the file exceeds RALLY_IMPORT_MAX_BYTES, NoRoom, StorageUnavailable and TooManyWaiting; nothing
    is stored then.
    """
    run = ImportRun(
        tenant=tenant,
        entity=entity,
        channel=ImportRun.Channel.ADMIN,
        user=user,
        actor=user.get_username(),
        file_name=tidy_name(file_name),
    )
    begin = queued() if status == ImportRun.Status.PLANNING else None
    keep_upload(run, file, options or Options(), status=status, begin=begin)
    return run


def keep_upload(
    run: ImportRun,
    file: BinaryIO,
    options: Options,
    *,
    status: ImportRun.Status = ImportRun.Status.PLANNING,
    limit: int | None = None,
    begin: Begin | None = None,
) -> None:
    """Store a new run with its file, to be planned or, with the status APPLYING, imported.

    Raises TooLarge if the file exceeds the ``limit`` in bytes, by default the channel's; NoRoom (see ``check_room``);
    and StorageUnavailable.
    """
    purge()
    purge_orphans(run.tenant)
    check_room(run.tenant)
    limit = run.max_bytes if limit is None else limit
    run.status, run.options = status, options.kept()
    with uploads.keeping(run, file, limit=limit):
        run.save()
        if begin:
            begin(run)


def plan_now(
    run: ImportRun,
    file: BinaryIO,
    options: Options,
    *,
    progress: Progress | None = None,
    begin: Begin | None = None,
) -> None:
    """Store a new run with its file and plan it; the run is updated with the plan.

    Raises FileError if the file as a whole cannot be imported; the failed run is stored unless the file is too large.
    Raises Busy like ``tasks.do_now``; nothing is stored then.
    """
    with held_new(run) as hold:
        keep_upload(run, file, options, begin=begin)
        _plan_new(run, hold, progress=progress)


@contextmanager
def held_new(run: ImportRun) -> Iterator[Hold]:
    """Hold a run that is about to be stored, so that no worker takes it for abandoned."""
    with tasks.held(run) as hold:
        if hold is None:
            raise AssertionError("a run that is not stored is nobody's")
        yield hold


def _plan_new(run: ImportRun, hold: Hold, *, progress: Progress | None) -> None:
    try:
        tasks.carry_out(run.pk, hold, progress=progress)
    except Busy:
        # The user is told to retry, and would end up with two plans.
        ImportRun.objects.filter(pk=run.pk, status=ImportRun.Status.PLANNING).delete()
        raise
    run.refresh_from_db()


def finish(run: ImportRun, *, progress: Progress | None = None) -> None:
    """Continue an unfinished run in this thread, and update it with the result. Raises like ``tasks.do_now``."""
    tasks.do_now(run, progress=progress)
    run.refresh_from_db()


def claim(run: ImportRun) -> None:
    """Mark a plan as being applied, which only one caller can; raise NotPlanned if the run is not a plan (any more).

    A plan whose fixes have changed since it was made has to be made again first.
    """
    plans = ImportRun.objects.filter(status=ImportRun.Status.PLANNED, fixes_pending=0)
    _leave_planned(run, plans, status=ImportRun.Status.APPLYING)


@transaction.atomic
def confirm(run: ImportRun, *, begin: Begin | None = None) -> None:
    """Have a plan applied by a worker. Raises NotPlanned if the run is not a plan (any more), and TooManyWaiting."""
    claim(run)
    queued(begin)(run)


def apply_now(
    run: ImportRun, *, observers: Sequence[Observer] = (), progress: Progress | None = None, begin: Begin | None = None
) -> Report | None:
    """Apply a plan, or continue if a process died while it applied the plan.

    Returns the report, or None for an undo and if another process has finished the run meanwhile. Raises NotPlanned if
    the run is not a plan (any more) or is being applied elsewhere, PlanChanged if the outcome would now differ from the
    plan, and Busy like ``tasks.do_now``; the plan is unchanged then.
    """
    report = _apply_held(run, observers=observers, progress=progress, begin=begin)
    run.refresh_from_db()
    return report


def _apply_held(
    run: ImportRun, *, observers: Sequence[Observer], progress: Progress | None, begin: Begin | None
) -> Report | None:
    with tasks.held(run, try_again=soon_free(run)) as hold:
        if hold is None:
            raise NotPlanned(*WHY_NOT[ImportRun.Status.APPLYING]) if is_plan(run) else why_not(run)
        _claim_held(run, begin)
        try:
            return tasks.carry_out(run.pk, hold, observers=observers, progress=progress)
        except Busy:
            back = {"status": ImportRun.Status.PLANNED, "finished_at": timezone.now()}
            ImportRun.objects.filter(pk=run.pk, status=ImportRun.Status.APPLYING).update(**back)
            raise


def soon_free(run: ImportRun) -> Callable[[], bool]:
    """Return a function that tells whether a run that another process holds is a plan, which is refreshed.

    The process that has made the plan is about to let go of it; one that applies it is about to change its status.
    """
    end = time.monotonic() + ABOUT

    def is_still_plan() -> bool:
        run.refresh_from_db()
        return is_plan(run) and time.monotonic() < end

    return is_still_plan


@transaction.atomic
def _claim_held(run: ImportRun, begin: Begin | None) -> None:
    """Claim a plan that this process holds. If its status is "applying", a process died while it applied it."""
    try:
        claim(run)
    except NotPlanned:
        if run.status != ImportRun.Status.APPLYING:
            raise
    if begin:
        begin(run)


@transaction.atomic
def plan_again(run: ImportRun, *, options: Options | None = None) -> None:
    """Have a kept file planned again by a worker, with its fixes, and with other options if any are given.

    So can a file that has failed, with which other options may get along. Raises NotPlanned if the run is neither (any
    more), and TooManyWaiting; the run is unchanged then.
    """
    changes: dict[str, Any] = {} if options is None else {"options": options.kept()}
    plans = ImportRun.objects.filter(Q(status=ImportRun.Status.PLANNED) | FAILED_FILE)
    _leave_planned(run, plans, status=ImportRun.Status.PLANNING, plan_digest="", fixes_pending=0, **changes)
    settle(run)
    put_in_queue(run)


#: What has failed, of which the file is still there.
FAILED_FILE = Q(status=ImportRun.Status.FAILED, kind=ImportRun.Kind.IMPORT, purged_at=None) & ~Q(upload_name="")


def can_plan_again(run: ImportRun) -> bool:
    """Whether the file of a run can be planned again."""
    has_file = bool(run.kind == ImportRun.Kind.IMPORT and run.upload_name and not run.purged_at)
    return has_file and run.status in {ImportRun.Status.PLANNED, ImportRun.Status.FAILED}


@transaction.atomic
def plan_matched(run: ImportRun, options: Options) -> None:
    """Have a kept file planned by a worker, now that somebody has said what its columns are.

    What was fixed in an earlier preview stays fixed, unless that was of another sheet. Raises NotPlanned if the run
    cannot be matched (any more), and TooManyWaiting; it is unchanged then.
    """
    is_same = options.sheet == run.options.get("sheet", "")
    changed: dict[str, Any] = {"options": options.kept(), "plan_digest": "", "fixes_pending": 0}
    _leave_planned(run, matchable(), status=ImportRun.Status.PLANNING, **changed)
    if is_same:
        settle(run)
    else:
        forget_fixes(run)
    put_in_queue(run)


@transaction.atomic
def match_again(run: ImportRun, options: Options, *, entity: str) -> None:
    """Have a kept file matched again, as one of another entity. Raises NotPlanned like ``plan_matched``."""
    changed: dict[str, Any] = {"options": options.kept(), "entity": entity, "plan_digest": ""}
    _leave_planned(run, matchable(), status=ImportRun.Status.MATCHING, **changed)
    forget_fixes(run)


def matchable() -> QuerySet[ImportRun]:
    """Return the runs of which somebody can say what the columns are: of uploads in the admin that are kept."""
    uploads = ImportRun.objects.filter(kind=ImportRun.Kind.IMPORT, channel=ImportRun.Channel.ADMIN, purged_at=None)
    return uploads.filter(status__in=MATCHABLE).exclude(upload_name="")


#: The states in which somebody can say what the columns of a file are.
MATCHABLE = (ImportRun.Status.MATCHING, ImportRun.Status.PLANNED, ImportRun.Status.FAILED)


def can_be_matched(run: ImportRun) -> bool:
    """Whether somebody can say what the columns of a run's file are (see ``matchable``)."""
    is_upload = run.kind == ImportRun.Kind.IMPORT and run.channel == ImportRun.Channel.ADMIN
    return is_upload and run.status in MATCHABLE and bool(run.upload_name) and run.purged_at is None


def _leave_planned(run: ImportRun, plans: QuerySet[ImportRun], **changes: Any) -> None:
    """Change the status of a plan; raise NotPlanned if the run is not a plan (any more)."""
    fresh = {"started_at": None, "finished_at": None, "rows_done": 0, "bytes_done": 0, "error": "", "cancelled_by": ""}
    is_ours = plans.filter(pk=run.pk).update(**fresh, **changes)
    run.refresh_from_db()
    if not is_ours:
        raise why_not(run)


def cancel(run: ImportRun, *, by: str) -> None:
    """Ask for a run that is at work to be cancelled; the run is refreshed. Nothing is stored by it.

    One that waits has ended when this returns, and one in progress ends after its current batch. ``by`` is the name of
    the key or user. Raises NotPlanned if the run is not at work (any more).
    """
    if not ImportRun.objects.filter(pk=run.pk, status__in=ImportRun.AT_WORK).update(cancelled_by=by):
        raise NotPlanned("not_at_work", NOT_AT_WORK)
    leave_queue(run)
    with tasks.held(run) as hold:
        if hold:
            tasks.carry_out(run.pk, hold)
    run.refresh_from_db()
    if run.status in {ImportRun.Status.PLANNING, ImportRun.Status.APPLYING}:
        cancel_statement(str(run.pk))


def is_plan(run: ImportRun) -> bool:
    """Whether a run is a plan that can be applied."""
    return run.status == ImportRun.Status.PLANNED


def why_not(run: ImportRun) -> "NotPlanned":
    """Return why a run cannot be applied."""
    if run.status == ImportRun.Status.PLANNED and run.fixes_pending:
        return NotPlanned(*FIXES_CHANGED)
    is_undone = run.kind == ImportRun.Kind.UNDO and run.status == ImportRun.Status.DONE
    return NotPlanned(*(UNDONE if is_undone else WHY_NOT[ImportRun.Status(run.status)]))


def start_undo(run: ImportRun, *, begin: Begin | None = None, **by: Any) -> ImportRun:
    """Have an undo planned by a worker; return its run. Raises NotPlanned like ``new_undo``, and TooManyWaiting."""
    undo = new_undo(run, **by)
    store_undo(undo, begin=queued(begin))
    return undo


def plan_undo(run: ImportRun, *, progress: Progress | None = None, begin: Begin | None = None, **by: Any) -> ImportRun:
    """Plan an undo; return its run. Raises NotPlanned like ``new_undo``, and Busy like ``plan_now``."""
    undo = new_undo(run, **by)
    with held_new(undo) as hold:
        store_undo(undo, begin=begin)
        _plan_new(undo, hold, progress=progress)
    return undo


def new_undo(run: ImportRun, **by: Any) -> ImportRun:
    """Return a new run that undoes another, to be planned; ``by`` has the fields for the user and the channel.

    Raises NotPlanned if the run cannot be undone.
    """
    if run.status != ImportRun.Status.DONE:
        raise NotPlanned("nothing_to_undo", "Only what was imported can be undone.")
    if run.purged_at:
        sentence = "What this import has changed is no longer kept, so it cannot be undone."
        raise NotPlanned("undo_expired", sentence)
    return ImportRun(
        tenant=run.tenant,
        kind=ImportRun.Kind.UNDO,
        parent=run,
        entity=run.entity,
        file_name=run.file_name,
        status=ImportRun.Status.PLANNING,
        **by,
    )


@transaction.atomic
def store_undo(undo: ImportRun, *, begin: Begin | None) -> None:
    """Store a new undo, and what else ``begin`` stores."""
    undo.save()
    if begin:
        begin(undo)


class NotPlanned(ValueError):
    """A run cannot be applied or undone: a code, and a sentence for the user."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


#: Status → the code and the sentence of what stands in the way.
WHY_NOT = {
    ImportRun.Status.MATCHING: (
        "not_a_plan",
        "Only a plan can be applied, and nobody has said yet what the columns of this file are.",
    ),
    ImportRun.Status.PLANNING: ("plan_being_made", "Only a plan can be applied, and this one is still being made."),
    ImportRun.Status.PLANNED: ("plan_made_again", "The plan has just been made again."),
    ImportRun.Status.APPLYING: (
        "plan_being_applied",
        "The plan is being applied at this moment; a plan is applied only once.",
    ),
    ImportRun.Status.RUNNING: (
        "not_a_plan",
        "Only a plan can be applied, and this file is being imported at this moment.",
    ),
    ImportRun.Status.DONE: (
        "plan_already_applied",
        "This has been imported already; a plan is applied only once.",
    ),
    ImportRun.Status.FAILED: ("plan_failed", "Only a plan can be applied, and this file failed."),
}
NOT_AT_WORK = "Only what is waiting or in progress can be cancelled."
FIXES_CHANGED = (
    "fixes_changed",
    "The rows of the file have been changed since the plan was made. Have the file checked again, then import it.",
)
UNDONE = ("plan_already_applied", "This has been undone already; a plan is applied only once.")


def discard(run: ImportRun) -> None:
    """Delete a run that was not imported, with its upload; raise ValueError for any other run."""
    waiting = [
        ImportRun.Status.MATCHING,
        ImportRun.Status.PLANNED,
        ImportRun.Status.PLANNING,
        ImportRun.Status.FAILED,
    ]
    with transaction.atomic():
        # Locked, because the run may be confirmed at the same time.
        found = ImportRun.objects.select_for_update().filter(pk=run.pk, status__in=waiting).first()
        if found is None:
            raise ValueError("What was imported is kept.")
        found.delete()
