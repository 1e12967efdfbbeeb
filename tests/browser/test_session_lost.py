"""A session that ends while somebody types."""

from playwright.sync_api import expect

from tests.browser.people import PASSWORD


def test_a_typed_form_survives_signing_in_again(editor, grave_errors):
    page = editor.open("/admin/crm/contact/add/")
    page.get_by_label("First name").fill("Zoë")
    page.get_by_label("Last name").fill("Heller")
    page.get_by_label("Email").fill("zoe@example.com")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("what you have typed is kept")).to_be_visible()
    page.get_by_label("Username").fill(editor.staff.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="What you typed is kept")).to_be_visible()
    assert editor.emails() == []
    assert grave_errors(page) == []
    page.get_by_role("button", name="Send it now").click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    assert editor.emails() == ["zoe@example.com"]
