"""Imports as users know them: a file is brought, checked, confirmed, imported, looked at, and in time forgotten."""

import datetime as dt
import io
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Func, Max, Min, Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now
from django.utils import timezone

from crm.access import Access
from crm.models import Tenant
from importexport import faults, jobs, journal
from importexport.caretaker import Caretaker
from importexport.db import Busy
from importexport.engine import Progress
from importexport.journal import Also
from importexport.models import ImportRun, RowChange, SkippedRow, UploadPart
from importexport.options import Options
from importexport.report import RejectedRows, Report, result_chunks
from importexport.resources import RESOURCES

#: Called with a run in the transaction that puts it to work, for whoever has more to write there.
Begin = Callable[[ImportRun], None]
#: Bytes of an upload that are kept in one piece, and of a download that are sent in one.
PART, CHUNK = 1024 * 1024, 64 * 1024


def start_plan(
    *, tenant: Tenant, user: Any, entity: str, file: BinaryIO, file_name: str, options: Options | None = None
) -> ImportRun:
    """Keep a file that a user has uploaded and begin to plan its import, in the background; return its run.

    Raises TooLarge for a file over RALLY_IMPORT_MAX_BYTES, and then keeps nothing.
    """
    run = ImportRun(
        tenant=tenant,
        entity=entity,
        door=ImportRun.Door.ADMIN,
        user=user,
        actor=user.get_username(),
        file_name=journal.tidy_name(file_name),
    )
    keep_upload(run, file, options or Options())
    jobs.start(run.pk)
    return run


def keep_upload(run: ImportRun, file: BinaryIO, options: Options, *, begin: Begin | None = None) -> None:
    """Keep a new run with its file, to be planned; raise TooLarge where it is over its door's limit."""
    purge()
    limit = run.max_bytes
    run.status, run.options = ImportRun.Status.PLANNING, options.kept()
    with transaction.atomic():
        run.save()
        source = journal.Measured(file)
        for position, content in enumerate(iter(lambda: source.read(PART), b"")):
            if limit is not None and source.size > limit:
                raise faults.TooLarge(limit)
            UploadPart.objects.create(run=run, position=position, content=content)
        run.size, run.sha256 = source.size, source.sha256
        run.save(update_fields=["size", "sha256"])
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
    """Keep a new run with its file, and plan it; the run then says what the plan is.

    Raises FileFault where the whole file is at fault, which is kept with the run; one that is too large is not.
    Raises Busy as jobs.do_now, and then keeps nothing.
    """
    keep_upload(run, file, options, begin=begin)
    _plan_new(run, progress=progress)


def _plan_new(run: ImportRun, *, progress: Progress | None) -> None:
    try:
        finish(run, progress=progress)
    except Busy:
        # Whoever brought it is told to try again, and would find it twice.
        ImportRun.objects.filter(pk=run.pk, status=ImportRun.Status.PLANNING).delete()
        raise


def finish(run: ImportRun, *, progress: Progress | None = None) -> None:
    """Carry on with a run that is at work, in this thread; the run then says what became of it. Raises as do_now."""
    jobs.do_now(run.pk, progress=progress)
    run.refresh_from_db()


def claim(run: ImportRun) -> None:
    """Say that a plan is being applied, which only one can say; raise NotPlanned where it is none (any more)."""
    _leave_planned(run, status=ImportRun.Status.APPLYING)


def confirm(run: ImportRun) -> None:
    """Begin to apply a plan, in the background; raise NotPlanned where it is none (any more)."""
    claim(run)
    jobs.start(run.pk)


def apply_now(
    run: ImportRun, *, also: Also | None = None, progress: Progress | None = None, begin: Begin | None = None
) -> Report | None:
    """Apply a plan, or carry on where a process that died has left one; return the report, or None of an undo, and
    where another process has done it meanwhile.

    Raises NotPlanned where it is no plan (any more), or somebody else is applying it; PlanChanged where it would do
    anything else by now; Busy as jobs.do_now, and then the plan is as it was.
    """
    try:
        report = _apply_held(run, also=also, progress=progress, begin=begin)
    except NotPlanned:
        resume(run)
        raise
    run.refresh_from_db()
    return report


