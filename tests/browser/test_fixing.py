"""Changing a file in its preview."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Wizard, csv_of

FILE = csv_of(
    "first_name,last_name,email,company_name,lifecycle_stage",
    "Mary,Shelley,mary@example.com,,lead",
    "Bram,Stoker,not-an-email,,lead",
    "Jane,Austen,jane@example.com,Acme Ltd,lead",
    "Emily,Brontë,emily@example.com,Acme Ltd,lead",
    ",Twain,mark@example.com,,lead",
)
PENDING = "[data-pending]"


@pytest.fixture
def wizard(editor):
    return Wizard(editor.page)


def test_cells_and_groups_are_changed_checked_again_and_imported(editor, wizard):
    page = editor.page
    wizard.preview("contact", FILE, name="people.csv")
    expect(page.locator(PENDING)).to_be_hidden()
    page.locator("td.ie-has-error", has_text="not-an-email").locator("label").click()
    page.keyboard.press("Control+A")
    page.keyboard.type("bram@example.com")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Row 3 is fine now.")).to_be_visible()
    expect(page.locator(PENDING)).to_contain_text("1 change since the file was checked.")
    expect(page.get_by_role("button", name="Import 1 contact")).to_be_hidden()

    page.get_by_text("Fix all 2 rows at once").press("Enter")
    page.get_by_role("button", name="Create this company").press("Enter")
    expect(page.get_by_text("The company “Acme Ltd” will be created.")).to_be_visible()
    page.get_by_role("link", name="6", exact=True).click()
    page.get_by_label("first_name").fill("Mark")
    page.get_by_role("button", name="Save and check this row").click()
    expect(page.get_by_text("Row 6 is fine now.")).to_be_visible()
    page.get_by_role("link", name="Back to the preview").click()
    expect(page.locator(".ie-made li")).to_have_count(3)
    page.locator(".ie-made li", has_text="Row 6").get_by_role("button", name="Take back").click()
    page.get_by_role("button", name="Check the file again").click()
    expect(page.get_by_role("button", name="Import 4 contacts")).to_be_visible()
    wizard.confirm()
    assert editor.emails() == ["bram@example.com", "emily@example.com", "jane@example.com", "mary@example.com"]
    expect(page.locator("#changes")).to_contain_text("not-an-email")


def test_what_is_typed_survives_the_end_of_the_session(editor, wizard):
    page = editor.page
    wizard.preview("contact", FILE)
    editor.watch.expect("403")
    cookies = editor.context.cookies()
    editor.context.clear_cookies()
    page.get_by_label("email in row 3").fill("bram@example.com")
    page.keyboard.press("Tab")
    expect(page.get_by_text("You have been signed out.")).to_be_visible()
    # In another tab, with another token: Django gives each session its own.
    token = next(cookie for cookie in cookies if cookie["name"] == "csrftoken")
    editor.context.add_cookies([*cookies, {**token, "value": re.sub(".", "a", token["value"])}])
    page.get_by_role("row", name=re.compile("not-an-email")).get_by_role("button", name="Save").click()
    expect(page.get_by_text("Row 3 is fine now.")).to_be_visible()
