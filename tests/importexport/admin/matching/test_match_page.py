"""The Match page: what it asks, what it takes, and what it says where something stands in the way."""

import json

import pytest
from django.core.management import call_command
from django.urls import reverse

from crm.models import Stage
from importexport.admin.matching.answers import column_field, value_field
from importexport.mappings import save_mapping
from importexport.models import ImportRun, SavedMapping
from importexport.resources import RESOURCES
from importexport.runs import lifecycle
from importexport.runs.retention import purge
from tests.support.api import Api
from tests.support.staff import PASSWORD, finished, words_of
from tests.support.workbooks import made

MATCH = "importexport_importrun_match"
UNKNOWN = "first_name,last_name,email,Nick\r\nAda,Lovelace,ada@example.com,addie\r\n"
DATES = "Deal name,Deal stage,Close date\r\nA,Lead,05/06/2025\r\nB,Lead,07/06/2025\r\n"


def words(editor, run, **answers):
    """Return the words of the page, or of its response to some answers."""
    return words_of(editor.post(MATCH, run.pk, **answers)) if answers else editor.page(MATCH, run.pk)


# --- what is asked ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", ["first_name,Last Name,E-MAIL\r\nA,B,a@example.com\r\n", "first_name,last_name,email\r\n"]
)
def test_a_file_of_ours_is_not_asked_about(editor, content):
    run = editor.brought(content)
    assert (run.status, run.options.get("source")) == ("planning", None)


def test_a_column_that_nobody_knows_is_asked_about(editor):
    run = editor.brought(UNKNOWN)
    assert run.status == "matching"
    page = words(editor, run)
    assert "One column is unknown. Say what it is, or leave it out." in page
    assert "email 1 value ada@example.com Email (recognised)" in page
    assert editor.get("importexport_importrun_change", run.pk).url == reverse(f"admin:{MATCH}", args=[run.pk])
    assert "Columns to match" in editor.page("importexport_importrun_changelist")

    run = editor.match(run, **{column_field("Nick"): "notes"})
    assert run.options["mapping"] == {"Nick": "notes"}
    assert run.imported == 1


def test_what_is_asked_may_stand_in_the_last_row_only(editor):
    surely = "Deal name,Deal stage\r\n" + "A,Lead\r\n" * 5_000
    last = "B,Sold on Monday\r\n"
    assert editor.brought(surely + last, model="deal").status == "matching"


def test_what_is_broken_at_the_end_of_an_unknown_file_is_told_without_asking(editor):
    run = editor.brought(UNKNOWN + "A,B,c@example.com,d\r\n" * 5_000 + 'A,B,"never closed\r\n')
    assert run.status == "planning"
    assert finished(run).status == "failed"


def test_the_order_of_dates_is_asked_with_what_each_answer_makes(editor):
    run = editor.brought(DATES, model="deal")
    page = words(editor, run)
    assert "How are dates written in this file? No date in the file decides it. This concerns “Close date”." in page
    assert "Day first 05/06/2025 → 5 Jun 2025, 07/06/2025 → 7 Jun 2025" in page
    assert "Month first 05/06/2025 → 6 May 2025, 07/06/2025 → 6 Jul 2025" in page
    assert "Year first" not in page
    assert "Some questions are still open. They are marked below." in words(editor, run, source="auto")
    run = editor.match(run, dates="dmy")
    assert run.sample[0][4] == "2025-06-05"


def test_the_decimal_sign_is_asked_with_what_each_answer_makes(editor):
    run = editor.brought("Deal name,Deal stage,Amount\r\nA,Lead,1.500\r\n", model="deal")
    page = words(editor, run)
    assert "Decimal point 1.500 → 1.5" in page
    assert "Decimal comma 1.500 → 1,500" in page
    assert editor.match(run, decimal="comma").sample[0][1] == "1500.00"


