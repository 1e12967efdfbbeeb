"""The preview, progress and result pages of a file: their content, actions and permissions."""

import csv
import datetime as dt
import io
import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from crm.models import Company, Contact
from importexport.models import ImportRun
from importexport.runs import retention
from tests.support.api import Api
from tests.support.staff import HEADER, MIXED, Staff, finished, words_of

CHANGE = "importexport_importrun_change"


def waiting(tenant, **fields):
    """Return a run as background work would leave it."""
    return ImportRun.objects.create(
        **{"tenant": tenant, "entity": "contacts", "channel": "admin", "status": "done", "file_name": "a.csv"} | fields
    )


@pytest.fixture
def asleep(monkeypatch):
    """Disable background work."""
    monkeypatch.setattr("importexport.runs.tasks.start", lambda run_id: None)


# --- the preview ----------------------------------------------------------------------------------------------


def test_a_preview_stores_nothing_and_says_so(editor):
    words = editor.run_page(editor.check(MIXED))
    assert "Nothing is stored yet. 1 contact would be imported, 2 rows would be rejected." in words
    assert "Rows in the file 3 Would be imported 1 Would be rejected 2" in words
    assert "Import 1 contact " in words
    assert not Contact.objects.exists()


def test_a_preview_names_ignored_and_missing_columns(editor):
    run = editor.check("first_name,last_name,email,Phnoe,Shoe size\r\nA,B,a@example.com,1,2\r\n")
    words = editor.run_page(run)
    assert "“ Phnoe ” is not a known column: its one filled cell is ignored. Did you mean phone ?" in words
    assert "“ Shoe size ” is not a known column: its one filled cell is ignored. Optional columns not in" in words
    assert "mobile , title" in words
    assert "3 columns were recognised" in words


def test_a_preview_shows_the_first_rows_as_stored(editor, tenant):
    Company.objects.create(tenant=tenant, name="Acme  Inc")
    run = editor.check("EMAIL,First Name,last-name,company name\r\n A@Example.com ,Ada,Lovelace,ACME inc\r\n")
    sample = editor.get(CHANGE, run.pk).context["sample"]
    assert sample.columns == ["first_name", "last_name", "email", "company_name", "lifecycle_stage"]
    assert sample.rows == [["Ada", "Lovelace", "A@Example.com", "Acme  Inc", "lead"]]


def test_a_preview_groups_the_errors(editor):
    rows = "".join(f"A,B,a{n}@example.com,Acme Inc\r\n" for n in range(37)) + "A,B,x,\r\nA,B,y,\r\n"
    words = editor.run_page(editor.check(HEADER + rows))
    assert "Company 'Acme Inc' not found company_name 37 rows" in words
    assert "Not an email address for example: Invalid email format 'x' email 2 rows" in words


def test_a_preview_marks_the_cells_with_errors(editor):
    skipped = editor.get(CHANGE, editor.check(MIXED).pk).context["rejected"]
    assert skipped.header == ["first_name", "last_name", "email", "company_name"]
    alan, grace = skipped.rows
    assert (alan.number, alan.sentences) == (3, ["Invalid email format 'nobody'", "Company 'Acme' not found"])
    assert [(cell.text, bool(cell.error)) for cell in alan.cells] == [
        ("Alan", False), ("Turing", False), ("nobody", True), ("Acme", True),
    ]  # fmt: skip
    assert [bool(cell.error) for cell in grace.cells] == [True, False, False, True]


def test_a_mark_does_not_rely_on_colour(editor):
    assert "Error: nobody" in editor.run_page(editor.check(MIXED))
    assert "Error: empty" in editor.run_page(editor.check(MIXED))


def test_cells_beyond_the_header_are_errors(editor):
    skipped = editor.get(CHANGE, editor.check(HEADER + "A,B,a@example.com,,x,y\r\nA\r\n").pk).context["rejected"]
    assert [bool(cell.error) for cell in skipped.rows[0].cells] == [False] * 4 + [True] * 2
    assert [cell.text for cell in skipped.rows[1].cells] == ["A", "", "", "", "", ""]


def numbers(staff, run, **query):
    return [row.number for row in staff.get(CHANGE, run.pk, **query).context["rejected"].rows]


