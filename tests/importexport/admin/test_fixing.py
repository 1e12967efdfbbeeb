"""Changing a file in its preview: forms, what is told, and who may."""

import io

import pytest
from django.urls import reverse

from crm.models import Company, Contact
from importexport.admin.fixing import groups
from importexport.models import ImportRun, RunFix
from importexport.runs import lifecycle
from tests.support.staff import Staff, words_of

#: What is planned, by another connection, sees what is stored.
pytestmark = pytest.mark.django_db(transaction=True)

CHANGE, FIX, ROW = (f"importexport_importrun_{name}" for name in ("change", "fix", "row"))
FILE = (
    "first_name,last_name,email,lifecycle_stage,company_name\n"
    "Ada,Lovelace,ada@example.com,lead,\n"
    "Alan,Turing,nobody,lead,\n"
    "Grace,Hopper,grace@example.com,leed,Acmee\n"
    "Edsger,Dijkstra,edsger@example.com,leed,Acmee\n"
)
WRONG_STAGE = {
    "code": "choice", "column": "lifecycle_stage", "sentence": "Invalid lifecycle_stage value 'leed'",
}  # fmt: skip
NO_COMPANY = {"code": "not_found", "column": "company_name", "sentence": "Company 'Acmee' not found"}


@pytest.fixture
def plan(editor, tenant):
    def make(content=FILE, **fields):
        fields = {"entity": "contacts", "channel": "admin", "file_name": "people.csv"} | fields
        run = ImportRun(tenant=tenant, user=editor.user, actor=editor.user.username, **fields)
        lifecycle.plan_now(run, io.BytesIO(content.encode()), lifecycle.Options())
        return run

    return make


def fix(staff, run, **asked):
    return staff.post(FIX, run.pk, **asked)


def fix_cell(staff, run, text, *, number=3, column="email", seen=""):
    """Change a cell as the script does; return the status and what is told."""
    asked = {"what": "cell", "number": number, "column": column, "text": text, "seen": seen}
    address = reverse(f"admin:{FIX}", args=[run.pk])
    response = staff.client.post(address, asked, headers={"Accept": "application/json"})
    return response.status_code, response.json()


def told(staff, response):
    """Return the messages of the page that a response leads to."""
    assert response.status_code == 302
    page = staff.client.get(response.url.partition("#")[0])
    return [str(message) for message in page.context["messages"]]


def test_a_cell_is_saved_and_checked_in_one_request(editor, plan):
    run = plan()
    status, answer = fix_cell(editor, run, "alan@example.com")
    seen = answer.pop("seen")
    assert (status, answer) == (200, {
        "ok": True, "is_wrong": False, "sentence": "Row 3 is fine now.",
        "pending": 1, "words": "1 change since the file was checked.",
    })  # fmt: skip
    _, answer = fix_cell(editor, run, "nobody again", seen=seen)
    assert (answer["is_wrong"], answer["sentence"]) == (True, "Invalid email format 'nobody again'")
    assert not Contact.objects.exists()


def test_a_row_of_which_another_cell_is_wrong_says_so(editor, plan):
    _, answer = fix_cell(editor, plan(), "lead", number=4, column="lifecycle_stage")
    assert answer["sentence"] == "This cell is fine now. Still wrong in row 4: Company 'Acmee' not found"


def test_without_a_script_a_change_leads_back_to_its_row(editor, plan):
    run = plan()
    asked = {"what": "cell", "number": 3, "column": "email", "text": "alan@example.com", "seen": "", "at": "row-3"}
    response = fix(editor, run, **asked, back="page=1&evil=//x")
    assert response.url == reverse(f"admin:{CHANGE}", args=[run.pk]) + "?page=1#row-3"
    assert told(editor, response) == ["Row 3 is fine now."]


def test_the_preview_shows_changes_and_asks_to_check_again_instead_of_importing(editor, plan):
    run = plan()
    fix_cell(editor, run, "alan@example.com")
    words = editor.run_page(run)
    assert "1 change since the file was checked. Have the file checked again before you import it." in words
    assert "Row 3 email nobody → becomes alan@example.com" in words
    response = editor.post("importexport_importrun_confirm", run.pk)
    assert "Have the file checked again, then import it." in told(editor, response)[0]
    editor.post("importexport_importrun_plan_again", run.pk)
    run.refresh_from_db()
    lifecycle.finish(run)
    assert (run.imported, run.fixes_pending) == (2, 0)
    page = editor.get(CHANGE, run.pk).content.decode()
    assert "data-pending hidden" in page and "data-confirm hidden" not in page