def _apply_held(run: ImportRun, *, also: Also | None, progress: Progress | None, begin: Begin | None) -> Report | None:
    with jobs.held(run.pk) as aside:
        if aside is None:
            run.refresh_from_db()
            # A plan that somebody holds is about to be applied.
            raise NotPlanned(WHY_NOT[ImportRun.Status.APPLYING] if is_plan(run) else why_not(run))
        _claim_held(run, begin)
        try:
            return jobs.carry_out(run.pk, aside, also=also, progress=progress)
        except Busy:
            back = {"status": ImportRun.Status.PLANNED, "finished_at": timezone.now()}
            ImportRun.objects.filter(pk=run.pk, status=ImportRun.Status.APPLYING).update(**back)
            raise


@transaction.atomic
def _claim_held(run: ImportRun, begin: Begin | None) -> None:
    """Claim a plan that nobody else holds; one that is said to be applied was left by a process that died."""
    try:
        claim(run)
    except NotPlanned:
        if run.status != ImportRun.Status.APPLYING:
            raise
    if begin:
        begin(run)


def plan_again(run: ImportRun) -> None:
    """Begin to plan a file anew, in the background; raise NotPlanned where it is no plan (any more)."""
    _leave_planned(run, status=ImportRun.Status.PLANNING, plan_digest="")
    jobs.start(run.pk)


def _leave_planned(run: ImportRun, **changes: Any) -> None:
    """Put a plan to work, if it is still waiting; raise NotPlanned where it is not."""
    fresh = {"started_at": None, "finished_at": None, "rows_done": 0, "bytes_done": 0, "fault": ""}
    is_ours = ImportRun.objects.filter(pk=run.pk, status=ImportRun.Status.PLANNED).update(**fresh, **changes)
    run.refresh_from_db()
    if not is_ours:
        raise NotPlanned(why_not(run))


def is_plan(run: ImportRun) -> bool:
    """Whether a run waits for somebody's word."""
    return run.status == ImportRun.Status.PLANNED


def why_not(run: ImportRun) -> str:
    """Return why a run cannot be applied."""
    is_undone = run.kind == ImportRun.Kind.UNDO and run.status == ImportRun.Status.DONE
    return UNDONE if is_undone else WHY_NOT[ImportRun.Status(run.status)]


def start_undo(run: ImportRun, **by: Any) -> ImportRun:
    """Begin to plan an undo, in the background; return its run. Raises NotPlanned as ``new_undo``."""
    undo = new_undo(run, **by)
    jobs.start(undo.pk)
    return undo


def plan_undo(run: ImportRun, *, progress: Progress | None = None, begin: Begin | None = None, **by: Any) -> ImportRun:
    """Plan an undo; return its run. Raises NotPlanned as ``new_undo``, and Busy as ``plan_now``."""
    undo = new_undo(run, begin=begin, **by)
    _plan_new(undo, progress=progress)
    return undo


@transaction.atomic
def new_undo(run: ImportRun, *, begin: Begin | None = None, **by: Any) -> ImportRun:
    """Keep the wish to undo a run, to be planned; ``by`` says who, and by which door.

    Raises NotPlanned where there is nothing that could be undone.
    """
    if run.status != ImportRun.Status.DONE:
        raise NotPlanned("Only what was imported can be undone.")
    if run.purged_at:
        raise NotPlanned("What this import has changed is no longer kept, so it cannot be undone.")
    undo = ImportRun.objects.create(
        tenant=run.tenant,
        kind=ImportRun.Kind.UNDO,
        parent=run,
        entity=run.entity,
        file_name=run.file_name,
        status=ImportRun.Status.PLANNING,
        **by,
    )
    if begin:
        begin(undo)
    return undo


class NotPlanned(ValueError):
    """A run that cannot be applied; its text is the sentence for the user."""


WHY_NOT = {
    ImportRun.Status.PLANNING: "Only a plan can be applied, and this one is still being made.",
    ImportRun.Status.PLANNED: "The plan was just made anew.",
    ImportRun.Status.APPLYING: "The plan is being applied at this moment; a plan is applied only once.",
    ImportRun.Status.DONE: "This has been imported already; a plan is applied only once.",
    ImportRun.Status.REFUSED: "Only a plan can be applied, and this file was refused.",
}
UNDONE = "This has been undone already; a plan is applied only once."


def resume(run: ImportRun) -> None:
    """Take up the work of a process that died; nothing happens where it is being done."""
    if run.is_at_work:
        jobs.start(run.pk)


def look_after() -> None:
    """Take up whatever processes that die leave, as long as this one lives; for the start of a server."""
    Caretaker().start()