def test_an_encoding_is_asked_with_cells_as_they_would_read(editor):
    run = editor.brought("first_name,last_name,email\r\nZoë,Müller,zoe@example.com\r\n".encode("cp1252"))
    assert "Are these letters right?" in (page := words(editor, run))
    assert "Western European (Windows-1252) Zoë, Müller" in page
    run = editor.match(run, encoding="windows-1252", shown_encoding="windows-1252")
    assert run.sample[0][:2] == ["Zoë", "Müller"]


def test_a_sheet_is_asked_and_another_one_read_anew(editor):
    people = [["first_name", "last_name", "email"], ["Ada", "Lovelace", "ada@example.com"]]
    book = made(**{"People": people, "<b>Others": [["Vorname"], ["Bo"]]})
    run = editor.brought(book, name="book.xlsx")
    page = words(editor, run)
    assert "Which sheet do you want to import?" in page
    assert "<b>Others" in page
    page = words(editor, run, sheet="<b>Others", shown_sheet="People", **{column_field("email"): "-"})
    assert "The file was read again with your answer. Check the columns and continue." in page
    assert "Vorname 1 value Bo First name (recognised)" in page
    assert editor.match(run, sheet="People", shown_sheet="People").imported == 1


def test_two_columns_that_give_one_are_marked(editor):
    run = editor.brought(UNKNOWN)
    page = words(editor, run, **{column_field("Nick"): "first_name"})
    assert page.count("More than one column is imported as First name. Choose one, and do not import the others.") == 2


def test_a_file_of_another_entity_can_be_taken_for_what_it_is(editor):
    run = editor.brought(
        "Company name,Company Domain Name,Company owner,Industry,Number of Employees\r\nA,a.example,B,C,1\r\n"
    )
    assert "This looks like an export of companies, not of contacts." in words(editor, run)
    assert "This looks like" not in words(editor, run, do="plain")
    editor.post(MATCH, run.pk, do="entity:companies")
    assert editor.match(ImportRun.objects.get(entity="companies")).imported == 1


def test_hundreds_of_columns_are_bearable(editor):
    names = [f"Custom {n}" for n in range(1_200)]
    content = ",".join(["first_name", "last_name", "email", *names]) + "\r\nA,B,a@example.com,x" + "," * 1_199 + "\r\n"
    response = editor.get(MATCH, (run := editor.brought(content)).pk)
    assert "1199 columns have no values" in words_of(response)
    assert [line.header for line in response.context["filled"]] == ["first_name", "last_name", "email", "Custom 0"]
    assert [bool(line.select) for line in response.context["blank"]].count(True) == 500
    assert editor.match(run, **{column_field(name): "-" for name in names}).imported == 1


def test_ten_thousand_values_are_counted_and_some_are_shown(editor):
    rows = "".join(f"D{n},Phase {n}\r\n" for n in range(10_050))
    response = editor.get(MATCH, editor.brought(f"Deal name,Deal stage\r\n{rows}", model="deal").pk)
    (group,) = response.context["groups"]
    assert (len(group.values), group.unknown) == (200, 10_000)
    assert "more than 9,800 further values are not shown." in words_of(response)


def test_a_stage_that_was_chosen_and_is_gone_is_still_named(editor, tenant):
    run = editor.brought("Deal name,Deal stage,Odd\r\nA,Phase 1,1\r\n", model="deal")
    run = editor.match(run, **{value_field("stage_name", "Phase 1"): "=Lead"})
    Stage.objects.filter(tenant=tenant, name="Lead").delete()
    assert "Phase 1 1 × Leave as it is: its rows would be rejected Lead Leave blank" in words(editor, run)


def test_markup_is_shown_as_it_is(editor):
    mark = "<img src=x onerror=alert(1)>"
    content = f'first_name,last_name,email,"{mark}",Lifecycle Stage\r\n{mark},B,a@example.com,{mark},{mark}\r\n'
    page = editor.get(MATCH, editor.brought(content).pk).content.decode()
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 4
    assert "<img src=x" not in page


