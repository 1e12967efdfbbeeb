from playwright.sync_api import expect

from tests.browser.people import EDITOR, PASSWORD


def test_staff_can_sign_in_see_the_dashboard_and_sign_out(visitor):
    page = visitor.open("/admin/")
    page.get_by_label("Username").fill(EDITOR.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{visitor.site.url}/admin/")
    page.locator("[aria-controls='user-links']").click()
    page.locator("form[action$='/logout/'] button").click()
    visitor.open("/admin/")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_wrong_password_has_an_error_message(visitor):
    page = visitor.open("/admin/login/")
    page.get_by_label("Username").fill(EDITOR.username)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Please enter the correct username and password")).to_be_visible()