#: What a form asks for → the beginning of what is told.
ASKED = [
    ({"what": "value", **WRONG_STAGE, "text": "lead"}, "2 rows will be changed."),
    ({"what": "value", **WRONG_STAGE, "text": "leader"}, "Saved, but it is still wrong: Invalid lifecycle_stage value"),
    ({"what": "blank", **NO_COMPANY}, "The cells of 2 rows will be left empty."),
    ({"what": "create", **NO_COMPANY}, "The company “Acmee” will be created."),
    ({"what": "skip_rows", **WRONG_STAGE}, "2 rows will be left out."),
    ({"what": "skip_row", "number": 3}, "Row 3 will be left out."),
    ({"what": "create", **WRONG_STAGE}, "Only companies that are not found can be created."),
    ({"what": "value", **WRONG_STAGE, "sentence": "no such"}, "No row of the preview has this error any more."),
    ({"what": "cell", "number": "x", "column": "email"}, "The change is incomplete. P"),
    ({"what": "cell", "number": 99, "column": "email"}, "Row 99 is not among the rejected rows"),
    ({"what": "nonsense"}, "The change is incomplete. P"),
    ({"what": "revoke", "change": 0}, "This change was taken back in the meantime."),
]


def test_what_can_be_asked_for_is_answered_by_a_sentence(editor, plan):
    run = plan()
    assert [told(editor, fix(editor, run, **asked))[0][: len(sentence)] for asked, sentence in ASKED] == [
        sentence for _, sentence in ASKED
    ]


def test_a_group_offers_what_makes_sense_for_it(editor, plan, tenant):
    Company.objects.create(tenant=tenant, name="Acme")
    page = editor.get(CHANGE, plan().pk)
    offers = {group.column: group.offer for group in page.context["groups"]}
    stage, company, email = offers["lifecycle_stage"], offers["company_name"], offers["email"]
    assert ("lead" in stage.choices, stage.may_blank, stage.may_create) == (True, True, False)
    assert (company.meant, company.may_create, company.may_blank) == (["Acme"], True, True)
    assert (email.may_replace, email.choices, email.may_blank) == (True, (), False)


def test_rows_with_different_errors_of_a_kind_are_fixed_together_and_that_is_said(editor, plan):
    run = plan(FILE + "A,B,b@example.com,lad,\nA,C,c@example.com,lady,\n")
    words = editor.run_page(run)
    assert "This is for 4 rows: all that have such an error in lifecycle_stage" in words
    fix(editor, run, what="skip_rows", code="choice", column="lifecycle_stage", sentence="")
    assert run.fixes.get().rows == 4


def test_later_groups_have_their_forms_when_they_are_chosen(editor, plan, monkeypatch):
    monkeypatch.setattr(groups, "OFFERED", 0)
    run = plan()
    assert "Fix all 2 rows at once" not in editor.run_page(run)
    assert "Fix all 2 rows at once" in editor.run_page(run, **WRONG_STAGE)


def test_a_value_that_was_replaced_is_shown_in_its_cells_and_one_of_them_can_be_changed_further(editor, plan):
    run = plan()
    fix(editor, run, what="value", **WRONG_STAGE, text="lead")
    rows = editor.get(CHANGE, run.pk).context["rejected"].rows
    (stage,) = [field for row in rows if row.number == 4 for field in row.fields if field.column == "lifecycle_stage"]
    assert (stage.text, stage.file, stage.error, stage.is_changed, stage.seen) == ("lead", "leed", "", True, "")
    status, _ = fix_cell(editor, run, "customer", number=4, column="lifecycle_stage")
    assert status == 200
    fix(editor, run, what="blank", **NO_COMPANY)
    lifecycle.plan_again(run)
    lifecycle.finish(run)
    lifecycle.apply_now(run)
    assert [*Contact.objects.order_by("id").values_list("lifecycle_stage", flat=True)] == ["lead", "customer", "lead"]


def test_a_change_is_taken_back(editor, plan):
    run = plan()
    fix_cell(editor, run, "alan@example.com")
    change = run.fixes.get()
    assert told(editor, fix(editor, run, what="revoke", change=change.pk, at="changes")) == [
        "The change was taken back."
    ]
    assert not run.fixes.exists()


