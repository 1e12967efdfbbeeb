"""The progress of a run."""

import datetime as dt

from django.utils import timezone

from tests.support.staff import MIXED, add_run

CHANGE = "importexport_importrun_change"


def test_progress_of_a_check(editor, tenant):
    started = timezone.now() - dt.timedelta(minutes=10)
    run = add_run(tenant, status="planning", size=4000, bytes_done=1000, rows_done=1234, started_at=started)
    assert editor.get("importexport_importrun_progress", run.pk).json() == {
        "at_work": True, "percent": 25, "rows": "1,234 rows so far", "left": "About 30 minutes left",
    }  # fmt: skip


def test_progress_of_an_import(editor, tenant):
    started = timezone.now() - dt.timedelta(minutes=3)
    run = add_run(tenant, status="applying", total_rows=2000, rows_done=1000, started_at=started)
    answer = editor.get("importexport_importrun_progress", run.pk).json()
    assert answer == {"at_work": True, "percent": 50, "rows": "1,000 of 2,000 rows", "left": "About 3 minutes left"}


def test_progress_of_an_import_that_has_not_started(editor, tenant):
    run = add_run(tenant, status="planning", size=4000)
    assert editor.get("importexport_importrun_progress", run.pk).json()["left"] == "Waiting to start"


def test_progress_of_a_finished_import(editor):
    run = editor.check(MIXED)
    assert editor.get("importexport_importrun_progress", run.pk).json()["at_work"] is False


def test_the_progress_page_has_a_bar_and_reloads_without_scripts(editor, tenant):
    run = add_run(tenant, status="planning", size=4000, bytes_done=1000)
    response = editor.get(CHANGE, run.pk).content.decode()
    assert '<progress id="progress" max="100" value="25"' in response
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in response
