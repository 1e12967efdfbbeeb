"""What is kept of runs until it is purged: how much, and how much of it a tenant may have."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Sum
from django.utils import timezone
from psycopg import sql

from crm.models import Tenant
from importexport import errors
from importexport.models import ImportRun, RejectedRow, RowChange, RunFix

#: The most rejected rows of an import that are kept. All are counted, and named in its result.
REJECTED_ROWS = 100_000


def check_room(tenant: Tenant) -> None:
    """Raise NoRoom if as much is kept of a tenant's runs as may be (RALLY_IMPORT_KEEP_BYTES)."""
    limit = settings.RALLY_IMPORT_KEEP_BYTES
    if not limit:
        return
    # What is older is about to be purged.
    oldest = timezone.now() - timedelta(days=settings.RALLY_IMPORT_KEEP_DAYS)
    runs = ImportRun.objects.filter(tenant=tenant, purged_at=None, created_at__gt=oldest)
    kept = runs.order_by().aggregate(kept=Sum("kept_bytes"))["kept"] or 0
    if kept >= limit:
        raise errors.NoRoom(limit)


def log_bytes(run: ImportRun, over: Any) -> int:
    """Return the size of a run's rejected rows, changes and fixes in bytes, as they are stored, over a given
    connection."""
    with over.cursor() as cursor:
        cursor.execute(LOG_BYTES, {"tenant": run.tenant_id, "run": run.pk, "month": run.month})
        return cursor.fetchone()[0]


def _size(model: type[models.Model], *columns: str) -> sql.Composable:
    sizes = sql.SQL(" + ").join(sql.SQL("pg_column_size({})").format(sql.Identifier(name)) for name in columns)
    table = sql.Identifier(model._meta.db_table)
    return SIZE.format(sizes, table)


SIZE = sql.SQL(
    "coalesce((SELECT sum({}) FROM {} WHERE tenant_id = %(tenant)s AND run_id = %(run)s AND month = %(month)s), 0)"
)


FIX_BYTES = sql.SQL(
    "coalesce((SELECT sum(pg_column_size(old) + pg_column_size(new) + pg_column_size(sentence)) FROM {}"
    " WHERE tenant_id = %(tenant)s AND run_id = %(run)s), 0)"
).format(sql.Identifier(RunFix._meta.db_table))
LOG_BYTES = sql.SQL("SELECT ({} + {} + {})::bigint").format(
    _size(RejectedRow, "cells", "faults"), _size(RowChange, "changes", "image"), FIX_BYTES
)


def rejected_kept(run: ImportRun) -> int:
    """Return how many of an import's rejected rows are kept."""
    if run.purged_at or run.kind == ImportRun.Kind.UNDO:
        return 0
    return run.skipped if run.skipped <= REJECTED_ROWS else RejectedRow.objects.of(run).count()
