"""Runs that correct or undo others, and the pages of undos."""

from crm.models import Contact
from importexport.models import ImportRun
from tests.support.staff import HEADER, finished


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
    assert "To be undone by Undo of mended.csv – To be confirmed " in editor.run_page(second)
    editor.confirm(undo)
    words = editor.run_page(second)
    assert "Undone by Undo of mended.csv – Carried out " in words
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
    assert "2 Ada L phone 2 1 " in words
    assert "All rows as CSV" in words
    editor.confirm(undo)
    words = editor.page("importexport_importrun_changelist")
    assert "Undo of people.csv Contacts just now editor of acme Admin Carried out 1 undone 1 conflict" in words


def test_an_undone_undo_is_labelled(editor):
    run = editor.confirm(editor.check(HEADER + "A,B,a@example.com,\r\n"))
    editor.post("importexport_importrun_undo", run.pk)
    undo = editor.confirm(finished(ImportRun.objects.get(kind="undo")))
    assert "Revert this undo" in editor.run_page(undo)
    editor.post("importexport_importrun_undo", undo.pk)
    redo = finished(ImportRun.objects.get(parent=undo))
    assert "Revert the undo of “people.csv”?" in editor.run_page(redo)
    assert "The undo of “people.csv” was reverted" in editor.run_page(editor.confirm(redo))
    words = editor.run_page(undo)
    assert "This undo was reverted." in words
    assert "Revert this undo" not in words
    assert "See the 1 contact" in editor.run_page(run)
    words = editor.page("importexport_importrun_changelist")
    assert "Undo of the undo of people.csv Contacts" in words
    assert "Undo of people.csv Contacts just now editor of acme Admin Reverted" in words


def test_an_import_that_was_undone_says_so(editor):
    run = editor.confirm(editor.check(HEADER + "A,B,a@example.com,\r\nA,B,b@example.com,\r\n"))
    editor.post("importexport_importrun_undo", run.pk)
    undo = editor.confirm(finished(ImportRun.objects.get(kind="undo")))
    words = editor.run_page(run)
    assert "This import was undone." in words
    assert f"By {editor.user.username}, " in words
    assert "Imported 2 Rejected 0 Undone since 2" in words
    assert not any(text in words for text in ("See the 2", "Undo…", "2 contacts imported"))
    assert "people.csv Contacts just now editor of acme Admin Undone 0 of 2 0" in editor.page(
        "importexport_importrun_changelist"
    )
    again = editor.client.post(f"/admin/importexport/importrun/{run.pk}/undo/", follow=True)
    assert "This has been undone already." in again.content.decode()
    assert list(ImportRun.objects.filter(kind="undo")) == [undo]


def test_what_is_left_of_an_import_that_was_partly_undone_can_be_seen_and_undone(editor):
    head = "first_name,last_name,email,phone\n"
    editor.confirm(editor.check(head + "A,B,a@example.com,1\nA,B,b@example.com,1\n"))
    mended = head + "A,B,a@example.com,2\nA,B,b@example.com,2\nA,B,c@example.com,2\n"
    run = editor.confirm(editor.check(mended, mode="upsert"))
    Contact.objects.filter(email="a@example.com").update(phone="3")
    editor.post("importexport_importrun_undo", run.pk)
    editor.confirm(finished(ImportRun.objects.get(kind="undo")))
    words = editor.run_page(run)
    assert "A part of this import was undone: 2 rows." in words
    assert "See the 1 contact Undo the rest…" in words
    left = editor.get("crm_contact_changelist", run=str(run.pk)).context["cl"].result_list
    assert [contact.email for contact in left] == ["a@example.com"]
    assert "people.csv Contacts just now editor of acme Admin Partly undone 1 of 3 0" in editor.page(
        "importexport_importrun_changelist"
    )
    listed = editor.get("importexport_importrun_changelist", status="undone").context["cl"].result_list
    assert list(listed) == [run]


def test_a_created_company_that_is_kept_is_named(editor):
    run = editor.confirm(editor.check(HEADER + "A,B,a@example.com,New Co\r\n", missing="create"))
    Contact.objects.get().save()
    editor.post("importexport_importrun_undo", run.pk)
    words = editor.run_page(finished(ImportRun.objects.get(kind="undo")))
    assert "Row 2: the company created for it : Other records refer to it." in words
    assert "SHA-256" not in words
