"""How long uploads and row logs are kept."""

import datetime as dt

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from importexport.models import ImportRun, RejectedRow, RowChange, UploadPart


def purge(*, days: int | None = None) -> int:
    """Delete the contents of files older than ``days`` (default: RALLY_IMPORT_KEEP_DAYS); return the number of files.

    Runs are kept without their contents. A run that was never imported is deleted.
    """
    kept = settings.RALLY_IMPORT_KEEP_DAYS if days is None else days
    old = ImportRun.objects.filter(created_at__lt=timezone.now() - dt.timedelta(days=kept), purged_at=None)
    storing = [ImportRun.Status.APPLYING, ImportRun.Status.RUNNING]
    ids = list(old.exclude(status__in=storing).values_list("pk", flat=True))
    if not ids:
        return 0
    with transaction.atomic():
        UploadPart.objects.filter(run__in=ids).delete()
        RejectedRow.objects.filter(run__in=ids).delete()
        RowChange.objects.filter(run__in=ids).update(changes={}, image="")
        never = [ImportRun.Status.PLANNED, ImportRun.Status.PLANNING]
        ImportRun.objects.filter(pk__in=ids, status__in=never).delete()
        ImportRun.objects.filter(pk__in=ids).update(purged_at=Now(), header={}, groups=[], warnings=[], sample=[])
    return len(ids)
