"""Previews of the admin that nobody has touched for a while are discarded."""

import datetime as dt

from django.utils import timezone

from importexport.models import ImportRun, RunFix
from importexport.runs import retention

OLD = dt.timedelta(hours=6)


def add_plan(tenant, name, *, age=OLD, **fields):
    at = timezone.now() - age
    given = {"channel": "admin", "status": "planned", "created_at": at, "finished_at": at} | fields
    return ImportRun.objects.create(tenant=tenant, entity="contacts", file_name=name, **given)


def left(settings):
    """Return the names of the runs that are left by discarding."""
    settings.RALLY_PLAN_KEEP_HOURS = 5
    retention.discard_left_plans()
    return sorted(run.file_name for run in ImportRun.objects.all())


def test_previews_that_were_left_alone_are_discarded(tenant, settings):
    add_plan(tenant, "left")
    add_plan(tenant, "not matched", status="matching", finished_at=None)
    add_plan(tenant, "fresh", age=dt.timedelta(hours=4))
    assert left(settings) == ["fresh"]


def test_previews_that_somebody_has_touched_are_kept(tenant, settings):
    add_plan(tenant, "checked again", finished_at=timezone.now())
    changed = add_plan(tenant, "changed")
    RunFix.objects.create(tenant=tenant, run=changed, kind="cell", number=2, column="email", new="ada@x.example")
    assert left(settings) == ["changed", "checked again"]


def test_only_previews_of_the_admin_are_discarded(tenant, settings):
    add_plan(tenant, "done", status="done")
    add_plan(tenant, "failed", status="failed")
    add_plan(tenant, "of a program", channel="api")
    add_plan(tenant, "of the shell", channel="shell")
    assert left(settings) == ["done", "failed", "of a program", "of the shell"]