def test_rows_are_filtered_by_their_errors(editor):
    run = editor.check(HEADER + "A,B,x,Acme\r\nA,B,a@example.com,Acme\r\nA,,b@example.com,Umbra\r\n")
    assert numbers(editor, run) == [2, 3, 4]
    assert numbers(editor, run, code="email") == [2]
    assert numbers(editor, run, code="not_found") == [2, 3, 4]
    assert numbers(editor, run, code="not_found", column="company_name", sentence="Company 'Acme' not found") == [2, 3]
    assert numbers(editor, run, code="nonsense") == [2, 3, 4]
    assert numbers(editor, run, code="date") == []


def test_a_groups_link_leads_to_its_rows(editor):
    run = editor.check(HEADER + "A,B,x,Acme\r\nA,B,a@example.com,Acme\r\nA,,b@example.com,\r\n")
    group = editor.get(CHANGE, run.pk).context["groups"][0]
    assert (group.title, group.rows) == ("Company 'Acme' not found", 2)
    response = editor.get(CHANGE, run.pk, query=f"?{group.query}")
    assert [row.number for row in response.context["rejected"].rows] == [2, 3]
    assert response.context["groups"][0].is_chosen


def test_rows_counted_by_the_import_are_not_counted_again(editor, monkeypatch):
    run = editor.check(HEADER + "A,B,x,Acme\r\nA,B,y,Acme\r\nA,B,z,Umbra\r\n")
    monkeypatch.setattr("django.db.models.QuerySet.count", None)
    assert numbers(editor, run, code="email", column="email") == [2, 3, 4]
    assert numbers(editor, run, code="not_found", column="company_name") == [2, 3, 4]
    acme = {"code": "not_found", "column": "company_name", "sentence": "Company 'Acme' not found"}
    assert numbers(editor, run, **acme) == [2, 3]


def test_rows_are_paginated_by_fifty(editor):
    run = editor.check(HEADER + "".join(f"A,B,x{n},\r\n" for n in range(120)))
    assert numbers(editor, run) == list(range(2, 52))
    assert numbers(editor, run, page="3") == list(range(102, 122))
    assert numbers(editor, run, page="99") == list(range(102, 122))
    assert "51 to 100 of 120" in editor.run_page(run, page="2", code="email")


def test_the_number_of_queries_does_not_depend_on_the_rows(editor, django_assert_max_num_queries):
    run = editor.check(HEADER + "".join(f"A,B,x{n},\r\n" for n in range(60)))
    with django_assert_max_num_queries(9):
        editor.run_page(run)


def test_a_file_without_a_good_row_cannot_be_confirmed(editor):
    words = editor.run_page(editor.check(HEADER + ",,,\r\nA,B,x,\r\n"))
    assert "No row can be imported." in words
    assert "Import 0" not in words
    assert "Rejected rows as CSV" in words


def test_a_file_without_rows(editor):
    assert "The file has a header, but no rows below it." in editor.run_page(editor.check(HEADER))


def test_markup_is_text(editor):
    evil = "<script>alert(1)</script>"
    run = editor.check(f"first_name,last_name,email,{evil}\r\n{evil},B,{evil},\r\n{evil},B,a@example.com,\r\n")
    run.file_name = f"{evil}.csv"
    run.save()
    response = editor.get(CHANGE, run.pk).content.decode()
    assert evil not in response
    assert "&lt;script&gt;" in response


def test_unprintable_characters_are_shown_as_such(editor):
    run = editor.check(HEADER + "A\0\u202eda,B,x,\r\n")
    cell = editor.get(CHANGE, run.pk).context["rejected"].rows[0].cells[0]
    assert cell.text == "A\ufffd\ufffdda"


def test_very_many_and_very_long_cells_are_cut(editor):
    header = HEADER.strip() + "".join(f",more{n}" for n in range(200))
    run = editor.check(f"{header}\r\n{'A' * 5000},B,x,\r\n")
    skipped = editor.get(CHANGE, run.pk).context["rejected"]
    assert (len(skipped.header), skipped.hidden) == (60, 144)
    assert skipped.rows[0].cells[0].text == "A" * 119 + "…"
    assert "The last 144 columns of your file are not shown here." in editor.run_page(run)


