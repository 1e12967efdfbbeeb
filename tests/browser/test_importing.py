"""Importing in the browser."""

from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Wizard, csv_of
from tests.support.waiting import moments

HEADER = "first_name,last_name,Email,company_name,phne,lifecycle_stage"
MIXED = csv_of(
    HEADER,
    "Mary,Shelley,mary@example.com,,1,lead",
    "Bram,Stoker,not-an-email,,2,lead",
    "Jane,Austen,jane@example.com,Acme Ltd,3,lead",
    "Emily,Brontë,emily@example.com,,4,Customer",
    ",Twain,mark@example.com,Acme Ltd,5,prospect",
)
REJECTED = csv_of(
    f"{HEADER},import_row,import_error",
    "Bram,Stoker,not-an-email,,2,lead,3,Row 3: Invalid email format 'not-an-email'",
    "Jane,Austen,jane@example.com,Acme Ltd,3,lead,4,Row 4: Company 'Acme Ltd' not found",
    ",Twain,mark@example.com,Acme Ltd,5,prospect,6,\"Row 6: Required field 'first_name' is empty; "
    "Company 'Acme Ltd' not found\"",
).decode()


@pytest.fixture
def wizard(editor):
    return Wizard(editor.page)


def test_good_rows_are_imported_and_bad_ones_can_be_corrected(editor, wizard):
    page = editor.open("/admin/crm/contact/")
    page.get_by_role("link", name="Import", exact=True).click()
    page.get_by_label("Choose a CSV file").set_input_files(
        {"name": "people.csv", "mimeType": "text/csv", "buffer": MIXED}
    )
    page.get_by_role("button", name="Check the file").click()

    expect(page.locator("#filled")).to_contain_text("Unknown. Did you mean Phone?")
    wizard.match()
    assert wizard.figures == ["5", "2", "3"]
    assert editor.emails() == []
    expect(page.get_by_role("table", name="as they will be stored")).to_contain_text("customer")
    expect(page.locator(".ie-groups li").first).to_contain_text("Company 'Acme Ltd' not found")
    expect(page.locator(".ie-groups li").first).to_contain_text("2 rows")
    expect(wizard.rejected_rows).to_have_count(3)
    expect(wizard.rejected_rows.first.locator(".ie-has-error")).to_contain_text("not-an-email")

    page.locator(".ie-groups a").first.click()
    expect(wizard.rejected_rows).to_have_count(2)

    wizard.confirm()
    assert wizard.figures == ["5", "2", "3"]
    assert editor.emails() == ["emily@example.com", "mary@example.com"]
    rejected = wizard.download("Rejected rows as CSV")
    assert rejected.replace("\r\n", "\n") == REJECTED

    result = page.url
    page.get_by_role("link", name="See the 2 contacts").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
    page.goto(result)
    page.get_by_role("link", name="Import the corrected file").click()
    corrected = rejected.replace("not-an-email", "bram@example.com").replace("Acme Ltd", "").replace("prospect", "")
    wizard.preview("contact", corrected.replace("\n,Twain", "\nMark,Twain").encode(), name="corrected.csv")
    assert wizard.figures == ["3", "3", "0"]
    wizard.confirm()
    assert len(editor.emails()) == 5


def test_a_discarded_preview_leaves_nothing(editor, wizard):
    wizard.choose("contact", MIXED)
    wizard.match()
    wizard.page.get_by_role("button", name="Discard").click()
    expect(wizard.page.get_by_text("was discarded. Nothing was imported.")).to_be_visible()
    assert editor.emails() == []
    assert editor.sql("SELECT count(*) FROM importexport_importrun WHERE tenant_id = %s", editor.tenant_id) == [0]


def test_a_failed_file_is_shown_with_the_reason(wizard):
    wizard.choose("contact", b'first_name,last_name,Email\nMary,"Shelley,mary@example.com\n')
    wizard.wait_for("cannot be imported")
    expect(wizard.page.get_by_role("alert")).to_contain_text("Broken quoting in row 2")


def test_a_file_that_is_too_large_is_not_uploaded(editor, tmp_path):
    file = tmp_path / "large.csv"
    with file.open("wb") as output:
        output.truncate(10 * 1024 * 1024 + 1)
    page = editor.open("/admin/crm/contact/import/")
    page.get_by_label("Choose a CSV file").set_input_files(file)
    expect(page.get_by_role("alert")).to_contain_text("too large")


def test_progress_is_shown_for_100_000_rows_and_the_page_can_be_closed(editor, wizard):
    rows = "".join(f"Ada,Lovelace,a{n}@example.com\n" for n in range(100_000))
    wizard.preview("contact", f"first_name,last_name,email\n{rows}".encode(), name="many.csv")
    assert wizard.figures == ["100,000", "100,000", "0"]
    wizard.page.get_by_role("button", name="Import 100,000 contacts").click()
    wizard.wait_for("is being imported")
    address = wizard.page.url

    seen = [0]
    for _ in moments():
        with held_still(editor) as percent:
            expect(wizard.page.locator("progress")).to_have_js_property("value", percent)
        if percent > seen[-1]:
            seen.append(percent)
        if len(seen) == 4:
            break
    assert len(seen) == 4, seen
    with held_still(editor) as percent:
        wizard.page.close()
        editor.page = editor.context.new_page()
        again = Wizard(editor.open(address))
        again.wait_for("“many.csv” is being imported")
        expect(again.page.locator("progress")).to_have_js_property("value", percent)
    again.wait_for("Result of")
    assert again.figures == ["100,000", "100,000", "0"]
    assert len(editor.emails()) == 100_000


def test_the_page_waits_for_an_unavailable_database_and_the_import_resumes(editor, wizard):
    rows = "".join(f"Ada,Lovelace,a{n}@example.com\n" for n in range(100_000))
    wizard.preview("contact", f"first_name,last_name,email\n{rows}".encode(), name="many.csv")
    wizard.page.get_by_role("button", name="Import 100,000 contacts").click()
    wizard.wait_for("is being imported")
    editor.watch.expect("503")
    with editor.site.away():
        expect(wizard.page.get_by_text("Connection lost. Retrying…")).to_be_visible()
    wizard.wait_for("Result of")
    assert wizard.figures == ["100,000", "100,000", "0"]
    assert len(editor.emails()) == 100_000


@contextmanager
def held_still(visitor):
    """Block the tenant's import by locking the row of its progress; yield the progress in per cent."""
    with visitor.site.connect() as connection, connection.transaction():
        statement = "SELECT rows_done FROM importexport_importrun WHERE tenant_id = %s FOR UPDATE"
        (rows,) = connection.execute(statement, [visitor.tenant_id]).fetchone()
        yield round(rows / 1000)
