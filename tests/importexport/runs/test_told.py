"""Who has started a run is told that it has ended: by a notice on the next page, and by e-mail where that is set up."""

import datetime as dt

import pytest
from django.core import mail
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from importexport.models import ImportRun
from importexport.runs import told
from tests.support.staff import HEADER, Staff, add_run, finished

#: What is done by the worker sees what is stored.
pytestmark = pytest.mark.django_db(transaction=True)

ONE = HEADER + "A,B,a@example.com,\r\n"


@pytest.fixture
def editor(tenant):
    return Staff(tenant, "editor")


@pytest.fixture
def mailed(settings, editor):
    """E-mail is set up, and the editor has an address."""
    settings.RALLY_EMAIL, settings.RALLY_PUBLIC_URL = True, "https://crm.example.com"
    editor.user.email = "ed@example.com"
    editor.user.save()


def notices(staff, view="index", *args):
    """Return the notices of a page."""
    return [str(message) for message in staff.get(view, *args).context["messages"]]


def test_the_end_of_a_run_is_told_once_on_the_next_page_of_who_has_started_it(editor, tenant):
    run = editor.check(ONE)
    colleague = Staff(tenant, "editor", name="somebody else")
    assert notices(colleague) == []
    assert colleague.get("importexport_importrun_change", run.pk).status_code == 200
    [notice] = notices(editor)
    assert notice.startswith("The preview of “people.csv” is ready. <a ")
    assert f"/importrun/{run.pk}/change/" in notice
    assert notices(editor) == []
    editor.post("importexport_importrun_confirm", run.pk)
    assert notices(editor) == []
    finished(run)
    [notice] = notices(editor, "crm_contact_changelist")
    assert notice.startswith("“people.csv” was imported.")


def test_whoever_waits_on_the_page_of_the_run_gets_no_notice(editor):
    run = editor.check(ONE)
    assert notices(editor, "importexport_importrun_change", run.pk) == []
    assert notices(editor) == []


def test_many_ends_are_told_together(editor, tenant):
    for number in range(8):
        add_run(tenant, user=editor.user, is_untold=True, status="failed", file_name=f"{number}.csv")
    found = notices(editor)
    assert (len(found), found[-1]) == (told.AT_ONCE + 1, "3 more have ended: see Imports.")


def test_a_message_is_sent_if_the_page_was_left(editor, mailed):
    run = editor.check(ONE)
    job = ProcrastinateJob.objects.get(task_name=told.TASK)
    assert (job.args, job.status) == ({"run_id": str(run.pk)}, "todo")
    assert job.scheduled_at > timezone.now()
    told.send_message(run.pk)
    [message] = mail.outbox
    assert (message.to, message.subject) == (["ed@example.com"], "The preview of people.csv is ready")
    assert "1 row: 1 would be imported, 0 would be rejected." in message.body
    assert f"https://crm.example.com/admin/importexport/importrun/{run.pk}/change/" in message.body
    notices(editor)
    told.send_message(run.pk)
    assert len(mail.outbox) == 1


def test_a_message_is_sent_about_a_run_that_took_long_and_was_seen(editor, mailed, tenant):
    now = timezone.now()
    run = add_run(tenant, user=editor.user, started_at=now - dt.timedelta(minutes=2), finished_at=now)
    run.file_name = "a\nb.csv"
    run.save()
    told.send_message(run.pk)
    assert [message.subject for message in mail.outbox] == ["a b.csv was imported"]


def test_a_message_writes_numbers_as_the_account_has_them(editor, mailed, tenant):
    tenant.locale = "en-DE"
    tenant.save()
    run = add_run(tenant, user=editor.user, is_untold=True, total_rows=1234, imported=1233, skipped=1)
    told.send_message(run.pk)
    assert "1.234 rows: 1.233 imported, 1 rejected." in mail.outbox[0].body


@pytest.mark.parametrize(
    "fields", [{"email": ""}, {"email": "ed@example.com", "is_active": False}, {"email": "x@y.z", "is_staff": False}]
)
def test_who_has_no_address_or_no_access_gets_no_message(editor, mailed, tenant, fields):
    run = add_run(tenant, user=editor.user, is_untold=True)
    type(editor.user).objects.filter(pk=editor.user.pk).update(**fields)
    told.send_message(run.pk)
    assert mail.outbox == []


def test_without_a_mail_server_no_message_is_planned(editor):
    editor.check(ONE)
    assert not ProcrastinateJob.objects.filter(task_name=told.TASK).exists()


def test_a_run_ends_although_no_message_can_be_planned(editor, mailed, monkeypatch, caplog):
    monkeypatch.setattr(told, "TRANSFERS", object())
    assert editor.check(ONE).status == "planned"
    assert "Could not have a message sent about a run" in caplog.text
    assert ImportRun.objects.get().is_untold