def test_a_page_of_a_row_changes_any_of_its_cells(editor, plan):
    run = plan()
    page = words_of(editor.get(ROW, run.pk, 4))
    assert "Row 4 of “people.csv”" in page and "Company 'Acmee' not found" in page
    asked = {"what": "cells", "number": 4, "from": "row"}
    fields = {"first_name": "Grace", "company_name": "", "lifecycle_stage": "lead", "email": "grace@example.com"}
    response = fix(editor, run, **asked, **{f"text-{name}": text for name, text in fields.items()})
    assert response.url == reverse(f"admin:{ROW}", args=[run.pk, 4])
    assert told(editor, response) == ["Row 4 is fine now."]
    assert sorted(run.fixes.values_list("column", flat=True)) == ["company_name", "lifecycle_stage"]


def test_markup_in_values_is_shown_as_text(editor, plan):
    evil = "<script>alert(1)</script>"
    run = plan(FILE + f"<b>x</b>,Y,{evil},leed,\n")
    fix_cell(editor, run, f'">{evil}', number=6)
    fix(editor, run, what="create", **NO_COMPANY)
    for response in (editor.get(CHANGE, run.pk), editor.get(ROW, run.pk, 6)):
        assert evil not in response.content.decode()
        assert "&lt;script&gt;alert(1)" in response.content.decode()


def test_a_preview_that_was_discarded_in_another_tab_is_told(editor, plan):
    run = plan()
    lifecycle.discard(ImportRun.objects.get(pk=run.pk))
    assert fix_cell(editor, run, "x@example.com") == (
        404, {"sentence": "This preview was discarded in the meantime, so the change was not saved."}
    )  # fmt: skip
    response = fix(editor, run, what="skip_row", number=3)
    assert "was discarded in the meantime" in told(editor, response)[0]


def test_a_run_that_was_confirmed_in_the_meantime_is_told(editor, plan):
    run = plan()
    lifecycle.apply_now(ImportRun.objects.get(pk=run.pk))
    status, answer = fix_cell(editor, run, "x@example.com")
    assert (status, answer["sentence"]) == (
        409, "This file has been imported in the meantime, so nothing can be changed any more."
    )  # fmt: skip
    assert told(editor, editor.get(ROW, run.pk, 3)) == [answer["sentence"]]


def test_two_people_at_one_preview_hear_of_each_other(editor, admin_of_tenant, plan):
    run = plan()
    fix_cell(editor, run, "alan@example.com")
    status, answer = fix_cell(admin_of_tenant, run, "turing@example.com")
    assert status == 409
    assert answer["sentence"].startswith("editor of acme has changed this cell to “alan@example.com” in the meantime.")


def test_a_session_that_ended_asks_to_sign_in_and_tells_that_the_change_is_not_saved(editor, plan):
    run = plan()
    editor.client.logout()
    page = fix(editor, run, what="skip_row", number=3).content.decode()
    assert "You have been signed out in the meantime. Sign in: what you have typed is kept." in page
    assert not RunFix.objects.exists()
    editor.client.force_login(editor.user)
    response = editor.client.get(reverse(f"admin:{FIX}", args=[run.pk]))
    assert told(editor, response) == ["The last change was not saved. Please make it again."]


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_nobody_else_changes_a_file_or_sees_its_rows(tenant, plan, role):
    run, other = plan(), Staff(tenant, role, name="somebody else")
    assert fix(other, run, what="skip_row", number=3).status_code == 403
    assert other.get(ROW, run.pk, 3).status_code == 403
    assert not RunFix.objects.exists()
    assert "Fix " not in other.run_page(run)


def test_rows_that_were_left_out_are_told_as_such(editor, plan):
    run = plan()
    fix(editor, run, what="skip_rows", **WRONG_STAGE)
    lifecycle.plan_again(run)
    lifecycle.finish(run)
    words = editor.run_page(run)
    assert "1 contact would be imported, 1 row would be rejected. You left 2 rows out." in words
    assert "Would be rejected 1 Left out by you 2" in words
    assert "Rows are left out: Invalid lifecycle_stage value 'leed'" in words
    lifecycle.apply_now(run)
    assert "Changes made in the preview" in editor.run_page(run)


def test_many_rejected_rows_are_corrected_in_a_workbook(editor, plan):
    rows = "".join(f"A,B,wrong{n},lead,\n" for n in range(60))
    run = plan(FILE + rows)
    page = editor.get(CHANGE, run.pk)
    assert "There are many rows to correct." in words_of(page)
    workbook = b"".join(editor.get("importexport_importrun_rejected", run.pk, format="xlsx").streaming_content)
    again = ImportRun(tenant=run.tenant, entity="contacts", channel="admin", actor="x", file_name="rejected.xlsx")
    lifecycle.plan_now(again, io.BytesIO(workbook), lifecycle.Options())
    assert (again.total_rows, again.skipped) == (63, 63)