# --- confirm, discard -----------------------------------------------------------------------------------------


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


def test_an_import_is_undone_after_a_preview(editor):
    run = editor.confirm(editor.check(HEADER + "A,B,a@example.com,\r\nA,B,b@example.com,\r\n"))
    Contact.objects.get(email="b@example.com").save()
    assert "Undo…" in editor.run_page(run)
    response = editor.post("importexport_importrun_undo", run.pk)
    undo = finished(ImportRun.objects.get(kind="undo"))
    assert response.url.endswith(f"/{undo.pk}/change/")
    words = editor.run_page(undo)
    assert "Nothing is undone yet." in words
    assert "Records deleted 1 Records restored 0 Conflicts 1" in words
    assert "Row 3: A B : It has been edited since." in words
    assert Contact.objects.count() == 2
    words = editor.run_page(editor.confirm(undo))
    assert "“people.csv” was undone" in words
    assert [contact.email for contact in Contact.objects.all()] == ["b@example.com"]


def test_a_viewer_cannot_undo(editor, viewer):
    run = editor.confirm(editor.check(HEADER + "A,B,a@example.com,\r\n"))
    assert viewer.post("importexport_importrun_undo", run.pk).status_code == 403
    assert Contact.objects.exists()


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


# --- progress -------------------------------------------------------------------------------------------------


def test_progress_of_a_check(editor, tenant, asleep):
    started = timezone.now() - dt.timedelta(seconds=10)
    run = waiting(tenant, status="planning", size=4000, bytes_done=1000, rows_done=1234, started_at=started)
    assert editor.get("importexport_importrun_progress", run.pk).json() == {
        "at_work": True, "percent": 25, "rows": "1,234 rows so far", "left": "About 30 seconds left",
    }  # fmt: skip


def test_progress_of_an_import(editor, tenant, asleep):
    started = timezone.now() - dt.timedelta(minutes=3)
    run = waiting(tenant, status="applying", total_rows=2000, rows_done=1000, started_at=started)
    answer = editor.get("importexport_importrun_progress", run.pk).json()
    assert answer == {"at_work": True, "percent": 50, "rows": "1,000 of 2,000 rows", "left": "About 3 minutes left"}


def test_progress_of_an_import_that_has_not_started(editor, tenant, asleep):
    run = waiting(tenant, status="planning", size=4000)
    assert editor.get("importexport_importrun_progress", run.pk).json()["left"] == "Waiting to start"


def test_progress_of_a_finished_import(editor):
    run = editor.check(MIXED)
    assert editor.get("importexport_importrun_progress", run.pk).json()["at_work"] is False


def test_the_progress_page_has_a_bar_and_reloads_without_scripts(editor, tenant, asleep):
    run = waiting(tenant, status="planning", size=4000, bytes_done=1000)
    response = editor.get(CHANGE, run.pk).content.decode()
    assert '<progress id="progress" max="100" value="25"' in response
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in response


def test_opening_a_run_resumes_it_if_its_process_died(editor, tenant, asleep):
    run = editor.bring(MIXED)
    run = ImportRun.objects.get()
    assert run.status == "planning"
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("importexport.runs.tasks.start", asked.append)
        editor.get("importexport_importrun_progress", run.pk)
        editor.get(CHANGE, run.pk)
    assert asked == [run.pk, run.pk]


# --- the result -----------------------------------------------------------------------------------------------


def test_the_rejected_rows_are_a_file_to_be_corrected(editor):
    run = editor.confirm(editor.check(MIXED, name='my "people".csv'))
    response = editor.get("importexport_importrun_rejected", run.pk)
    assert response["Content-Disposition"] == r'attachment; filename="my \"people\"_rejected.csv"'
    text = b"".join(response.streaming_content).decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [row[-1] for row in rows] == [
        "import_error",
        "Row 3: Invalid email format 'nobody'; Company 'Acme' not found",
        "Row 4: Required field 'first_name' is empty; Company 'Acme' not found",
    ]
    mended = text.replace("nobody", "alan@example.com").replace("Acme", "").replace("\n,Hopper", "\nGrace,Hopper")
    assert editor.confirm(editor.check(mended)).imported == 2


