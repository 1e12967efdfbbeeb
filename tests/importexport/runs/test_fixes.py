"""Fixes of files in their previews: what they do to the import, what is told, and what stands in their way."""

import csv
import io
from contextlib import closing

import pytest
from django.contrib.auth.models import User

from crm.models import Company, Contact, Deal
from importexport.db import advisory_lock, second_connection
from importexport.db.locks import entity_lock
from importexport.engine.options import Options
from importexport.history import row_files, row_log
from importexport.history.plan_check import PlanChanged
from importexport.models import ImportRun, RejectedRow, RunFix
from importexport.runs import lifecycle, retention
from importexport.runs.fixes import checking, keeping, making
from importexport.runs.fixes.making import ErrorGroup

pytestmark = pytest.mark.django_db(transaction=True)

HEAD = "first_name,last_name,email,lifecycle_stage,company_name\n"
FILE = (
    HEAD
    + "Ada,Lovelace,ada@example.com,lead,\n"
    + "Alan,Turing,nobody,lead,\n"
    + "Grace,Hopper,grace@example.com,leed,\n"
    + "Edsger,Dijkstra,edsger@example.com,leed,Acmee\n"
    + ",Knuth,knuth@example.com,lead,Acmee\n"
)
WRONG_STAGE = ErrorGroup("choice", "lifecycle_stage", "Invalid lifecycle_stage value 'leed'")
NO_COMPANY = ErrorGroup("not_found", "company_name", "Company 'Acmee' not found")


@pytest.fixture
def clerk(tenant):
    return User.objects.create_user("clerk")


@pytest.fixture
def plan(tenant, clerk):
    def make(content=FILE, entity="contacts", **options):
        run = ImportRun(tenant=tenant, entity=entity, channel="admin", user=clerk, actor="clerk", file_name="a.csv")
        lifecycle.plan_now(run, io.BytesIO(content.encode()), Options(**options))
        return run

    return make


def again(run):
    """Have the file checked again; return the run."""
    lifecycle.plan_again(run)
    lifecycle.finish(run)
    return run


def stored(run):
    lifecycle.apply_now(run)
    return run


def reasons(run):
    return [row.message for row in RejectedRow.objects.of(run).order_by("number")]


def emails():
    return sorted(Contact.objects.values_list("email", flat=True))


def change(run, number, column, text, **options):
    return making.change_cell(run, number, column, text, by="clerk", **options)


def test_a_changed_cell_is_checked_at_once(plan):
    run = plan()
    assert change(run, 3, "email", "alan@example.com").wrong == []
    wrong = change(run, 3, "email", "alan at example").wrong
    assert wrong == [("email", "Invalid email format 'alan at example'")]
    assert [(fix.new, fix.error) for fix in run.fixes.all()] == [("alan at example", wrong[0][1])]
    assert Contact.objects.count() == 0


def test_a_changed_cell_is_imported_and_the_file_stays_as_it_was(plan):
    run = plan()
    before = run.open_upload().read()
    change(run, 3, "email", "alan@example.com")
    run = again(run)
    assert (run.imported, run.skipped, run.fix_count, run.fixes_pending) == (2, 3, 1, 0)
    run = stored(run)
    assert emails() == ["ada@example.com", "alan@example.com"]
    assert run.open_upload().read() == before


def test_the_row_log_has_the_text_of_the_file_what_it_was_changed_to_and_by_whom(plan):
    run = plan()
    change(run, 3, "email", "alan@example.com")
    run = stored(again(run))
    lines = list(csv.DictReader(io.StringIO(b"".join(row_files.csv_chunks(row_log.rows(run), run)).decode())))
    fixed = [line for line in lines if line["action"] == "fix"]
    assert [(x["import_row"], x["column"], x["before"], x["after"], x["import_error"]) for x in fixed] == [
        ("3", "email", "nobody", "alan@example.com", "changed by clerk")
    ]
    assert [line["action"] for line in lines if line["import_row"] == "3"] == ["create", "fix"]


def test_a_value_is_replaced_in_all_rows(plan):
    run = plan()
    fix = making.replace_value(run, WRONG_STAGE, "lead", by="clerk")
    assert (fix.rows, fix.error) == (2, "")
    making.replace_value(run, NO_COMPANY, "", by="clerk")
    run = again(run)
    assert reasons(run) == ["Row 3: Invalid email format 'nobody'", "Row 6: Required field 'first_name' is empty"]
    stored(run)
    assert [*Contact.objects.order_by("id").values_list("email", "lifecycle_stage")] == [
        ("ada@example.com", "lead"),
        ("grace@example.com", "lead"),
        ("edsger@example.com", "lead"),
    ]


