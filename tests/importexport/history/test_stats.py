"""Daily statistics of imports in the tenant's time zone, without previews and other tenants."""

import datetime as dt

import pytest
from django.utils import timezone

from crm.models.tenant import create_tenant
from importexport.history.stats import DAYS, ImportDay, imports_by_day, latest_failures, total
from importexport.models import ImportRun

NOON = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
TODAY = NOON.date()


def add_run(tenant, *, status="done", imported=0, skipped=0, days_ago=0, at=None, **fields):
    return ImportRun.objects.create(
        tenant=tenant,
        entity="contacts",
        channel="api",
        status=status,
        file_name="contacts.csv",
        imported=imported,
        skipped=skipped,
        total_rows=imported + skipped,
        created_at=at or NOON - dt.timedelta(days=days_ago),
        **fields,
    )


def test_imports_are_counted_by_day(tenant):
    add_run(tenant, imported=90, skipped=10)
    add_run(tenant, imported=10)
    add_run(tenant, status="failed", days_ago=DAYS - 1)
    days = imports_by_day(tenant)
    assert len(days) == DAYS
    assert days[-1] == ImportDay(TODAY, files=2, imported=100, skipped=10)
    assert days[0] == ImportDay(TODAY - dt.timedelta(days=DAYS - 1), files=1, failed=1)
    assert set(days[1:-1]) == {ImportDay(TODAY - dt.timedelta(days=ago)) for ago in range(1, DAYS - 1)}
    assert total(days) == ImportDay(days[0].day, files=3, failed=1, imported=100, skipped=10)


def test_what_was_undone_is_not_imported_any_more(tenant):
    add_run(tenant, imported=90, skipped=10, undone_rows=90, is_undone=True)
    add_run(tenant, imported=10, undone_rows=4)
    today = imports_by_day(tenant)[-1]
    assert today == ImportDay(TODAY, files=2, imported=6, skipped=10, undone=94)
    assert today.skipped_share == 10 / 110
    assert latest_failures(tenant, 5) == []


def test_runs_that_are_not_recent_imports_are_excluded(tenant):
    for status in ("planning", "planned", "applying"):
        add_run(tenant, status=status, imported=5, skipped=5)
    add_run(tenant, imported=5, skipped=5, days_ago=DAYS)
    add_run(create_tenant(slug="globex", name="Globex"), imported=5, skipped=5)
    assert total(imports_by_day(tenant)).files == 0
    assert latest_failures(tenant, 5) == []


def test_days_begin_in_the_tenants_time_zone(tenant):
    tenant.timezone = "Asia/Tokyo"
    today = timezone.now().astimezone(tenant.zone).date()
    midnight = dt.datetime.combine(today, dt.time(), tenant.zone)
    add_run(tenant, imported=1, at=midnight)
    add_run(tenant, imported=2, at=midnight - dt.timedelta(seconds=1))
    days = imports_by_day(tenant)
    assert [(day.day, day.imported) for day in days[-2:]] == [(today - dt.timedelta(days=1), 2), (today, 1)]


@pytest.mark.parametrize(("imported", "skipped", "share"), [(0, 0, None), (3, 1, 0.25), (0, 2, 1.0), (5, 0, 0.0)])
def test_the_share_of_rejected_rows(imported, skipped, share):
    assert ImportDay(TODAY, imported=imported, skipped=skipped).skipped_share == share


def test_failures_are_failed_files_and_rejected_rows_newest_first(tenant):
    skipped = add_run(tenant, imported=1, skipped=1, days_ago=2)
    rejected = add_run(tenant, status="failed", error="The file is empty", days_ago=1)
    add_run(tenant, imported=1)
    assert latest_failures(tenant, 5) == [rejected, skipped]
    assert latest_failures(tenant, 1) == [rejected]


def test_each_statistic_takes_one_query(tenant, django_assert_num_queries):
    for count in (1, 3):
        for number in range(count):
            add_run(tenant, imported=1, skipped=1, days_ago=number)
        with django_assert_num_queries(1):
            imports_by_day(tenant)
        with django_assert_num_queries(1):
            assert [run.error for run in latest_failures(tenant, 5)]