def test_answers_that_the_page_does_not_offer_get_a_sentence(editor):
    run = editor.brought(UNKNOWN)
    for field, said in (
        ("dates", "sideways"),
        (column_field("Nick"), "password"),
        ("column:[", "notes"),
        ('value:["lifecycle_stage"]', "=lead"),
        (value_field("password", "x"), "=y"),
        ("do", "entity:users"),
    ):
        response = editor.post(MATCH, run.pk, **{field: said})
        assert len(response.context["says"]) == 1, field
    run.refresh_from_db()
    assert run.status == "matching"


# --- who is asked, and when ---------------------------------------------------------------------------------------


def test_a_viewer_reads_who_may_match_the_columns(editor, viewer):
    run = editor.brought(UNKNOWN)
    response = viewer.client.get(reverse(f"admin:{MATCH}", args=[run.pk]), follow=True)
    assert "Only editor of" in words_of(response)
    assert "can match its columns." in response.content.decode()
    assert viewer.post(MATCH, run.pk).status_code == 302
    run.refresh_from_db()
    assert run.status == "matching"


def test_two_people_do_not_overwrite_each_other_unseen(editor, admin_of_tenant):
    run = editor.brought(UNKNOWN)
    version = editor.get(MATCH, run.pk).context["version"]
    admin_of_tenant.match(run, version=version, **{column_field("Nick"): "notes"})
    answers = {column_field("Nick"): "title", "version": version}
    page = words(editor, run, **answers)
    assert "Somebody else has changed the matching of this file in the meantime." in page
    now = editor.get(MATCH, run.pk).context["version"]
    assert editor.match(run, **answers | {"version": now}).options["mapping"] == {"Nick": "title"}


def test_whoever_comes_while_the_file_is_checked_reads_it(editor):
    run = editor.brought(UNKNOWN)
    for _ in range(2):
        response = editor.client.post(reverse(f"admin:{MATCH}", args=[run.pk]), follow=True)
    assert "This file is already being checked." in response.content.decode()


def test_a_file_that_was_discarded_meanwhile_is_told(editor):
    run = editor.brought(UNKNOWN)
    editor.post("importexport_importrun_discard", run.pk)
    for method in (editor.client.get, editor.client.post):
        response = method(reverse(f"admin:{MATCH}", args=[run.pk]))
        assert response.status_code == 404
        assert "It may have been a preview that was discarded. It has not imported anything." in words_of(response)


def test_a_session_that_ends_loses_nothing(editor, tenant):
    run = editor.brought(UNKNOWN)
    editor.client.logout()
    response = editor.post(MATCH, run.pk, **{column_field("Nick"): "notes"})
    assert "what you have typed is kept" in response.content.decode()
    page = reverse(f"admin:{MATCH}", args=[run.pk])
    form = {
        "username": f"editor of {tenant.slug}",
        "password": PASSWORD,
        "kept": response.context["kept"],
        "next": page,
    }
    again = editor.client.post(reverse("admin:login"), form)
    assert [column_field("Nick"), "notes"] in again.context["fields"]
    editor.client.logout()
    assert editor.client.post(reverse("admin:login"), form | {"kept": ""}).url == page


def test_an_imported_file_cannot_be_matched_any_more(editor):
    run = editor.confirm(editor.check(UNKNOWN))
    response = editor.client.get(reverse(f"admin:{MATCH}", args=[run.pk]), follow=True)
    assert "The columns of this file can no longer be matched." in response.content.decode()
    assert "Change the matching" not in editor.run_page(run)


def test_a_failed_file_can_be_matched_otherwise(editor, tenant):
    run = editor.brought(UNKNOWN)
    ImportRun.objects.filter(pk=run.pk).update(status="failed", error="Why.")
    assert "Change the matching of columns" in editor.run_page(run)
    assert editor.match(run).status == "planned"


def test_programs_are_not_told_of_files_that_wait_to_be_matched(editor, tenant, capsys):
    run, api = editor.brought(UNKNOWN), Api(tenant)
    assert api.look("imports")["count"] == 0
    assert api.get(f"imports/{run.pk}").status_code == 404
    assert api.get("imports?status=matching").status_code == 400
    capsys.readouterr()
    call_command("imports", "list", "--tenant", tenant.slug, "--json")
    assert json.loads(capsys.readouterr().out) == []