def test_empty_cells_that_are_required_are_filled_in(plan):
    run = plan(FILE + ",Allen,fran@example.com,,\n")
    empty = ErrorGroup("required", "first_name", "Required field 'first_name' is empty")
    before = run.kept_bytes
    assert making.replace_value(run, empty, "Unknown", by="clerk").rows == 2
    run = again(run)
    assert "Row 7" not in " ".join(reasons(run))
    assert "Row 6: Company 'Acmee' not found" in reasons(run)
    assert run.kept_bytes != before


def test_a_new_value_that_is_wrong_too_is_told(plan):
    run = plan()
    fix = making.replace_value(run, WRONG_STAGE, "leader", by="clerk")
    assert fix.error == "Invalid lifecycle_stage value 'leader'"


def test_a_company_is_created_because_somebody_says_so(plan):
    run = plan(FILE + "Barbara,Liskov,barbara@example.com,lead,Globex\n")
    making.create_named(run, NO_COMPANY, by="clerk")
    making.replace_value(run, WRONG_STAGE, "lead", by="clerk")
    run = stored(again(run))
    assert run.references == {"companies": 1}
    assert [*Company.objects.values_list("name", flat=True)] == ["Acmee"]
    assert Contact.objects.get(email="edsger@example.com").company.name == "Acmee"
    assert "Row 7: Company 'Globex' not found" in reasons(run)


def test_cells_with_an_error_are_left_blank(plan):
    run = plan()
    fix = making.leave_blank(run, NO_COMPANY, by="clerk")
    making.leave_blank(run, WRONG_STAGE, by="clerk")
    assert fix.rows == 2
    run = stored(again(run))
    assert Contact.objects.get(email="edsger@example.com").company is None
    assert run.warning_count == 0
    log = [(row.number, row.changes, row.note) for row in row_log.rows(run, action="fix")]
    assert log == [
        (4, {"lifecycle_stage": ["leed", ""]}, "changed by clerk"),
        (5, {"lifecycle_stage": ["leed", ""], "company_name": ["Acmee", ""]}, "changed by clerk"),
        (6, {"company_name": ["Acmee", ""]}, "changed by clerk"),
    ]


def test_a_column_that_is_needed_cannot_be_left_blank(plan):
    run = plan()
    group = ErrorGroup("required", "first_name", "Required field 'first_name' is empty")
    with pytest.raises(keeping.NotFixed, match="cannot be left blank"):
        making.leave_blank(run, group, by="clerk")


def test_rows_that_are_left_out_are_rejected_and_told_as_such(plan):
    run = plan()
    making.skip_rows(run, WRONG_STAGE, by="clerk")
    making.skip_row(run, 3, by="clerk")
    run = again(run)
    assert reasons(run) == [
        "Row 3: Left out by clerk",
        "Row 4: Left out by clerk",
        "Row 5: Left out by clerk",
        "Row 6: Required field 'first_name' is empty; Company 'Acmee' not found",
    ]
    assert (run.skipped, run.left_out) == (4, 3)
    rejected = b"".join(row_files.rejected_file(run)).decode()
    assert "knuth@example.com" in rejected and "grace@example.com" not in rejected
    assert sorted(run.fixes.values_list("rows", flat=True)) == [1, 2]


def test_the_rejected_rows_have_what_was_changed_about_them(plan):
    run = plan(HEAD + "Ada,Lovelace,one,leed,\nAlan,Turing,two\n")
    change(run, 2, "email", "ada@example.com")
    change(run, 3, "email", "alan")
    change(run, 3, "lifecycle_stage", "leed")
    rejected = b"".join(row_files.rejected_file(again(run))).decode()
    assert [line.split(",")[2:4] for line in rejected.splitlines()[1:]] == [
        ["ada@example.com", "leed"],
        ["alan", "leed"],
    ]


def test_a_file_whose_check_was_stopped_can_be_checked_again_with_its_changes(plan):
    run = plan()
    change(run, 3, "email", "alan@example.com")
    lifecycle.plan_again(run)
    lifecycle.cancel(run, by="clerk")
    assert run.status == "failed"
    run = again(run)
    assert (run.status, run.imported, run.fix_count) == ("planned", 2, 1)


