"""Imports as users know them: a file is brought, checked, confirmed, imported, looked at, and in time forgotten."""

import datetime as dt
import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from django.conf import settings
from django.db import models, transaction
from django.db.models import Aggregate, F, Func, Max, Min, Q, Subquery, Value
from django.db.models.functions import Now
from django.utils import timezone

from crm.access import Access
from crm.models import Tenant
from importexport import faults, jobs, journal
from importexport.models import ImportRun, SkippedRow, StoredRange, UploadPart
from importexport.report import RejectedRows
from importexport.resources import RESOURCES

#: Bytes of an upload that are kept in one piece, and of a download that are sent in one.
PART, CHUNK = 1024 * 1024, 64 * 1024


def start_check(*, tenant: Tenant, user: Any, entity: str, file: BinaryIO, file_name: str) -> ImportRun:
    """Keep an uploaded file and begin to check it, in the background; return its run.

    Raises TooLarge for a file over RALLY_IMPORT_MAX_BYTES, and then keeps nothing.
    """
    purge()
    run = ImportRun(
        tenant=tenant,
        entity=entity,
        door=ImportRun.Door.ADMIN,
        status=ImportRun.Status.CHECKING,
        user=user,
        actor=user.get_username(),
        file_name=journal.tidy_name(file_name),
    )
    with transaction.atomic():
        run.save()
        source = journal.Measured(file)
        for position, content in enumerate(iter(lambda: source.read(PART), b"")):
            if source.size > settings.RALLY_IMPORT_MAX_BYTES:
                raise faults.TooLarge(settings.RALLY_IMPORT_MAX_BYTES)
            UploadPart.objects.create(run=run, position=position, content=content)
        run.size, run.sha256 = source.size, source.sha256
        run.save(update_fields=["size", "sha256"])
    jobs.start(run.pk)
    return run


def confirm(run: ImportRun) -> None:
    """Begin to import a checked file, in the background; raise ValueError where it is not one (any more)."""
    status = ImportRun.Status
    changes = {"status": status.IMPORTING, "started_at": None, "finished_at": None, "rows_done": 0, "bytes_done": 0}
    if not ImportRun.objects.filter(pk=run.pk, status=status.CHECKED).update(**changes):
        raise ValueError("Only a checked file can be imported, and only once.")
    run.refresh_from_db()
    jobs.start(run.pk)


def resume(run: ImportRun) -> None:
    """Take up the work of a process that died; nothing happens where it is being done."""
    if run.is_at_work:
        jobs.start(run.pk)


def resume_all() -> None:
    """Take up whatever a process that died has left; for the start of a server."""
    for run in ImportRun.objects.filter(status__in=[ImportRun.Status.CHECKING, ImportRun.Status.IMPORTING]):
        jobs.start(run.pk)


def discard(run: ImportRun) -> None:
    """Forget a run that was not imported, with its upload; raise ValueError for another."""
    waiting = [ImportRun.Status.CHECKED, ImportRun.Status.CHECKING, ImportRun.Status.REFUSED]
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
    """Yield the refused rows as CSV: the file's own columns and delimiter, and a last column ``import_error``."""
    chunk = io.BytesIO()
    rows = RejectedRows(chunk, header=run.header["cells"], delimiter=run.header["delimiter"])
    for row in run.skipped_rows.order_by("number").iterator(chunk_size=1000):
        rows.add([row.cells], [row.message])
        if chunk.tell() > CHUNK:
            yield chunk.getvalue()
            chunk.seek(0)
            chunk.truncate()
    yield chunk.getvalue()


class RangeAgg(Aggregate):
    """All ranges as one value, in which PostgreSQL looks an id up as in a sorted list."""

    function = "range_agg"
    output_field = models.TextField()


def stored_by(run: ImportRun) -> Q:
    """Return the condition that a record of the run's tenant and entity is one that the run stored."""
    ids = run.stored.aggregate(first=Min("first"), last=Max("last"))
    if ids["first"] is None:
        return Q(pk__in=[])
    bounds = Func(F("first"), F("last"), Value("[]"), function="int8range", output_field=models.TextField())
    ranges = StoredRange.objects.filter(run=run).order_by().values("run").annotate(all=RangeAgg(bounds)).values("all")
    is_among = Func(
        F("id"), Subquery(ranges), template="%(expressions)s", arg_joiner=" <@ ", output_field=models.BooleanField()
    )
    # The outer bounds first: the records of an import lie side by side.
    return Q(is_among, id__gte=ids["first"], id__lte=ids["last"])


def stored_records(run: ImportRun) -> models.QuerySet:
    """Return the records that a run stored and that are still there, oldest first."""
    return RESOURCES[run.entity](run.tenant).get_queryset().filter(stored_by(run))


def purge(*, days: int | None = None) -> int:
    """Remove what files held that are older than so many days (RALLY_IMPORT_KEEP_DAYS); return how many files.

    What was imported, when and by whom stays on record; a file that was never imported is forgotten altogether.
    """
    kept = settings.RALLY_IMPORT_KEEP_DAYS if days is None else days
    old = ImportRun.objects.filter(created_at__lt=timezone.now() - dt.timedelta(days=kept), purged_at=None)
    ids = list(old.exclude(status=ImportRun.Status.IMPORTING).values_list("pk", flat=True))
    if not ids:
        return 0
    with transaction.atomic():
        UploadPart.objects.filter(run__in=ids).delete()
        SkippedRow.objects.filter(run__in=ids).delete()
        never = [ImportRun.Status.CHECKED, ImportRun.Status.CHECKING]
        ImportRun.objects.filter(pk__in=ids, status__in=never).delete()
        ImportRun.objects.filter(pk__in=ids).update(purged_at=Now(), header={}, groups=[], sample=[])
    return len(ids)