def test_a_run_without_rejected_rows_has_no_rejected_file(editor):
    run = editor.check(HEADER + "A,B,a@example.com,\r\n")
    assert editor.get("importexport_importrun_rejected", run.pk).status_code == 404
    assert "Every row is valid" in editor.run_page(run)


def test_purged_rows_are_reported(editor):
    run = editor.confirm(editor.check(MIXED))
    ImportRun.objects.update(created_at=timezone.now() - dt.timedelta(days=40))
    retention.purge()
    words = editor.run_page(run)
    assert "The rejected rows are no longer available" in words
    assert "Rejected rows as CSV" not in words
    assert editor.get("importexport_importrun_rejected", run.pk).status_code == 404


def test_an_import_through_the_api_has_a_page(admin_of_tenant, tenant):
    api = Api(tenant)
    api.import_csv("contacts", MIXED)
    words = admin_of_tenant.run_page(ImportRun.objects.get())
    assert "1 contact imported." in words
    assert f"Who {api.key.name} Channel API" in words
    assert "1 Choose" not in words


def test_a_failed_file_shows_the_reason_and_suggestions(editor):
    words = editor.run_page(editor.check("Fist Name,last_name,email\r\nA,B,a@example.com\r\n"))
    assert "“people.csv” cannot be imported" in words
    assert "Required column 'first_name' missing from the header." in words
    assert "“ Fist Name ” is not a column. Did you mean first_name ?" in words
    assert "Choose another file" in words


@pytest.mark.parametrize(
    "content", ["a\0b", "\r\n\r\n", b"\xff\xfef\0i\0", 'first_name,last_name,email\r\nA,"', b"\x80,\r\n"]
)
def test_a_file_that_cannot_be_read_has_an_error_message(editor, content):
    run = editor.check(content)
    assert run.status == "failed"
    assert run.error in editor.run_page(run)


# --- permissions ---------------------------------------------------------------------------------------------

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


# --- the list -------------------------------------------------------------------------------------------------


def listed(staff, **query):
    response = staff.get("importexport_importrun_changelist", **query)
    assert response.status_code == 200
    return [run.file_name for run in response.context["cl"].result_list]


def test_the_list_shows_the_tenants_imports(editor, viewer, stranger, root, tenant):
    waiting(tenant, file_name="ours.csv", actor="grace", total_rows=12345, imported=12345)
    waiting(stranger.tenant, file_name="theirs.csv")
    words = editor.page("importexport_importrun_changelist")
    assert "ours.csv Contacts just now grace Admin Imported 12,345 0" in words
    assert listed(viewer) == ["ours.csv"]
    assert listed(stranger) == ["theirs.csv"]
    assert sorted(listed(root)) == ["ours.csv", "theirs.csv"]
    root.pick(tenant)
    assert listed(root) == ["ours.csv"]


def test_an_import_that_stored_nothing_is_not_a_success(editor, tenant):
    run = waiting(tenant, total_rows=2, skipped=2, header={"cells": [], "columns": []})
    assert "Nothing imported 0 2" in editor.page("importexport_importrun_changelist")
    assert "State Nothing imported" in editor.run_page(run)


def test_the_list_is_filtered_and_searched(editor, tenant):
    waiting(tenant, file_name="a.csv", actor="grace", status="failed", channel="api")
    waiting(tenant, file_name="b.csv", actor="alan", entity="deals")
    assert listed(editor, status="failed") == ["a.csv"]
    assert listed(editor, channel="api") == ["a.csv"]
    assert listed(editor, entity="deals") == ["b.csv"]
    assert listed(editor, actor="alan") == ["b.csv"]
    assert listed(editor, q="B.CSV") == ["b.csv"]
    assert listed(editor, created_at__gte="2999-01-01 00:00+00:00") == []


def test_the_users_to_filter_by_are_the_tenants(editor, stranger, tenant):
    waiting(tenant, actor="grace")
    waiting(stranger.tenant, actor="gwen")
    words = editor.page("importexport_importrun_changelist")
    assert "grace" in words
    assert "gwen" not in words