def test_a_change_that_is_taken_back_counts_no_more(plan):
    run = plan()
    fix = change(run, 3, "email", "alan@example.com").fix
    run = again(run)
    keeping.revoke(run, fix.pk)
    assert (run.fix_count, run.fixes_pending) == (0, 1)
    run = again(run)
    assert (run.imported, run.fixes.count()) == (1, 0)
    with pytest.raises(keeping.NotFixed, match="taken back"):
        keeping.revoke(run, fix.pk)


def test_a_cell_that_is_as_in_the_file_again_is_no_change(plan):
    run = plan()
    change(run, 3, "email", "alan@example.com")
    checked = change(run, 3, "email", " nobody ")
    assert checked.fix is None
    assert checked.wrong == [("email", "Invalid email format 'nobody'")]
    assert (run.fix_count, run.fixes_pending) == (0, 0)


def test_a_plan_whose_rows_were_changed_is_not_imported_before_it_is_checked_again(plan, clerk):
    run = plan()
    change(run, 3, "email", "alan@example.com")
    with pytest.raises(lifecycle.NotPlanned, match="Have the file checked again"):
        lifecycle.confirm(run)
    with pytest.raises(lifecycle.NotPlanned, match="Have the file checked again"):
        lifecycle.apply_now(run)
    assert Contact.objects.count() == 0
    assert stored(again(run)).imported == 2


def test_the_api_tells_changes_and_applies_no_plan_that_was_not_checked_again(plan, api):
    run = plan()
    change(run, 3, "email", "alan@example.com")
    assert api.look(f"imports/{run.pk}")["fixes"] == 1
    refused = api.post(f"imports/{run.pk}/apply")
    assert (refused.status_code, refused.json()["type"].rpartition("#")[2]) == (409, "fixes-changed")


def test_a_changed_plan_that_no_longer_holds_tells_what_differs_and_nothing_else(plan, tenant):
    run = plan()
    change(run, 3, "email", "alan@example.com")
    run = again(run)
    Contact.objects.create(tenant=tenant, first_name="A", last_name="B", email="alan@example.com")
    with pytest.raises(PlanChanged):
        stored(run)
    run.refresh_from_db()
    assert run.error == (
        "The plan no longer holds. Row 3 was to create a record, take email 'nobody' as 'alan@example.com'; now: take"
        " email 'nobody' as 'alan@example.com', be rejected (Duplicate contact with email 'alan@example.com'). Nothing"
        " was stored; plan the file again."
    )


def test_nothing_is_changed_while_the_file_is_checked_again(plan):
    run = plan()
    lifecycle.plan_again(ImportRun.objects.get(pk=run.pk))
    with pytest.raises(keeping.NotFixed, match="being checked again at this moment"):
        making.skip_row(run, 3, by="clerk")


def test_the_api_tells_which_rows_were_changed(plan, api):
    run = plan()
    change(run, 3, "email", "alan@example.com")
    rows = api.look(f"imports/{again(run).pk}/rows?action=fix")["results"]
    assert rows == [
        {
            "row": 3,
            "action": "fix",
            "entity": "contacts",
            "record": None,
            "changes": {"email": ["nobody", "alan@example.com"]},
            "note": "changed by clerk",
        }
    ]


def test_a_cell_changed_to_what_another_change_has_is_a_duplicate(plan):
    run = plan(HEAD + "Ada,Lovelace,one,,\nAlan,Turing,two,,\n")
    assert change(run, 3, "email", "same@example.com").wrong == []
    assert change(run, 2, "email", "same@example.com").wrong == [
        ("email", "Duplicate contact with email 'same@example.com'")
    ]


def test_a_cell_changed_to_what_a_good_row_has_is_found_when_the_file_is_checked_again(plan):
    run = plan()
    change(run, 3, "email", "ada@example.com")
    run = again(run)
    assert reasons(run)[0] == "Row 3: Duplicate contact with email 'ada@example.com'"


def test_two_people_do_not_overwrite_each_others_changes(plan):
    run = plan()
    mine = change(run, 3, "email", "alan@example.com", seen="").fix
    with pytest.raises(keeping.NotFixed, match="clerk has changed this cell to “alan"):
        making.change_cell(run, 3, "email", "turing@example.com", by="other", seen="")
    making.change_cell(run, 3, "email", "turing@example.com", by="other", seen=keeping.version_of(mine))
    assert [(fix.actor, fix.new) for fix in run.fixes.all()] == [("other", "turing@example.com")]


