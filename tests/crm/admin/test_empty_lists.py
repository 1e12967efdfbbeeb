"""What lists say when they are empty, and the next step that they offer."""

import html

import pytest
from django.urls import reverse

from crm.models import Contact
from tests.support.staff import Staff


@pytest.fixture
def editor(tenant):
    return Staff(tenant, "editor")


def empty(staff, view, **query):
    """Return the title, text and buttons of an empty list."""
    response = staff.get(f"{view}_changelist", **query)
    assert response.status_code == 200
    found = response.context["cl"].empty
    page = html.unescape(response.content.decode())
    assert all(str(text) in page for text in (found.title, found.text))
    return str(found.title), str(found.text), [(str(step.label), step.address) for step in found.steps]


@pytest.mark.parametrize(
    ("model", "records"),
    [("contact", "contacts"), ("company", "companies"), ("deal", "deals"), ("activity", "activities")],
)
def test_an_empty_list_of_records_leads_to_an_import_or_the_first_record(editor, model, records):
    title, text, steps = empty(editor, f"crm_{model}")
    assert title == f"No {records} yet"
    assert "mport" in text
    assert steps == [
        ("Import a file", reverse(f"admin:crm_{model}_import")),
        (f"Add {model}", reverse(f"admin:crm_{model}_add")),
    ]


def test_an_empty_list_offers_nothing_to_those_who_may_only_look(tenant):
    assert empty(Staff(tenant, "viewer"), "crm_contact") == ("No contacts yet", "", [])


def test_an_empty_list_of_imports_asks_what_to_import(editor):
    title, text, steps = empty(editor, "importexport_importrun")
    assert title == "No imports yet"
    assert "What do you want to import?" in text
    assert [label for label, _ in steps] == ["Companies", "Contacts", "Deals", "Activities"]


@pytest.mark.parametrize("view", ["importexport_webhook", "crm_apikey"])
def test_other_empty_lists_say_what_they_are_for(tenant, view):
    _, text, steps = empty(Staff(tenant, "admin"), view)
    assert "another program" in text
    assert len(steps) == 1


def test_a_search_without_results_repeats_what_was_searched(editor, tenant):
    Contact.objects.create(tenant=tenant, first_name="Ada", last_name="King", email="ada@x.example")
    assert empty(editor, "crm_contact", q="zz") == (
        "No contacts match “zz”",
        "Check the spelling, or search for a shorter text.",
        [("Show all contacts", "?")],
    )
    _, _, steps = empty(editor, "crm_contact", q="a & b", lifecycle_stage__exact="customer")
    assert steps == [("Search without the filters", "?q=a+%26+b"), ("Show all contacts", "?")]


def test_filters_without_results_lead_back_to_all(editor):
    title, _, steps = empty(editor, "crm_contact", lifecycle_stage__exact="customer")
    assert (title, steps) == ("No contacts match these filters", [("Show all contacts", "?")])


def test_the_imports_page_offers_the_four_kinds_of_files(editor, tenant):
    page = editor.page("importexport_importrun_changelist")
    assert "Import apartment Companies person Contacts handshake Deals event_note Activities" in page
    assert "Companies person" not in Staff(tenant, "viewer").page("importexport_importrun_changelist")
