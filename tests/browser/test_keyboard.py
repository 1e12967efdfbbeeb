"""An import without a mouse, using only Tab, Enter and Space."""

from playwright.sync_api import expect

from tests.browser.pages import Wizard, csv_of

#: More stops than any page has before what is looked for.
STOPS = 80
FOCUSED = "() => { const at = document.activeElement; return !at ? '' : at.getAttribute('aria-label') || at.labels?.[0]?.innerText || at.innerText || '' }"


def tab_to(page, name):
    """Press Tab until the element with a name has the focus, which must be visible."""
    page.wait_for_load_state()  # The focus is undefined while a page loads.
    for _ in range(STOPS):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED).strip().endswith(name):  # may follow an icon
            assert page.evaluate("() => document.activeElement.matches(':focus-visible')")
            return
    raise AssertionError(f"Tab does not lead to {name!r}")


def test_an_import_using_only_the_keyboard(editor):
    # From now on, the test is notified instead of opening a file dialog.
    editor.page.on("filechooser", lambda chooser: None)
    page = editor.open("/admin/")
    tab_to(page, "Contacts")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{editor.site.url}/admin/crm/contact/")
    tab_to(page, "Import")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Import contacts from a file")).to_be_visible()

    tab_to(page, "Choose a CSV file or a workbook")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    content = csv_of("first_name,last_name,email", "Mary,Shelley,mary@example.com", "Bram,Stoker,bram")
    chooser.value.set_files({"name": "people.csv", "mimeType": "text/csv", "buffer": content})
    expect(page.get_by_text("people.csv")).to_be_visible()
    tab_to(page, "Check the file")
    page.keyboard.press("Enter")

    wizard = Wizard(page)
    wizard.wait_for("Preview of")
    tab_to(page, "Import 1 contact")
    page.keyboard.press("Space")
    wizard.wait_for("Result of")
    assert editor.emails() == ["mary@example.com"]
    tab_to(page, "Rejected rows as CSV")
    with page.expect_download():
        page.keyboard.press("Enter")
    tab_to(page, "See the 1 contact")
    page.keyboard.press("Enter")
    expect(page.locator("#result_list")).to_contain_text("mary@example.com")


def test_a_contact_is_found_filtered_and_called_using_only_the_keyboard(editor, grave_errors):
    page = editor.open("/admin/crm/contact/add/")
    for label, text in (("First name", "Eva"), ("Last name", "Müller"), ("Country", "Côte d’Ivoire")):
        page.get_by_label(label).fill(text)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{editor.site.url}/admin/crm/contact/")

    tab_to(page, "filter_list")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Country")).to_be_visible()
    assert grave_errors(page) == []
    tab_to(page, "Country")
    page.keyboard.type("cote d’ivoire")
    page.keyboard.press("Enter")
    page.wait_for_url("**country=**")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)

    page.keyboard.press("/")
    page.keyboard.type("uller")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=uller**")
    tab_to(page, "Eva Müller")
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/**")
    tab_to(page, "Log a call")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Subject")).to_be_focused()
    assert grave_errors(page) == []
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/#activity")
    expect(page.locator("#activity tbody tr")).to_contain_text("Call with Eva Müller")
    assert grave_errors(page) == []
