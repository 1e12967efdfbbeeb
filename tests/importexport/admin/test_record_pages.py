"""What a record's page tells about imports."""

import re

from django.urls import reverse
from django.utils import timezone

from crm.admin import formatting
from crm.models import Contact
from tests.support.api import Api
from tests.support.staff import HEADER


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


def test_the_breadcrumbs_do_not_change_a_name(editor, tenant):
    contact = Contact.objects.create(tenant=tenant, first_name="vincent", last_name="van Gogh", email="v@example.com")
    page = editor.client.get(reverse("admin:crm_contact_change", args=[contact.pk])).content.decode()
    assert "vincent van Gogh" in page
    assert "Vincent van Gogh" not in page


def test_the_history_of_a_record_has_its_imports_and_the_changes_by_hand(editor, tenant):
    run = editor.confirm(editor.check(HEADER + "A,B,a@example.com,\r\n"))
    api = Api(tenant)
    api.post_file("contacts", "email,phone\na@example.com,2\n", name="more.csv", query="mode=update")
    contact = Contact.objects.get()
    words = editor.page("crm_contact_history", contact.pk)
    when = formatting.exactly(run.finished_at, tenant.zone)
    assert f"Imported from people.csv , row 2 {when} {editor.user.username}" in words
    assert re.search(rf"Changed by the import of more.csv , row 2 .* API key {api.key.name}", words)
    assert words.index("people.csv") < words.index("more.csv") < words.index("Nobody has changed it by hand.")
    page = editor.get("crm_contact_history", contact.pk).content.decode()
    assert reverse("admin:importexport_importrun_change", args=[run.pk]) in page


def test_the_history_of_a_record_that_no_import_knows(editor, tenant):
    contact = Contact.objects.create(tenant=tenant, first_name="A", last_name="B", email="a@example.com")
    words = editor.page("crm_contact_history", contact.pk)
    assert "No import has added or changed this record." in words
    assert "change history" not in words
