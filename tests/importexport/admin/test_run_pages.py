"""The page of a run, from its preview to its result."""

import csv
import datetime as dt
import io

import pytest
from django.urls import reverse
from django.utils import timezone

from crm.models import Company, Contact
from importexport.http.downloads import NO_TURN
from importexport.models import ImportRun
from importexport.runs import retention
from tests.support.api import Api
from tests.support.staff import HEADER, MIXED, add_run

CHANGE = "importexport_importrun_change"


def test_the_breadcrumbs_do_not_change_the_name_of_a_file(editor, tenant):
    run = add_run(tenant, file_name="leads.csv")
    page = editor.client.get(reverse(f"admin:{CHANGE}", args=[run.pk])).content.decode()
    assert "leads.csv" in page
    assert "Leads.csv" not in page


@pytest.mark.parametrize("what", ["rejected", "rows"])
def test_a_download_for_which_there_is_no_place_is_a_page_that_says_so(editor, what):
    page = reverse(f"admin:importexport_importrun_{what}", args=[editor.check(MIXED).pk])
    response = editor.client.get(page, **{NO_TURN: True})
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert "Too many files are being downloaded at this moment" in response.content.decode()
    assert b"".join(editor.client.get(page).streaming_content)


# --- the preview ------------------------------------------------------------------------------------------


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
    hint = "Write an address such as ada@example.com."
    assert f"Not an email address for example: Invalid email format 'x' email {hint} 2 rows" in words


def test_a_preview_marks_the_cells_with_errors(editor):
    skipped = editor.get(CHANGE, editor.check(MIXED).pk).context["rejected"]
    assert skipped.header == ["first_name", "last_name", "email", "company_name"]
    alan, grace = skipped.rows
    hint = "Write an address such as ada@example.com."
    assert (alan.number, alan.sentences) == (3, [f"Invalid email format 'nobody'. {hint}", "Company 'Acme' not found"])
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


def test_the_preview_has_the_errors_before_the_rows_that_are_good(editor):
    words = editor.run_page(editor.check(MIXED))
    at = [
        words.index(title)
        for title in ("Why rows would be rejected", "Rejected rows: row number", "What will be stored")
    ]
    assert at == sorted(at)


def test_the_preview_says_how_long_it_is_kept(editor, settings):
    settings.RALLY_PLAN_KEEP_HOURS = 5
    words = editor.run_page(editor.check(HEADER))
    assert "A preview that nobody confirms or changes is discarded after 5 hours." in words


def test_the_preview_has_the_changes_before_the_records_that_are_new(editor):
    editor.confirm(editor.check(HEADER + "Ada,Lovelace,ada@example.com,\r\n"))
    words = editor.run_page(editor.check(HEADER + "Ada,King,ada@example.com,\r\nA,B,b@example.com,\r\n", mode="upsert"))
    assert words.index("Changes to existing records") < words.index("The first new record, as it will be stored")


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


@pytest.mark.parametrize("line_break", ["\r\n", "\n", "\r"])
def test_line_breaks_and_tabs_are_shown_as_such(editor, line_break):
    run = editor.check(HEADER + f'"Rue 1{line_break}Paris\tFrance",B,x,\r\n')
    cell = editor.get(CHANGE, run.pk).context["rejected"].rows[0].cells[0]
    assert cell.text == "Rue 1 ↵ Paris\tFrance"


def test_very_many_and_very_long_cells_are_cut(editor):
    header = HEADER.strip() + "".join(f",more{n}" for n in range(200))
    run = editor.check(f"{header}\r\n{'A' * 5000},B,x,\r\n")
    skipped = editor.get(CHANGE, run.pk).context["rejected"]
    assert (len(skipped.header), skipped.hidden) == (60, 144)
    assert skipped.rows[0].cells[0].text == "A" * 119 + "…"
    assert "The last 144 columns of your file are not shown here." in editor.run_page(run)


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


# --- the preview of an upsert -----------------------------------------------------------------------------