@pytest.mark.parametrize("count", [1, 3])
def test_the_number_of_queries_does_not_depend_on_the_length_of_the_list(
    editor, tenant, count, django_assert_num_queries
):
    for _ in range(count):
        waiting(tenant)
    with django_assert_num_queries(7):
        editor.page("importexport_importrun_changelist")


@pytest.mark.parametrize("action", ["add", "delete"])
def test_runs_cannot_be_added_changed_or_deleted(admin_of_tenant, tenant, action):
    args = [] if action == "add" else [waiting(tenant).pk]
    assert admin_of_tenant.post(f"importexport_importrun_{action}", *args, post="yes").status_code == 403
    assert ImportRun.objects.count() == len(args)


def test_the_page_of_a_run_cannot_be_posted_to(admin_of_tenant, tenant):
    run = waiting(tenant)
    words_of(admin_of_tenant.post(CHANGE, run.pk, file_name="x"))
    assert ImportRun.objects.get().file_name == "a.csv"


# --- a record's page ------------------------------------------------------------------------------------------


def test_a_record_shows_which_rows_created_and_changed_it(editor, tenant):
    editor.confirm(editor.check(HEADER + "A,B,x,\r\nA,B,a@example.com,\r\n"))
    api = Api(tenant)
    api.post_file("contacts", "email,phone\na@example.com,2\n", name="more.csv", query="mode=update")
    words = editor.page("crm_contact_change", Contact.objects.get().pk)
    day = timezone.now().astimezone(tenant.zone)
    when = f"{day.day} {day:%b %Y}"
    assert f"Changed: row 2 of more.csv, {when}, key {api.key.name}" in words
    assert f"Created: row 3 of people.csv, {when}, {editor.user.username}" in words


def test_a_record_created_manually_shows_no_import(editor, tenant):
    contact = Contact.objects.create(tenant=tenant, first_name="A", last_name="B", email="a@example.com")
    assert "Imports – " in editor.page("crm_contact_change", contact.pk)


def test_the_preview_of_an_upsert_shows_new_and_changed_cells(editor):
    editor.confirm(editor.check("first_name,last_name,email,phone\nAda,L,ada@example.com,1\nBo,K,bo@example.com,\n"))
    mended = "first_name,last_name,email,phone\nAda,L,ada@example.com,2\nBo,K,bo@example.com,\nCy,M,cy@example.com,\n"
    run = editor.check(mended, mode="upsert", blank="keep", tags="add", missing="reject")
    words = editor.run_page(run)
    assert "1 new 1 changed 1 unchanged" in words
    assert "Changes to existing records Rows that change a record" in words
    assert "2 phone 1 2 " in words
    assert "What should the import do? Add new records and update existing ones" in words
    lines = editor.get("importexport_importrun_rows", run.pk).getvalue().decode().splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [["2", "update"], ["3", "unchanged"], ["4", "create"]]
    words = editor.run_page(editor.confirm(run))
    assert "Changes" in words
    assert Contact.objects.get(email="ada@example.com").phone == "2"


def test_changed_rows_are_paginated(editor):
    head = "first_name,last_name,email,phone\n"
    editor.confirm(editor.check(head + "".join(f"A,B,a{n}@example.com,1\n" for n in range(60))))
    run = editor.check(head + "".join(f"A,B,a{n}@example.com,2\n" for n in range(60)), mode="update")
    assert 'href="?after=51#changed"' in editor.get("importexport_importrun_change", run.pk).content.decode()
    words = editor.run_page(run, after="51")
    assert "52 phone 1 2" in words
    assert "51 phone 1 2" not in words


@pytest.mark.parametrize("after", ["x", "-1", "9" * 40, "\N{SUPERSCRIPT TWO}"])
def test_an_invalid_page_is_the_first(editor, after):
    head = "first_name,last_name,email,phone\n"
    editor.confirm(editor.check(head + "A,B,a@example.com,1\n"))
    run = editor.check(head + "A,B,a@example.com,2\n", mode="update")
    assert "2 phone 1 2" in editor.run_page(run, after=after)


