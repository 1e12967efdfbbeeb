"""Swagger UI's *Try it out*: it sends every default of the description."""

import pytest
from playwright.sync_api import expect

from tests.browser.pages import csv_of
from tests.support.real import RealTenant

PEOPLE = csv_of("first_name,last_name,email", "Ada,Lovelace,ada@swagger.example")


@pytest.fixture
def tenant(site):
    return RealTenant(site)


@pytest.fixture
def operation(visitor, tenant):
    """A function that opens an operation, ready to be tried."""
    page = visitor.open("/api/docs")
    page.get_by_role("button", name="Authorize").click()
    page.get_by_label("Value:").fill(tenant.secret)
    page.get_by_label("Apply credentials").click()
    page.get_by_role("button", name="Close").click()

    def open_operation(name):
        opened = page.locator(f"#operations-{name}")
        opened.locator(".opblock-summary-control").click()
        opened.get_by_role("button", name="Try it out").click()
        return opened

    return open_operation


def status(operation):
    """Press Execute; return the status of the response."""
    operation.get_by_role("button", name="Execute").click()
    shown = operation.locator(".live-responses-table tbody .response-col_status")
    expect(shown).to_be_visible()
    found = shown.inner_text().strip()
    # What is open is drawn again with everything that happens on the page.
    operation.locator(".opblock-summary-control").click()
    return found


def test_a_file_needs_no_more_than_to_be_chosen_and_what_is_read_nothing(operation, tenant):
    for name, expected, stored in (("plan", "201", 0), ("import", "200", 1)):
        opened = operation(f"contacts-contacts_{name}")
        file = {"name": "people.csv", "mimeType": "text/csv", "buffer": PEOPLE}
        opened.locator("input[type=file]").set_input_files(file)
        assert (status(opened), tenant.count("contact")) == (expected, stored)
    for name in (
        "contacts-contacts_export_csv", "contacts-contacts_template", "imports-imports_list", "key-me_show"
    ):  # fmt: skip
        assert status(operation(name)) == "200", name


def test_what_is_tried_fits_a_phone(operation, visitor):
    visitor.page.set_viewport_size({"width": 375, "height": 800})
    operation("contacts-contacts_import")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") == 375
