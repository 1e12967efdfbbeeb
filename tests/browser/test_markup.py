"""Markup in names is shown as text and never executed."""

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Wizard, csv_of, sidebar
from tests.browser.people import BRACES, IMAGE, MARKED_UP, SCRIPT

MODELS = ("contact", "company", "deal", "activity")
#: Elements and addresses that only come of a name that was taken for markup.
PLANTED = 'img[src="x"], [onerror], [onmouseover], a[href^="javascript:" i]'


@pytest.fixture
def marked_up(visitor):
    visitor.sign_in(MARKED_UP)
    return visitor


def check(page):
    """Check that no name has become part of the page, and that braces are not a template."""
    assert page.locator(PLANTED).count() == 0, page.url
    assert page.locator("script:not([src])").filter(has_text="alert(").count() == 0, page.url
    assert "$49" not in page.locator("body").inner_text(), page.url


def test_lists_charts_and_titles_show_markup_as_text(marked_up):
    page = marked_up.open("/admin/")
    for address in sidebar(page):
        page.goto(address)
        check(page)
        if address.rstrip("/").endswith(MODELS):
            expect(page.locator("#result_list")).to_contain_text(IMAGE)
            expect(page.locator("#result_list")).to_contain_text(SCRIPT)
    page.goto("/admin/")
    expect(page.get_by_text(f"{IMAGE} {BRACES}").first).to_be_visible()
    page.goto("/admin/importexport/schedule/")
    expect(page.locator("#result_list")).to_contain_text(IMAGE)
    page.goto("/admin/crm/apikey/")
    expect(page.get_by_text(IMAGE).first).to_be_visible()


@pytest.mark.parametrize("model", MODELS)
def test_a_records_pages_and_messages_show_markup_as_text(marked_up, model):
    page = marked_up.open(f"/admin/crm/{model}/")
    (record,) = marked_up.sql(f"SELECT max(id) FROM crm_{model} WHERE tenant_id = %s", marked_up.tenant_id)
    for action in ("history", "delete", "change"):
        page.goto(f"/admin/crm/{model}/{record}/{action}/")
        expect(page.get_by_text(SCRIPT).first).to_be_attached()
        check(page)
    assert SCRIPT in page.title()
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(f"**/{model}/")
    expect(page.get_by_text("successfully")).to_contain_text(SCRIPT)
    check(page)


def test_a_files_name_header_and_cells_are_shown_as_text(marked_up):
    wizard, page = Wizard(marked_up.page), marked_up.page
    content = csv_of(
        f'first_name,last_name,email,company_name,{IMAGE},"""><script>alert(2)</script>"',
        f"{IMAGE},{BRACES},new@example.com,,,",
        f"{IMAGE},{IMAGE},{IMAGE},{IMAGE},{IMAGE},{IMAGE}",
        '"""><script>alert(2)</script>",x,b@example.com,"""><script>alert(2)</script> Inc",,',
    )
    wizard.choose("contact", content, name=f"{IMAGE}.csv")
    wizard.wait_for("onerror=alert(1)>.csv")
    expect(page.get_by_text(IMAGE, exact=True).first).to_be_visible()
    check(page)
    wizard.match()
    expect(page.locator("h2.ie-title")).to_contain_text("onerror=alert(1)>.csv")
    for text in (f"Company '{IMAGE}' not found", f"Invalid email format '{IMAGE}'"):
        expect(page.get_by_text(text).first).to_be_visible()
    check(page)
    wizard.confirm()
    check(page)
    page.get_by_role("link", name="See the").click()
    expect(page.locator("#result_list")).to_contain_text("new@example.com")
    check(page)
    page.goto("/admin/importexport/importrun/")
    expect(page.get_by_text("onerror=alert(1)>.csv").first).to_be_visible()
    check(page)
    page.goto("/admin/")
    check(page)