def discard(run: ImportRun) -> None:
    """Forget a run that was not imported, with its upload; raise ValueError for another."""
    waiting = [ImportRun.Status.PLANNED, ImportRun.Status.PLANNING, ImportRun.Status.REFUSED]
    with transaction.atomic():
        # Locked, for it may be confirmed at this very moment.
        found = ImportRun.objects.select_for_update().filter(pk=run.pk, status__in=waiting).first()
        if found is None:
            raise ValueError("What was imported is kept.")
        found.delete()


def may_open(run: ImportRun, *, user: Any, access: Access) -> bool:
    """Whether a user may see a run's upload and skipped rows: who brought them, and the tenant's admins."""
    if access.tenant is not None and access.tenant.pk != run.tenant_id:
        return False
    return access.can_manage or (run.user_id is not None and run.user_id == user.pk)


def rejected_file(run: ImportRun) -> Iterator[bytes]:
    """Yield the refused rows as CSV: the file's own columns and delimiter, ``import_row`` and ``import_error``."""
    chunk = io.BytesIO()
    rows = RejectedRows(chunk, header=run.header["cells"], delimiter=run.header["delimiter"], numbered=True)
    for row in run.skipped_rows.order_by("number", "id").iterator(chunk_size=1000):
        rows.add([row])
        if chunk.tell() > CHUNK:
            yield chunk.getvalue()
            chunk.seek(0)
            chunk.truncate()
    yield chunk.getvalue()


def kept_result(run: ImportRun) -> Iterator[bytes]:
    """Yield the contract's result body of an import once more, byte for byte, in pieces."""
    # In the order in which they were refused, which for mended rows need not be that of their numbers.
    messages = (row.message for row in run.skipped_rows.order_by("id").iterator(chunk_size=1000))
    return result_chunks(run.total_rows, run.imported, run.skipped, messages)


def stored_by(run: ImportRun) -> Q:
    """Return the condition that a record of the run's tenant and entity is one that the run created or changed."""
    created = run.pages.filter(action="create").aggregate(first=Min("first_id"), last=Max("last_id"))
    changed = RowChange.objects.filter(run=run, entity=run.entity, action="update")
    condition = Q(pk__in=[])
    if created["first"] is not None:
        is_among = Func(
            F("id"),
            RawSQL(CREATED, [run.pk]),  # noqa: S611 - a constant
            template="%(expressions)s",
            arg_joiner=" <@ ",
        )
        is_among.output_field = models.BooleanField()
        # The outer bounds first: the records of an import lie side by side.
        condition |= Q(is_among, id__gte=created["first"], id__lte=created["last"])
    if changed.exists():
        condition |= Q(pk__in=changed.values("record"))
    return condition


#: The ids that a run created as one value, in which PostgreSQL looks an id up as in a sorted list.
CREATED = """
SELECT range_agg(int8range(u.id, u.id + u.count))
FROM importexport_ledgerpage p, unnest(p.ids, p.counts) AS u(id, count) WHERE p.run_id = %s AND p.action = 'create'
"""


def stored_records(run: ImportRun) -> models.QuerySet:
    """Return the records that a run stored and that are still there, oldest first."""
    return RESOURCES[run.entity](run.tenant).get_queryset().filter(stored_by(run))


def purge(*, days: int | None = None) -> int:
    """Remove what files held that are older than so many days (RALLY_IMPORT_KEEP_DAYS); return how many files.

    What was imported, when and by whom stays on record; a file that was never imported is forgotten altogether.
    """
    kept = settings.RALLY_IMPORT_KEEP_DAYS if days is None else days
    old = ImportRun.objects.filter(created_at__lt=timezone.now() - dt.timedelta(days=kept), purged_at=None)
    ids = list(old.exclude(status=ImportRun.Status.APPLYING).values_list("pk", flat=True))
    if not ids:
        return 0
    with transaction.atomic():
        UploadPart.objects.filter(run__in=ids).delete()
        SkippedRow.objects.filter(run__in=ids).delete()
        RowChange.objects.filter(run__in=ids).update(changes={}, image="")
        never = [ImportRun.Status.PLANNED, ImportRun.Status.PLANNING]
        ImportRun.objects.filter(pk__in=ids, status__in=never).delete()
        ImportRun.objects.filter(pk__in=ids).update(purged_at=Now(), header={}, groups=[], sample=[])
    return len(ids)
