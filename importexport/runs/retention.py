"""How long uploads and row logs are kept."""

import datetime as dt
import re
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from crm.models import Tenant
from importexport.db import PAST, ensure_months, months_ahead
from importexport.files import storage
from importexport.models import BY_MONTH, ImportRun, Lease, PreparedExport, RunFix
from importexport.runs import exports
from importexport.runs.log_retention import leave_behind

#: The time after which a file without a run belongs to no upload that is still being stored.
ORPHANED = dt.timedelta(days=1)
#: The age of leases that nobody gives back any more.
LEFT = dt.timedelta(days=1)
#: The names of uploads in the folder of a tenant, as opposed to other files.
UPLOAD = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: The names of the files of exports, in their folder.
EXPORT = re.compile(UPLOAD.pattern + r"(\.[0-9a-f]+)?")


def purge(*, days: int | None = None) -> int:
    """Purge the contents of files older than ``days`` (default: RALLY_IMPORT_KEEP_DAYS); return the number of files.

    Runs are kept without their contents. A run that was never imported is deleted. So are leases that processes have
    left, which are free long since. The partitions that imports will need next are created.
    """
    ensure_months(BY_MONTH, months_ahead())
    Lease.objects.filter(seen_at__lt=timezone.now() - LEFT).delete()
    kept = settings.RALLY_IMPORT_KEEP_DAYS if days is None else days
    old = ImportRun.objects.filter(created_at__lt=timezone.now() - dt.timedelta(days=kept), purged_at=None)
    storing = [ImportRun.Status.APPLYING, ImportRun.Status.RUNNING]
    with transaction.atomic():
        # Those that another process is purging at the moment are left to it.
        found = old.exclude(status__in=storing).order_by().only("tenant", "month")
        runs = list(found.select_for_update(skip_locked=True))
        ids = [run.pk for run in runs]
        if not ids:
            return 0
        for run in runs:
            leave_behind(run)
        never = [ImportRun.Status.MATCHING, ImportRun.Status.PLANNED, ImportRun.Status.PLANNING]
        ImportRun.objects.filter(pk__in=ids, status__in=never).delete()
        left = ImportRun.objects.filter(pk__in=ids)
        uploads = list(left.exclude(upload_name="").values_list("upload_name", flat=True))
        emptied: dict[str, Any] = {"header": {}, "groups": [], "warnings": [], "sample": []}
        RunFix.objects.filter(run__in=ids).delete()
        left.update(purged_at=Now(), month=PAST, upload_name="", **emptied)
        transaction.on_commit(partial(storage.discard, *uploads))
    return len(ids)


def discard_left_plans() -> int:
    """Delete previews of the admin that nobody has touched for RALLY_PLAN_KEEP_HOURS; return their number.

    Plans of programs and of the shell are kept like imports (see purge): somebody has noted their ids.
    """
    limit = timezone.now() - dt.timedelta(hours=settings.RALLY_PLAN_KEEP_HOURS)
    waiting = [ImportRun.Status.MATCHING, ImportRun.Status.PLANNED]
    left = ImportRun.objects.filter(channel=ImportRun.Channel.ADMIN, status__in=waiting, created_at__lt=limit)
    left = left.exclude(finished_at__gte=limit)
    changed = RunFix.objects.filter(tenant=OuterRef("tenant"), run=OuterRef("pk"), made_at__gte=limit)
    with transaction.atomic():
        # Locked, because one may be confirmed at the same time.
        found = left.filter(~Exists(changed)).order_by().select_for_update(skip_locked=True)
        ids = list(found.values_list("pk", flat=True))
        ImportRun.objects.filter(pk__in=ids).delete()
    return len(ids)


def purge_orphans(tenant: Tenant | None = None) -> int:
    """Delete files that no run or export refers to, of a tenant or of all; return their number.

    Raises StorageUnavailable.

    Processes that are killed leave them, and deletions for which the storage was not available. Files of the last day
    are left alone: their runs may not be stored yet.
    """
    folders = [str(tenant.pk)] if tenant else [name for name in storage.listed()[0] if name.isdecimal()]
    return sum(_purge_orphans_of(folder) for folder in folders)


def _purge_orphans_of(folder: str) -> int:
    tenant_id, made = int(folder), f"{folder}/{exports.FOLDER}"
    uploads = [f"{folder}/{name}" for name in storage.listed(folder)[1] if UPLOAD.fullmatch(name)]
    files = [f"{made}/{name}" for name in storage.listed(made)[1] if EXPORT.fullmatch(name)]
    runs = ImportRun.objects.filter(tenant=tenant_id, pk__in=[UUID(name.rpartition("/")[2]) for name in uploads])
    prepared = PreparedExport.objects.filter(tenant=tenant_id, upload_name__in=files)
    return _delete_alone(uploads, runs) + _delete_alone(files, prepared)


def _delete_alone(names: list[str], owners: QuerySet[Any]) -> int:
    """Delete the files that no owner names, but not those of the last day; return their number."""
    alone = set(names) - set(owners.values_list("upload_name", flat=True)) if names else set()
    last = timezone.now() - ORPHANED
    old = [name for name in alone if (at := storage.modified_at(name)) and at < last]
    for name in old:
        storage.delete(name)
    return len(old)
