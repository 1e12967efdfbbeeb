"""Every page, wide and light, and narrow and dark, has no serious accessibility errors and fits the screen."""

import pytest
from playwright.sync_api import expect

from importexport.api.guides import TITLES
from tests.browser.pages import LONG, Wizard, csv_of, sidebar
from tests.browser.people import ADMIN, SUPERUSER

#: Width and height of the screen, and the scheme: each of both once.
SCREENS = [(1280, 900, "light"), (390, 844, "dark")]
MODELS = ("contact", "company", "deal", "activity")


def width_over(page):
    """Return by how many pixels the page is wider than the screen."""
    return page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.fixture
def errors_of(visitor, grave_errors):
    """A function that checks a page, or the open page, on every screen and returns its errors."""

    def look(address=None):
        page, wrong = visitor.page, []
        if address:
            answer = page.goto(address)
            if answer.status != 200:
                return [f"{address}: status {answer.status}"]
        for width, height, scheme in SCREENS:
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme)
            found = grave_errors(page)
            if excess := width_over(page):
                found.append(f"{excess} pixels too wide")
            wrong += [f"{page.url} {width} {scheme}: {error}" for error in found]
        return wrong

    return look


def assert_none(wrong):
    assert not wrong, "\n".join(wrong)


def test_signing_in(errors_of):
    assert_none(errors_of("/admin/login/"))


def test_pages_of_the_documentation(errors_of):
    assert_none([error for name in [*TITLES, "problems"] for error in errors_of(f"/api/docs/{name}")])


def test_the_page_of_the_api_with_an_open_operation(visitor, grave_errors):
    page = visitor.open("/api/docs")
    page.locator("#operations-contacts-contacts_import .opblock-summary-control").click()
    page.get_by_role("heading", name="Responses").wait_for()
    assert_none(grave_errors(page))
    page.get_by_role("link", name="Admin").click()
    page.wait_for_url("**/admin/login/**")


def test_pages_of_the_sidebar(visitor, errors_of):
    visitor.sign_in(SUPERUSER)
    addresses = sidebar(visitor.open("/admin/"))
    assert_none([error for address in addresses for error in errors_of(address)])


def test_pages_of_a_record(visitor, errors_of):
    visitor.sign_in(ADMIN)
    wrong = []
    for model in MODELS:
        (record,) = visitor.sql(f"SELECT min(id) FROM crm_{model} WHERE tenant_id = %s", visitor.tenant_id)
        wrong += errors_of(f"/admin/crm/{model}/{record}/change/")
    for page in ("add/", f"{record}/delete/", f"{record}/history/", "import/", "import/help/", "export/"):
        wrong += errors_of(f"/admin/crm/{model}/{page}")
    (pipeline,) = visitor.sql("SELECT min(id) FROM crm_pipeline WHERE tenant_id = %s", visitor.tenant_id)
    for page in (f"pipeline/{pipeline}/change/", "membership/add/", "apikey/add/"):
        wrong += errors_of(f"/admin/crm/{page}")
    wrong += errors_of("/admin/importexport/schedule/add/")
    assert_none(wrong)


def test_pages_of_an_import(editor, errors_of):
    wizard = Wizard(editor.page)
    wizard.choose("contact", b"first_name,surname,email\n")
    wizard.wait_for("cannot be imported")
    wrong = errors_of()
    bad = [f"Ada,Lovelace,{n},Acme,prospect,{'x' * 400}" for n in range(60)]
    header = "first_name,last_name,email,company,lifecycle_stage,notes"
    wizard.choose("contact", csv_of(header, "Mary,Shelley,mary@example.com,,,", *bad), name=f"{'long ' * 20}.csv")
    wizard.wait_for("What are the columns of")
    wrong += errors_of()
    wizard.match()
    wrong += errors_of()
    preview = editor.page.url
    wrong += errors_of(editor.page.locator("#rejected th a").first.get_attribute("href"))
    editor.page.goto(preview)
    wizard.confirm()
    wrong += errors_of()
    wrong += errors_of("/admin/importexport/importrun/")
    wrong += errors_of("/admin/importexport/savedmapping/")
    wrong += errors_of("/admin/")
    assert_none(wrong)


def test_pages_of_an_update_chosen_in_the_preview_and_undone(editor, errors_of):
    wizard, page = Wizard(editor.page), editor.page
    header = "first_name,last_name,email,phone,tags"
    wizard.preview("contact", csv_of(header, "Mary,Shelley,mary@example.com,1,old", "Jane,Austen,jane@example.com,1,"))
    wizard.confirm()
    wizard.preview("contact", csv_of(header, "Mary,Shelley,mary@example.com,2,new", "Jane,Austen,jane@example.com,,"))
    page.get_by_text("Change the options").press("Enter")
    page.get_by_label("Add new records and update existing ones").check()
    page.get_by_label("Values of existing records").select_option("clear")
    wrong = errors_of()
    page.get_by_role("button", name="Check again with these options").click()
    button = page.get_by_role("button", name="Update 2 contacts")
    expect(button).to_be_visible(timeout=LONG)
    expect(page.get_by_text("1 value cleared, 1 tag lost.")).to_be_visible()
    wrong += errors_of()
    button.click()
    wizard.wait_for("Result of")
    page.get_by_role("button", name="Undo…").click()
    wizard.wait_for("Undo “file.csv”?")
    page.get_by_role("button", name="Undo the import").click()
    wizard.wait_for("was undone")
    page.get_by_role("link", name="View the import").click()
    expect(page.get_by_text("This import was undone.")).to_be_visible()
    assert_none(wrong + errors_of())