def test_nothing_is_changed_about_what_is_discarded_or_imported(plan):
    gone, done = plan(), plan()
    lifecycle.discard(ImportRun.objects.get(pk=gone.pk))
    for call in (
        lambda run: change(run, 3, "email", "x@example.com"),
        lambda run: making.skip_row(run, 3, by="x"),
    ):
        with pytest.raises(keeping.NotFixed):
            call(gone)
    stale = ImportRun.objects.get(pk=done.pk)
    stored(done)
    with pytest.raises(keeping.NotFixed, match="has been imported in the meantime"):
        change(stale, 3, "email", "x@example.com")
    assert RunFix.objects.count() == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("A\0B", "Invalid character in 'first_name'"),
        ("a" * 300, "Value too long in 'first_name' (maximum 100 characters)"),
    ],
)
def test_a_text_that_cannot_be_stored_is_told_and_kept(plan, text, sentence):
    run = plan()
    assert change(run, 6, "first_name", text).wrong[0] == ("first_name", sentence)
    run = again(run)
    assert sentence in reasons(run)[-1]
    assert run.fixes.get().new == text


def test_a_text_that_is_far_too_long_is_refused(plan):
    with pytest.raises(keeping.NotFixed, match="at most 20,000 characters"):
        change(plan(), 3, "email", "x" * 20_001)


def test_the_number_of_changes_is_limited(plan, monkeypatch):
    monkeypatch.setattr(keeping, "MOST", 1)
    run = plan()
    change(run, 3, "email", "alan@example.com")
    with pytest.raises(keeping.NotFixed, match="at most"):
        change(run, 4, "lifecycle_stage", "lead")
    change(run, 3, "email", "turing@example.com")


def test_a_column_that_the_file_lacks_cannot_be_changed(plan):
    with pytest.raises(keeping.NotFixed, match="no column 'phone'"):
        change(plan(), 3, "phone", "1")


def test_a_change_is_kept_while_another_import_is_at_work_and_checked_later(plan, tenant):
    run = plan()
    with closing(second_connection()) as other:
        other.set_autocommit(False)
        advisory_lock(entity_lock(tenant, "contacts"), over=other)
        checked = change(run, 3, "email", "alan@example.com")
        fix = making.replace_value(run, WRONG_STAGE, "lead", by="clerk")
        other.rollback()
    assert (checked.is_checked, fix.error) == (False, checking.LATER)
    assert run.fixes.count() == 2


def test_updates_take_changed_cells(plan, tenant):
    ada = Contact.objects.create(tenant=tenant, first_name="Ada", last_name="King", email="ada@example.com")
    run = plan("email,last_name,lifecycle_stage\nada@example.com,Lovelace,leed\n", mode="upsert")
    assert change(run, 2, "lifecycle_stage", "customer").wrong == []
    run = again(run)
    assert (run.counts["update"], run.counts["fix"]) == (1, 1)
    stored(run)
    ada.refresh_from_db()
    assert (ada.last_name, ada.lifecycle_stage) == ("Lovelace", "customer")


def test_a_file_of_another_program_takes_changed_cells_and_is_read_as_before(plan):
    content = (
        "Deal Name,Deal Stage,Amount,Close Date\n"
        'One,Nowhere,"1.000,50",31/12/2025\nTwo,Closed Won,"2.000,00",5/6/2025\n'
    )
    run = plan(content, entity="deals", source="auto")
    assert change(run, 2, "stage_name", "Closed Won").wrong == []
    stored(again(run))
    days = Deal.objects.order_by("id").values_list("name", "value", "expected_close_date")
    assert [(name, f"{value:.2f}", f"{day}") for name, value, day in days] == [
        ("One", "1000.50", "2025-12-31"),
        ("Two", "2000.00", "2025-06-05"),
    ]


def test_changes_are_deleted_with_the_contents(plan):
    run = plan()
    change(run, 3, "email", "alan@example.com")
    run = stored(again(run))
    retention.purge(days=0)
    run.refresh_from_db()
    assert run.fixes.count() == 0
    assert [*row_log.rows(run, action="fix")] == []


def test_an_undo_takes_back_what_came_of_changed_cells(plan, clerk):
    run = plan()
    change(run, 3, "email", "alan@example.com")
    run = stored(again(run))
    stored(lifecycle.plan_undo(run, channel="admin", user=clerk, actor="clerk"))
    assert emails() == []