def test_companies_are_created_if_chosen_in_the_form(editor):
    run = editor.check(HEADER + "A,B,a@example.com,New Co\r\n", missing="create")
    words = editor.run_page(run)
    assert "1 company created" in words
    editor.confirm(run)
    assert Contact.objects.get().company.name == "New Co"


def test_the_preview_suggests_similar_names(editor):
    editor.confirm(editor.check("name\nAcme Limited\n", model="company"))
    run = editor.check(HEADER + "A,B,a@example.com,Acme Limitd\r\n")
    assert "Company 'Acme Limitd' not found (did you mean 'Acme Limited'?)" in editor.run_page(run)


def test_rows_are_visible_only_with_permission(editor, viewer, stranger):
    run = editor.confirm(editor.check(HEADER + "A,B,a@example.com,\r\n"))
    assert viewer.get("importexport_importrun_rows", run.pk).status_code == 403
    assert stranger.get("importexport_importrun_rows", run.pk).status_code == 404


def test_corrected_rows_and_undos_are_linked_and_related_runs_add_up(editor):
    first = editor.confirm(editor.check(HEADER + "A,B,a@example.com,\r\nA,B,x,\r\nA,B,y,\r\n", name="people.csv"))
    assert "Related imports" not in editor.run_page(first)
    mended = (
        editor.get("importexport_importrun_rejected", first.pk).getvalue().decode().replace(",x,", ",x@example.com,")
    )
    plan = editor.check(mended, name="mended.csv")
    assert "Corrects people.csv – Imported " in editor.run_page(plan)
    second = editor.confirm(plan)
    words = editor.run_page(first)
    assert "3 rows in the first file: 1 imported at once, 1 after correction, 1 left." in words
    assert "Corrected by mended.csv – Imported " in words
    editor.post("importexport_importrun_undo", second.pk)
    undo = finished(ImportRun.objects.get(kind="undo"))
    assert "To be undone by mended.csv – To be confirmed " in editor.run_page(second)
    editor.confirm(undo)
    words = editor.run_page(second)
    assert "Undone by mended.csv – Undone " in words
    assert "1 imported at once, 0 after correction, 2 left." in words


def test_an_undos_page_shows_restored_values_and_kept_records(editor):
    head = "first_name,last_name,email,phone\n"
    editor.confirm(editor.check(head + "Ada,L,ada@example.com,1\nBo,K,bo@example.com,1\n"))
    run = editor.confirm(editor.check(head + "Ada,L,ada@example.com,2\nBo,K,bo@example.com,2\n", mode="update"))
    bo = Contact.objects.get(email="bo@example.com")
    Contact.objects.filter(pk=bo.pk).update(phone="3")
    editor.post("importexport_importrun_undo", run.pk)
    undo = finished(ImportRun.objects.get(kind="undo"))
    page = editor.get("importexport_importrun_change", undo.pk).content.decode()
    assert f'<a href="/admin/crm/contact/{bo.pk}/change/"><bdi>Bo K</bdi></a>: It has been edited since.' in page
    words = editor.run_page(undo)
    assert "Changes to existing records Rows that change a record" in words
    assert "2 phone 2 1 " in words
    assert "Every row as CSV" in words


def test_an_undone_undo_is_labelled(editor):
    run = editor.confirm(editor.check(HEADER + "A,B,a@example.com,\r\n"))
    editor.post("importexport_importrun_undo", run.pk)
    undo = editor.confirm(finished(ImportRun.objects.get(kind="undo")))
    assert "Revert this undo" in editor.run_page(undo)
    editor.post("importexport_importrun_undo", undo.pk)
    redo = finished(ImportRun.objects.get(parent=undo))
    assert "Revert the undo of “people.csv”?" in editor.run_page(redo)
    assert "The undo of “people.csv” was reverted" in editor.run_page(editor.confirm(redo))


def test_a_created_company_that_is_kept_is_named(editor):
    run = editor.confirm(editor.check(HEADER + "A,B,a@example.com,New Co\r\n", missing="create"))
    Contact.objects.get().save()
    editor.post("importexport_importrun_undo", run.pk)
    words = editor.run_page(finished(ImportRun.objects.get(kind="undo")))
    assert "Row 2: the company created for it : Other records refer to it." in words
    assert "SHA-256" not in words
