"""The list of import runs, what can be done with one, and who may do it."""

import uuid

import pytest
from django.urls import reverse

from crm.models import Contact
from importexport.models import ImportRun
from tests.support.staff import HEADER, MIXED, Staff, add_run, finished, words_of

CHANGE = "importexport_importrun_change"


# --- the list ---------------------------------------------------------------------------------------------


def listed(staff, **query):
    response = staff.get("importexport_importrun_changelist", **query)
    assert response.status_code == 200
    return [run.file_name for run in response.context["cl"].result_list]


def test_the_list_shows_the_tenants_imports(editor, viewer, stranger, root, tenant):
    add_run(tenant, file_name="ours.csv", actor="grace", total_rows=12345, imported=12345)
    add_run(stranger.tenant, file_name="theirs.csv")
    words = editor.page("importexport_importrun_changelist")
    assert "ours.csv Contacts just now grace Admin Imported 12,345 0" in words
    assert listed(viewer) == ["ours.csv"]
    assert listed(stranger) == ["theirs.csv"]
    assert sorted(listed(root)) == ["ours.csv", "theirs.csv"]
    root.pick(tenant)
    assert listed(root) == ["ours.csv"]


def test_an_import_that_stored_nothing_is_not_a_success(editor, tenant):
    run = add_run(tenant, total_rows=2, skipped=2, header={"cells": [], "columns": []})
    assert "Nothing imported 0 2" in editor.page("importexport_importrun_changelist")
    assert "State Nothing imported" in editor.run_page(run)


def test_the_list_is_filtered_and_searched(editor, tenant):
    add_run(tenant, file_name="a.csv", actor="grace", status="failed", channel="api")
    add_run(tenant, file_name="b.csv", actor="alan", entity="deals")
    assert listed(editor, status="failed") == ["a.csv"]
    assert listed(editor, channel="api") == ["a.csv"]
    assert listed(editor, entity="deals") == ["b.csv"]
    assert listed(editor, actor="alan") == ["b.csv"]
    assert listed(editor, q="B.CSV") == ["b.csv"]
    assert listed(editor, created_at__gte="2999-01-01 00:00+00:00") == []


def test_the_users_to_filter_by_are_the_tenants(editor, stranger, tenant):
    add_run(tenant, actor="grace")
    add_run(stranger.tenant, actor="gwen")
    words = editor.page("importexport_importrun_changelist")
    assert "grace" in words
    assert "gwen" not in words


@pytest.mark.parametrize("count", [1, 3])
def test_the_number_of_queries_does_not_depend_on_the_length_of_the_list(
    editor, tenant, count, django_assert_num_queries
):
    for _ in range(count):
        add_run(tenant)
    with django_assert_num_queries(8):
        editor.page("importexport_importrun_changelist")


@pytest.mark.parametrize("action", ["add", "delete"])
def test_runs_cannot_be_added_changed_or_deleted(admin_of_tenant, tenant, action):
    args = [] if action == "add" else [add_run(tenant).pk]
    assert admin_of_tenant.post(f"importexport_importrun_{action}", *args, post="yes").status_code == 403
    assert ImportRun.objects.count() == len(args)


def test_the_page_of_a_run_cannot_be_posted_to(admin_of_tenant, tenant):
    run = add_run(tenant)
    words_of(admin_of_tenant.post(CHANGE, run.pk, file_name="x"))
    assert ImportRun.objects.get().file_name == "a.csv"


# --- confirm, discard -------------------------------------------------------------------------------------


def test_a_confirmed_file_is_imported_and_its_result_shown(editor):
    run = editor.confirm(editor.check(MIXED))
    words = editor.run_page(run)
    assert "1 contact imported. 2 rows rejected" in words
    assert "Rows in the file 3 Imported 1 Rejected 2" in words
    assert Contact.objects.get().email == "ada@example.com"
    assert f"/admin/crm/contact/?run={run.pk}" in editor.get(CHANGE, run.pk).content.decode()


