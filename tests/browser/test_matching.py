"""Matching the columns of other programs' and people's files in the browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Wizard, csv_of
from tests.support.workbooks import made
from tests.vendor_files.comparing import VendorFile

HEADER = "Wer;Postfach;Rang;Geändert"


@pytest.fixture
def wizard(editor):
    return Wizard(editor.page)


def test_a_file_that_nobody_knows_becomes_the_right_records(editor, wizard):
    page = wizard.page
    others = [f"Nr {n}" for n in range(20)]
    rows = [f"Person {n};p{n}@example.com;Stammkunde;0{n}/02/2025;{';'.join('x' * 20)}" for n in (1, 2)]
    wizard.choose("contact", csv_of(";".join([HEADER, *others]), *rows), name="wer.csv")
    wizard.wait_for("What are the columns of “wer.csv”?")
    expect(page.locator(".ie-note")).to_contain_text("First name, Last name, Email")

    page.get_by_label("Filter by name or value").fill("Wer")
    expect(page.locator("#filled tbody tr:visible")).to_have_count(1)
    page.get_by_label("Import “Wer” as").select_option("full_name")
    page.get_by_label("Filter by name or value").fill("")
    page.get_by_label("Import “Postfach” as").select_option("email")
    # What was answered outlives a page that is loaded again, as after signing in.
    page.reload()
    expect(page.get_by_label("Import “Wer” as")).to_have_value("full_name")
    page.get_by_label("Import “Rang” as").select_option("lifecycle_stage")
    page.get_by_label("Save this matching").fill("Unsere Liste")
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("alert")).to_contain_text("A column has unknown values.")
    page.get_by_label("Import “Stammkunde” as").select_option("customer")
    page.get_by_role("button", name="Check the file").click()

    wizard.wait_for("Preview of")
    expect(page.get_by_text("saved matching “unsere-liste”.")).to_be_visible()
    wizard.confirm()
    found = "SELECT first_name || '/' || last_name || '/' || lifecycle_stage FROM crm_contact WHERE tenant_id = %s ORDER BY 1"
    assert editor.sql(found, editor.tenant_id) == ["Person/1/customer", "Person/2/customer"]


def test_a_file_of_hubspot_becomes_the_right_records(editor, wizard):
    page = wizard.page
    file = VendorFile("hubspot_contacts")
    page.goto("/admin/crm/contact/import/")
    page.get_by_label("Companies that do not exist yet").select_option("create")
    page.get_by_label("Choose a CSV file").set_input_files(
        {"name": "hubspot.csv", "mimeType": "text/csv", "buffer": file.content}
    )
    page.get_by_role("button", name="Check the file").click()
    wizard.wait_for("Preview of")
    expect(page.get_by_text("Recognised as HubSpot.")).to_be_visible()
    page.get_by_role("link", name="Change the matching of columns").click()
    wizard.wait_for("What are the columns of")
    expect(page.locator("#filled")).to_contain_text("HubSpot: Phone Number")
    page.get_by_label(re.compile("Also import contacts with little information")).check()
    wizard.match()
    wizard.confirm()
    found = "SELECT first_name || '/' || email FROM crm_contact WHERE tenant_id = %s ORDER BY id"
    wanted = [f"{person['first_name']}/{person['email']}" for person in file.expected["expect"]["contacts"]]
    assert editor.sql(found, editor.tenant_id) == wanted


def test_deals_of_pipedrive_become_the_right_records(editor, wizard):
    page = wizard.page
    for entity, name in (("contact", "pipedrive_people"), ("deal", "pipedrive_deals")):
        page.goto(f"/admin/crm/{entity}/import/")
        page.get_by_label("that do not exist yet").select_option("create")
        page.get_by_label("Choose a CSV file").set_input_files(
            {"name": f"{name}.csv", "mimeType": "text/csv", "buffer": VendorFile(name).content}
        )
        page.get_by_role("button", name="Check the file").click()
        if entity == "deal":
            wizard.wait_for("What are the columns of")
            expect(page.get_by_text("Recognised as an export of Pipedrive.")).to_be_visible()
            page.get_by_label("the same name").check()
            page.get_by_role("button", name="Check the file").click()
        wizard.wait_for("Preview of")
        wizard.confirm()
    found = (
        "SELECT d.name || '/' || d.value || '/' || d.currency || '/' || s.name FROM crm_deal d"
        " JOIN crm_stage s ON s.id = d.stage_id WHERE d.tenant_id = %s ORDER BY d.id"
    )
    assert editor.sql(found, editor.tenant_id) == [
        "Alpha deal/1500.00/EUR/Proposal Made", "Beta deal/99.90/EUR/Closed Won", "Beta deal/0.00/USD/Closed Lost"
    ]  # fmt: skip


def test_a_german_workbook_becomes_the_right_records_with_a_cell_changed_in_the_preview(editor, wizard):
    page = wizard.page
    content = made(
        ["Auftrag", "Wert", "Währung", "Abschlussdatum", "Phase"],
        ["Neubau", "1.234,50", "EUR", "15.06.2025", "Angebot"],
        ["Umbau", "99,90", "EURO?", "01.07.2025", "Angebot"],
    )
    wizard.choose("deal", content, name="Aufträge.xlsx")
    wizard.wait_for("What are the columns of “Aufträge.xlsx”?")
    for header, column in (("Auftrag", "name"), ("Währung", "currency"), ("Abschlussdatum", "expected_close_date")):
        page.get_by_label(f"Import “{header}” as").select_option(column)
    page.get_by_label("Import “Angebot” as").select_option("=Proposal")
    page.get_by_role("button", name="Check the file").click()
    wizard.wait_for("Preview of")

    page.locator("td.ie-has-error", has_text="EURO?").locator("label").click()
    page.keyboard.press("Control+A")
    page.keyboard.type("EUR")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Row 3 is fine now.")).to_be_visible()
    page.get_by_role("button", name="Check the file again").click()
    expect(page.get_by_role("button", name="Import 2 deals")).to_be_visible()
    wizard.confirm()
    found = (
        "SELECT d.name || '/' || d.value || '/' || d.currency || '/' || d.expected_close_date || '/' || s.name"
        " FROM crm_deal d JOIN crm_stage s ON s.id = d.stage_id WHERE d.tenant_id = %s ORDER BY d.id"
    )
    assert editor.sql(found, editor.tenant_id) == [
        "Neubau/1234.50/EUR/2025-06-15/Proposal", "Umbau/99.90/EUR/2025-07-01/Proposal"
    ]  # fmt: skip