def test_the_preview_of_an_upsert_shows_new_and_changed_cells(editor):
    editor.confirm(editor.check("first_name,last_name,email,phone\nAda,L,ada@example.com,1\nBo,K,bo@example.com,\n"))
    mended = "first_name,last_name,email,phone\nAda,L,ada@example.com,2\nBo,K,bo@example.com,\nCy,M,cy@example.com,\n"
    run = editor.check(mended, mode="upsert", blank="keep", tags="add", missing="reject")
    words = editor.run_page(run)
    assert "1 contact would be added, 1 would be updated. 1 contact is already as in the file." in words
    assert "Would be added 1 Would be updated 1 Already as in the file 1 Would be rejected 0" in words
    assert "Add 1 and update 1 " in words
    assert "Changes to existing records Rows that change a record" in words
    assert "2 Ada L phone 1 2 " in words
    assert "What should the import do? Add new records and update existing ones" in words
    lines = editor.get("importexport_importrun_rows", run.pk).getvalue().decode().splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [["2", "update"], ["3", "unchanged"], ["4", "create"]]
    words = editor.run_page(editor.confirm(run))
    assert "Changes" in words
    assert "1 contact added, 1 updated. 1 contact is already as in the file. No row was rejected." in words
    assert "See the 2 contacts" in words
    assert Contact.objects.get(email="ada@example.com").phone == "2"


def test_changed_rows_are_paginated(editor):
    head = "first_name,last_name,email,phone\n"
    editor.confirm(editor.check(head + "".join(f"A,B,a{n}@example.com,1\n" for n in range(60))))
    run = editor.check(head + "".join(f"A,B,a{n}@example.com,2\n" for n in range(60)), mode="update")
    assert 'href="?after=51#changed"' in editor.get("importexport_importrun_change", run.pk).content.decode()
    words = editor.run_page(run, after="51")
    assert "52 A B phone 1 2" in words
    assert "51 A B phone 1 2" not in words


@pytest.mark.parametrize("after", ["x", "-1", "9" * 40, "\N{SUPERSCRIPT TWO}"])
def test_an_invalid_page_is_the_first(editor, after):
    head = "first_name,last_name,email,phone\n"
    editor.confirm(editor.check(head + "A,B,a@example.com,1\n"))
    run = editor.check(head + "A,B,a@example.com,2\n", mode="update")
    assert "2 A B phone 1 2" in editor.run_page(run, after=after)


# --- the result -------------------------------------------------------------------------------------------


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


def test_a_failed_file_shows_the_reason_and_suggestions(admin_of_tenant, tenant):
    Api(tenant).post_file("contacts", "Fist Name,last_name,email\r\nA,B,a@example.com\r\n", to="plan")
    words = admin_of_tenant.run_page(ImportRun.objects.get())
    assert "” cannot be imported" in words
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


def test_a_run_with_a_mapping_is_shown(editor, tenant):
    file = "Given,Family,Mail\nAda,Example,ada@alpha.example\n"
    mapping = "%7B%22Given%22:%22first_name%22,%22Family%22:%22last_name%22,%22Mail%22:%22email%22%7D"
    response = Api(tenant).post_file("contacts", file, query=f"mapping={mapping}")
    assert "1 contact" in editor.run_page(ImportRun.objects.get(pk=response["Location"].rpartition("/")[2]))


def test_an_import_that_waits_can_be_stopped_and_is_a_preview_again(editor):
    run = editor.check(MIXED)
    editor.post("importexport_importrun_confirm", run.pk)
    assert "Stop the import" in editor.run_page(run)
    editor.post("importexport_importrun_cancel", run.pk)
    run.refresh_from_db()
    assert run.status == "planned"
    assert f"Cancelled by {editor.user.username}. Nothing was stored." in editor.run_page(run)


def test_an_import_that_was_cancelled_is_not_the_fault_of_its_file(editor, tenant):
    run = add_run(tenant, status="failed", cancelled_by="ci", error="Cancelled by ci. Nothing was stored.")
    page = editor.run_page(run)
    assert "“a.csv” was not imported" in page
    assert "Correct the file" not in page


def test_a_viewer_cannot_stop_an_import(viewer, tenant):
    run = add_run(tenant, status="applying")
    assert viewer.post("importexport_importrun_cancel", run.pk).status_code == 403


@pytest.mark.parametrize("page", ["rejected", "rows", "progress"])
def test_head_answers_as_get_does(editor, page):
    run = editor.confirm(editor.check("first_name,last_name,email\nA,B,a@example.com\nA,B,nobody\n"))
    address = reverse(f"admin:importexport_importrun_{page}", args=[run.pk])
    headers_alone = editor.client.head(address)
    headers_alone.close()
    got = editor.client.get(address)
    assert got.getvalue()
    assert (headers_alone.status_code, headers_alone["Content-Type"]) == (200, got["Content-Type"])