def test_an_outdated_preview_is_made_again(editor, tenant):
    run = editor.check(MIXED)
    Contact.objects.create(tenant=tenant, first_name="Ada", last_name="L", email="ada@example.com")
    run = editor.confirm(run)
    words = editor.run_page(run)
    assert "Nothing was imported, because records have changed since this preview was created." in words
    assert "Row 2 was to create a record; now: be rejected (Duplicate contact with email 'ada@example.com')" in words
    assert "Import 1 contact " not in words
    assert editor.post("importexport_importrun_plan_again", run.pk).status_code == 302
    run = finished(run)
    assert (run.status, run.error, run.imported, run.skipped) == ("planned", "", 0, 3)


def test_a_file_is_not_imported_twice(editor):
    run = editor.confirm(editor.check(MIXED))
    editor.confirm(run)
    assert Contact.objects.count() == 1
    assert ImportRun.objects.get().status == "done"


def test_a_get_request_does_not_import(editor):
    run = editor.check(MIXED)
    for page in ("confirm", "discard", "undo", "plan_again"):
        typed = editor.client.get(reverse(f"admin:importexport_importrun_{page}", args=[run.pk]), follow=True)
        assert typed.redirect_chain[-1] == (reverse(f"admin:{CHANGE}", args=[run.pk]), 302)
    run.refresh_from_db()
    assert (run.status, Contact.objects.count(), ImportRun.objects.count()) == ("planned", 0, 1)


def test_a_discarded_file_is_deleted(editor):
    run = editor.check(MIXED)
    response = editor.post("importexport_importrun_discard", run.pk)
    assert response.url == "/admin/importexport/importrun/"
    assert not ImportRun.objects.exists()


def test_another_file_is_chosen_instead(editor):
    run = editor.check("name\r\nAcme\r\n", model="company")
    response = editor.post("importexport_importrun_discard", run.pk, then="choose")
    assert response.url == "/admin/crm/company/import/"
    assert not ImportRun.objects.exists()


def test_an_imported_file_cannot_be_discarded(editor):
    run = editor.confirm(editor.check(MIXED))
    response = editor.post("importexport_importrun_discard", run.pk)
    assert response.url.endswith(f"{run.pk}/change/")
    assert ImportRun.objects.exists()


# --- permissions ------------------------------------------------------------------------------------------


VIEWS = [CHANGE, *(f"importexport_importrun_{name}" for name in ("progress", "rejected", "confirm", "discard"))]


@pytest.mark.parametrize("view", VIEWS)
def test_another_tenants_run_is_not_found(editor, stranger, view):
    run = editor.check(MIXED)
    ask = stranger.post if view.endswith(("confirm", "discard")) else stranger.get
    assert ask(view, run.pk).status_code == 404
    run.refresh_from_db()
    assert run.status == "planned"


@pytest.mark.parametrize("identifier", [uuid.uuid4(), "1", "x"])
def test_an_unknown_run_is_not_found(editor, identifier):
    assert editor.get(CHANGE, identifier).status_code == 404


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_rows_are_visible_to_the_uploader_and_to_admins(editor, admin_of_tenant, tenant, role):
    run = editor.check(MIXED)
    colleague = Staff(tenant, role, name="a colleague")
    words = colleague.run_page(run)
    assert "Would be imported 1" in words
    assert "nobody" not in words
    assert f"Only {editor.user.username}" in words
    assert colleague.get("importexport_importrun_rejected", run.pk).status_code == 403
    assert colleague.post("importexport_importrun_confirm", run.pk).status_code == 403
    assert colleague.post("importexport_importrun_discard", run.pk).status_code == 403
    assert "nobody" in admin_of_tenant.run_page(run)
    assert admin_of_tenant.confirm(run).imported == 1


def test_a_user_who_can_no_longer_import_cannot_confirm(editor):
    run = editor.check(MIXED)
    editor.user.membership.role = "viewer"
    editor.user.membership.save()
    assert "Import 1 contact" not in editor.run_page(run)
    assert editor.post("importexport_importrun_confirm", run.pk).status_code == 403


def test_rows_are_visible_only_with_permission(editor, viewer, stranger):
    run = editor.confirm(editor.check(HEADER + "A,B,a@example.com,\r\n"))
    assert viewer.get("importexport_importrun_rows", run.pk).status_code == 403
    assert stranger.get("importexport_importrun_rows", run.pk).status_code == 404
