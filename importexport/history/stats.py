"""Daily statistics of a tenant's imports."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from crm.models import Tenant
from importexport.models import ImportRun

DAYS = 30


@dataclass(frozen=True)
class ImportDay:
    """Totals of files, failed files and rows for one or several days. ``imported`` is without what was undone since."""

    day: dt.date
    files: int = 0
    failed: int = 0
    imported: int = 0
    skipped: int = 0
    undone: int = 0

    @property
    def skipped_share(self) -> float | None:
        """The share of rejected rows from 0 to 1, or None without rows."""
        rows = self.imported + self.undone + self.skipped
        return self.skipped / rows if rows else None


def imports_by_day(tenant: Tenant) -> list[ImportDay]:
    """Return the totals of the last DAYS days in the tenant's time zone, today last."""
    today = timezone.now().astimezone(tenant.zone).date()
    days = [today - dt.timedelta(days=ago) for ago in reversed(range(DAYS))]
    lines = (
        _ended(tenant)
        .order_by()
        .annotate(day=TruncDate("created_at", tzinfo=tenant.zone))
        .values_list("day")
        .annotate(
            files=Count("*"),
            failed=Count("pk", filter=Q(status=ImportRun.Status.FAILED)),
            standing_sum=Sum(F("imported") - F("undone_rows")),
            skipped_sum=Sum("skipped"),
            undone_sum=Sum("undone_rows"),
        )
    )
    known = {line[0]: ImportDay(*line) for line in lines}
    return [known.get(day, ImportDay(day)) for day in days]


def total(days: list[ImportDay]) -> ImportDay:
    """Return the totals of several days."""
    return ImportDay(
        days[0].day,
        sum(day.files for day in days),
        sum(day.failed for day in days),
        sum(day.imported for day in days),
        sum(day.skipped for day in days),
        sum(day.undone for day in days),
    )


def latest_failures(tenant: Tenant, limit: int) -> list[ImportRun]:
    """Return the latest imports that failed or rejected rows, newest first, without those that have been undone."""
    failed = Q(status=ImportRun.Status.FAILED) | Q(skipped__gt=0, is_undone=False)
    fields = ("id", "entity", "file_name", "status", "created_at", "total_rows", "skipped", "error", "actor")
    return list(_ended(tenant).filter(failed).only(*fields)[:limit])


def _ended(tenant: Tenant) -> QuerySet[ImportRun]:
    """Return the finished imports of the last DAYS days, without plans and undos."""
    midnight = dt.datetime.combine(
        timezone.now().astimezone(tenant.zone).date() - dt.timedelta(days=DAYS - 1), dt.time(), tenant.zone
    )
    ended = [ImportRun.Status.DONE, ImportRun.Status.FAILED]
    return ImportRun.objects.filter(
        tenant=tenant, created_at__gte=midnight, status__in=ended, kind=ImportRun.Kind.IMPORT
    )
