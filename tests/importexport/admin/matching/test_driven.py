"""Files of other programs and people, from the upload to the right records."""

import pytest

from crm.models import Contact, Deal
from importexport.admin.matching.answers import column_field, value_field
from importexport.models import ImportRun
from tests.support.api import Api
from tests.support.staff import words_of
from tests.support.workbooks import made
from tests.vendor_files.comparing import VendorFile, differences, records


@pytest.fixture
def page(editor):
    """A function that returns the words of the Match page of a run."""
    return lambda run: editor.page("importexport_importrun_match", run.pk)


def test_a_file_of_hubspot_goes_straight_to_the_preview_and_can_be_matched_otherwise(editor, tenant):
    file = VendorFile("hubspot_contacts")
    run = editor.check(file.content, name="hubspot.csv", missing="create")
    words = editor.run_page(run)
    assert "Recognised as HubSpot. Change the matching of columns" in words
    assert run.skipped == 3

    run = editor.match(run, incomplete="accept")
    assert (run.status, run.skipped) == ("planned", 0)
    editor.confirm(run)
    # A marketing qualified lead is qualified, as the contract says.
    wanted = file.expected["expect"]["contacts"]
    wanted[0]["lifecycle_stage"] = "qualified"
    assert list(differences(wanted, records(Api(tenant), "contacts"))) == []


def test_a_file_of_pipedrive_asks_for_what_it_alone_has(editor, tenant, page):
    people, deals = VendorFile("pipedrive_people"), VendorFile("pipedrive_deals")
    editor.confirm(editor.match(editor.check(people.content, missing="create"), incomplete="accept"))
    run = editor.brought(deals.content, name="deals.csv", model="deal", missing="create")
    assert run.status == "matching"
    words = page(run)
    assert "Recognised as an export of Pipedrive." in words
    assert "One column is unknown." in words
    assert "Pipedrive: Deal - Title" in words
    assert "Proposal Made 1 × Create it" in words

    run = editor.match(run, **{column_field("Deal - Is Agency?"): "-"}, duplicates="keep")
    editor.confirm(run)
    found = records(Api(tenant), "deals")
    wanted = deals.expected["expect"]["deals"]
    assert [name for name, *_ in map(dict.values, found)] == [deal["name"] for deal in wanted]
    # A new stage gets the probability of the pipeline's first stage.
    assert [n for n, _ in differences(wanted, found)] == [0]
    assert Deal.objects.get(external_id="33").stage.name == "Closed Lost"


def test_a_german_workbook_is_read_as_it_was_meant(editor, page):
    rows = [
        ["Auftrag", "Wert", "Währung", "Abschlussdatum", "Phase"],
        ["Neubau", "1.234,50", "EUR", "15.06.2025", "Angebot"],
        ["Umbau", "99,90", "EUR", "01.07.2025", "Angebot"],
    ]
    run = editor.brought(made(*rows), name="Aufträge.xlsx", model="deal")
    words = page(run)
    assert "Angebot 2 × Leave as it is: its rows would be rejected" in words
    answers = {
        column_field("Auftrag"): "name",
        column_field("Abschlussdatum"): "expected_close_date",
        column_field("Währung"): "currency",
        value_field("stage_name", "Angebot"): "=Proposal",
    }
    editor.confirm(editor.match(run, **answers))
    found = Deal.objects.order_by("id").values_list("name", "value", "expected_close_date", "stage__name")
    assert [(name, str(value), str(date), stage) for name, value, date, stage in found] == [
        ("Neubau", "1234.50", "2025-06-15", "Proposal"),
        ("Umbau", "99.90", "2025-07-01", "Proposal"),
    ]


def test_a_file_that_nobody_knows_is_matched_by_hand_and_the_next_one_by_itself(editor, page):
    head = "Wer;Postfach;Rang;Egal\r\n"
    rows = "Ada van der Example;ada@example.com;Stammkunde;1\r\nEva Sample;eva;Stammkunde;3\r\n"
    run = editor.brought(head + rows, name="wer.csv")
    words = page(run)
    assert (
        "New records need these columns, but no columns of the file provide them: First name, Last name, Email."
        in words
    )
    assert "4 columns are unknown. Say what they are, or leave them out." in words
    answers = {
        column_field("Wer"): "full_name",
        column_field("Postfach"): "email",
        column_field("Rang"): "lifecycle_stage",
        column_field("Egal"): "-",
    }
    # Only now is it known that the column has values to be matched.
    words = words_of(editor.post("importexport_importrun_match", run.pk, **answers, groups=""))
    assert "A column has unknown values. Say what they mean, or continue without them." in words
    assert "Stammkunde 2 × Leave as it is: its rows would be rejected" in words
    answers |= {value_field("lifecycle_stage", "Stammkunde"): "=customer", "groups": "lifecycle_stage"}
    run = editor.match(run, **answers, save_as="Unsere Liste")
    assert "saved matching “unsere-liste”" in editor.run_page(run)
    editor.confirm(run)

    response = editor.get("importexport_importrun_rejected", run.pk)
    corrected = b"".join(response.streaming_content).decode().replace(";eva;", ";eva@example.com;")
    repair = editor.brought(corrected, name="corrected.csv")
    assert (repair.status, repair.options["mapping"]) == ("planning", run.options["mapping"])
    editor.post("importexport_importrun_discard", repair.pk)

    run = editor.check(head + "Bo Sample;bo@example.com;Stammkunde;2\r\n", name="next.csv")
    assert (run.status, run.imported, run.options["saved_mapping"]) == ("planned", 1, "unsere-liste")
    editor.confirm(run)
    found = Contact.objects.order_by("id").values_list("first_name", "last_name", "email", "lifecycle_stage")
    assert list(found) == [
        ("Ada", "van der Example", "ada@example.com", "customer"),
        ("Bo", "Sample", "bo@example.com", "customer"),
    ]
    assert ImportRun.objects.filter(status="done").count() == 2
