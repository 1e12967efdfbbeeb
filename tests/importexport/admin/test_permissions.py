"""Users without permission for the rows of an import see how many there are, but not their content."""

import pytest

from crm.models import Contact
from importexport.models import ImportRun
from tests.support.staff import HEADER, Staff, finished

KNOWN = "first_name,last_name,email,phone\n"


@pytest.fixture
def colleague(editor, tenant):
    """A user who cannot open the editor's files."""
    return Staff(tenant, "viewer", name="a colleague")


def changed_since(editor):
    """Return a plan that could not be applied because its record has changed."""
    Contact.objects.create(tenant=editor.tenant, first_name="Ada", last_name="L", email="ada@example.com", phone="1")
    run = editor.check(KNOWN + "Ada,L,ada@example.com,555-secret\n", mode="update")
    Contact.objects.update(phone="2")
    run = editor.confirm(run)
    assert "555-secret" in run.error
    return run


def test_the_differences_from_a_plan_are_visible_only_with_permission(editor, colleague):
    run = changed_since(editor)
    assert "555-secret" in editor.run_page(run)
    words = colleague.run_page(run)
    assert "because records have changed since this preview was created." in words
    assert "555-secret" not in words


def test_the_differences_from_an_undo_plan_are_visible_only_with_permission(editor, colleague):
    run = editor.confirm(editor.check(KNOWN + "Ada,L,ada@example.com,555-secret\n"))
    editor.confirm(editor.check(KNOWN + "Ada,L,ada@example.com,555-other\n", mode="update"))
    second = ImportRun.objects.exclude(pk=run.pk).get()
    editor.post("importexport_importrun_undo", second.pk)
    undo = finished(ImportRun.objects.get(kind="undo"))
    Contact.objects.update(phone="3")
    undo = editor.confirm(undo)
    assert "555-secret" in undo.error
    assert "555-secret" in editor.run_page(undo)
    assert "555-secret" not in colleague.run_page(undo)


def test_the_hash_of_a_file_is_visible_only_with_permission(editor, colleague):
    run = editor.confirm(editor.check(HEADER + "A,B,a@example.com,\r\n"))
    assert run.sha256 in editor.run_page(run)
    assert run.sha256 not in colleague.run_page(run)


def test_the_records_that_a_plan_would_change_are_not_listed(editor, colleague):
    Contact.objects.create(tenant=editor.tenant, first_name="Ada", last_name="L", email="ada@example.com", phone="1")
    run = editor.check(KNOWN + "Ada,L,ada@example.com,2\n", mode="update")
    assert [contact.first_name for contact in listed(colleague, run)] == []
    editor.confirm(run)
    assert [contact.first_name for contact in listed(colleague, run)] == ["Ada"]


def listed(staff, run):
    return staff.get("crm_contact_changelist", run=run.pk).context["cl"].result_list