def test_files_that_wait_too_long_to_be_matched_are_deleted(editor):
    run = editor.brought(UNKNOWN)
    purge(days=-1)
    assert not ImportRun.objects.filter(pk=run.pk).exists()


def test_a_file_that_is_gone_from_the_storage_is_told(editor):
    run = editor.brought(UNKNOWN)
    ImportRun.objects.filter(pk=run.pk).update(sha256="0" * 64, size=1)
    assert "Nothing is stored. Start over with this file, or choose another one." in words(editor, run)


# --- saved matchings ----------------------------------------------------------------------------------------------


def test_a_name_that_is_taken_is_not_overwritten_unasked(editor, tenant):
    save_mapping("ours", {"source": "hubspot"}, tenant=tenant, spec=RESOURCES["contacts"].describe())
    run = editor.brought(UNKNOWN)
    page = words(editor, run, save_as="Ours")
    assert "A matching called “ours” already exists. Choose another name, or replace it." in page
    assert "A matching needs a name with at least one letter from a to z, or a digit." in words(
        editor, run, save_as="…"
    )
    editor.match(run, save_as="Ours", replace="yes", **{column_field("Nick"): "-"})
    assert SavedMapping.objects.get().body == {"source": "auto", "mapping": {"Nick": None}}


def test_a_saved_matching_is_used_by_hand_and_its_name_kept(editor, tenant):
    save_mapping(
        "ours", {"source": "auto", "mapping": {"Nick": "notes"}}, tenant=tenant, spec=RESOURCES["contacts"].describe()
    )
    run = editor.brought(UNKNOWN)
    assert "Saved matching “ours”" in words(editor, run, do="use", saved="ours")
    run = editor.match(run, used="ours", **{column_field("Nick"): "notes"})
    assert run.options["saved_mapping"] == "ours"
    assert SavedMapping.objects.get().used_at is not None


def test_a_saved_matching_with_half_a_character_is_used_as_any(editor, tenant):
    spec = RESOURCES["contacts"].describe()
    save_mapping("odd", {"source": "auto", "mapping": {"A\ud800": "notes"}}, tenant=tenant, spec=spec)
    page = words(editor, editor.brought(UNKNOWN), do="use", saved="odd")
    assert "The saved matching “odd” is used for this file." in page


def test_a_matching_that_was_deleted_meanwhile_is_told(editor):
    run = editor.brought(UNKNOWN)
    page = words(editor, run, do="use", saved="ours", **{column_field("Nick"): "notes"})
    assert "The saved matching “ours” no longer exists: somebody has deleted it. Your answers were kept." in page
    assert "Chosen by you" in page


def test_saved_matchings_are_listed_and_deleted(editor, viewer, tenant):
    body = {
        "source": "auto",
        "mapping": {"<b>Nick</b>": "notes", "Egal": None},
        "values": {"lifecycle_stage": {"K": "lead"}},
    }
    saved, _ = save_mapping("ours", body, tenant=tenant, spec=RESOURCES["contacts"].describe())
    assert "ours" in editor.page("importexport_savedmapping_changelist")
    page = editor.page("importexport_savedmapping_change", saved.pk)
    assert "<b>Nick</b> → Notes One column is not imported." in page
    assert "Lifecycle stage: K → lead" in page
    assert viewer.post("importexport_savedmapping_delete", saved.pk, post="yes").status_code == 403
    assert editor.post("importexport_savedmapping_delete", saved.pk, post="yes").status_code == 302
    assert not SavedMapping.objects.exists()


def test_only_a_run_that_waits_can_be_planned_with_answers(editor):
    run = editor.brought(UNKNOWN)
    editor.match(run)
    editor.confirm(run)
    with pytest.raises(lifecycle.NotPlanned):
        lifecycle.plan_matched(run, lifecycle.Options())
