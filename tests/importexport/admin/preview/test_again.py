"""One way on: options are changed in the preview, and the same file updates what it has brought, without another upload."""

import pytest

from crm.models import Contact
from importexport.engine.options import Options
from importexport.models import ImportRun
from importexport.runs import lifecycle
from tests.support.staff import HEADER, Staff, finished

TWO = "first_name,last_name,email,phone\nA,B,a@example.com,1\nA,B,b@example.com,1\n"


def plan_again(staff, run, **options):
    """Have a run planned again with the options of the form; return it, and what the page says at once."""
    response = staff.client.post(f"/admin/importexport/importrun/{run.pk}/plan_again/", options, follow=True)
    assert response.status_code == 200
    return finished(run), response.content.decode()


def test_options_are_changed_in_the_preview_and_all_others_stay(editor, tenant):
    run = editor.check(TWO + "C,D,,1\n")
    ImportRun.objects.filter(pk=run.pk).update(options=run.options | {"dates": "dmy"})
    assert "Change the options" in editor.run_page(run)
    run, _ = plan_again(editor, run, mode="upsert", match_on="email", blank="fill", tags="add", incomplete="accept")
    assert run.options == {
        "mode": "upsert", "match_on": "email", "blank": "fill", "tags": "add", "missing": "reject", "dates": "dmy",
        "incomplete": "accept",
    }  # fmt: skip
    assert (run.status, run.imported) == ("planned", 3)
    run, _ = plan_again(editor, run, mode="create", blank="fill", invalid="blank", incomplete="reject")
    assert run.options == {"mode": "create", "missing": "reject", "dates": "dmy", "invalid": "blank"}
    page = editor.client.post(f"/admin/importexport/importrun/{run.pk}/plan_again/", {"mode": "merge"}, follow=True)
    assert "Unknown mode &#x27;merge&#x27;" in page.content.decode()


def test_a_file_that_failed_is_checked_again_with_other_options(editor):
    run = editor.brought("email,phone\na@example.com,1\n")
    # Somebody goes on without the columns that are missing, as a client of the API would.
    lifecycle.plan_matched(run, Options())
    assert "missing from the header" in editor.run_page(finished(run))
    run, _ = plan_again(editor, run, mode="update")
    assert (run.status, run.error, run.skipped) == ("planned", "", 1)


def test_the_same_file_again_says_who_has_imported_it_and_updates_its_records(editor, admin_of_tenant, viewer):
    first = admin_of_tenant.confirm(admin_of_tenant.check(TWO))
    Contact.objects.get(email="b@example.com").delete()
    Contact.objects.update(phone="9")
    run = editor.check(TWO)
    words = editor.run_page(run)
    assert "This file was imported today at" in words
    assert f"by {admin_of_tenant.user.username}. 1 of its 2 contacts is there already." in words
    assert f"/importrun/{first.pk}/change/" in editor.get("importexport_importrun_change", run.pk).content.decode()
    assert "Update them instead" not in viewer.run_page(run)
    run, _ = plan_again(editor, run, update="1")
    words = editor.run_page(run)
    assert "Add 1 and update 1 " in words
    assert "Update them instead" not in words
    ImportRun.objects.filter(pk=first.pk).update(is_undone=True, undone_rows=2)
    assert "This file was imported" not in editor.run_page(run)


def test_the_options_survive_the_choice_of_another_file(editor):
    run = editor.check(HEADER, mode="upsert", blank="fill", missing="create")
    response = editor.post("importexport_importrun_discard", run.pk, then="choose")
    form = editor.client.get(response.url)
    chosen = {field.name: choice.value for field in form.context["option_fields"] for choice in field.choices
              if choice.is_chosen}  # fmt: skip
    assert chosen == {"mode": "upsert", "blank": "fill", "tags": "replace", "missing": "create"}


@pytest.mark.parametrize("is_ready", [False, True])
def test_a_preview_whose_options_somebody_has_changed_is_not_confirmed_unseen(editor, admin_of_tenant, is_ready):
    run = editor.check(TWO)
    seen = run.plan_digest
    admin_of_tenant.post("importexport_importrun_plan_again", run.pk, mode="update")
    if is_ready:
        finished(run)
    page = editor.client.post(f"/admin/importexport/importrun/{run.pk}/confirm/", {"plan": seen}, follow=True)
    assert "because somebody has changed the options. " in page.content.decode()
    run.refresh_from_db()
    assert (run.status, Contact.objects.count()) == ("planned" if is_ready else "planning", 0)


def test_options_changed_while_somebody_confirms_change_nothing(editor, admin_of_tenant):
    run = editor.check(TWO)
    admin_of_tenant.post("importexport_importrun_confirm", run.pk)
    run, page = plan_again(editor, run, mode="update")
    assert "Somebody has already confirmed this. It is in progress." in page
    assert (run.status, run.imported) == ("done", 2)


def test_a_preview_that_a_colleague_has_discarded_is_gone_with_a_sentence(editor, tenant):
    run = editor.check(TWO)
    Staff(tenant, "admin", name="boss").post("importexport_importrun_discard", run.pk)
    for page in ("confirm", "plan_again", "discard"):
        response = editor.post(f"importexport_importrun_{page}", run.pk)
        assert response.status_code == 404
        assert "It may have been a preview that was discarded." in response.content.decode()
    assert "All imports" in editor.get("importexport_importrun_change", run.pk).content.decode()
