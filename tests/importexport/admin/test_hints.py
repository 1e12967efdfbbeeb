"""What the pages say may be meant: columns, and names that would be created; and the text that clears."""

import re

from crm.models import Company, Contact
from importexport.models import ImportRun
from tests.support.api import Api
from tests.support.staff import words_of

HEADER = "first_name,last_name,email,company_name\r\n"


def test_a_preview_says_which_columns_may_be_meant(editor):
    run = editor.check("first_name,Nick,last_name,email,phne\r\nA,x,B,a@example.com,1\r\n")
    words = editor.run_page(run)
    assert "“ phne ” is not a known column: its one filled cell is ignored. Did you mean phone ?" in words
    assert "“ Nick ” is not a known column: its one filled cell is ignored. Did you mean" not in words


def test_a_failed_file_says_which_columns_may_be_meant(admin_of_tenant, tenant):
    Api(tenant).post_file("contacts", "Vorname,last_name,email\r\nA,B,a@example.com\r\n", to="plan")
    words = admin_of_tenant.run_page(ImportRun.objects.get())
    assert "'Vorname' may be meant for 'first_name'." in words
    assert "“ Vorname ” is not a column. Did you mean first_name ?" in words


def test_a_preview_names_new_companies_that_resemble_existing_ones(editor, tenant):
    Company.objects.create(tenant=tenant, name="Acme Limited")
    content = HEADER + "A,B,a@example.com,Acme Limitd\r\nA,B,b@example.com,Zebra\r\n"
    words = editor.run_page(editor.check(content, missing="create"))
    assert "Row 2: Company 'Acme Limitd' is new (did you mean 'Acme Limited'?)" in words
    assert "'Zebra' is new" not in words


def test_without_such_names_there_is_no_list_of_them(editor):
    words = editor.run_page(editor.check(HEADER + "A,B,a@example.com,Zebra\r\n", missing="create"))
    assert "resemble existing ones" not in words


# --- the text that clears -------------------------------------------------------------------------------------


def test_the_form_takes_the_text_that_clears(editor, tenant):
    Contact.objects.create(tenant=tenant, first_name="A", last_name="B", email="a@example.com", phone="1")
    run = editor.check("email,phone\r\na@example.com,[clear]\r\n", mode="update", clear_marker=" [clear] ")
    assert run.options["clear_marker"] == "[clear]"
    assert "Text that clears a value [clear]" in editor.run_page(run)
    editor.confirm(run)
    assert Contact.objects.get().phone == ""


def test_a_form_with_that_text_left_blank_has_none(editor):
    run = editor.check("email\r\na@example.com\r\n", mode="update", clear_marker="  ")
    assert "clear_marker" not in run.options


def test_a_form_that_only_adds_records_passes_it_over(editor):
    run = editor.check(HEADER, mode="create", clear_marker="[clear]")
    assert "clear_marker" not in run.options


def test_a_text_that_no_cell_could_be_is_told_and_stays_in_the_form(editor):
    response = editor.bring("email\r\na@example.com\r\n", mode="update", clear_marker="#N/A")
    assert "cannot be '#N/A': rows with a spreadsheet error value are always rejected." in words_of(response)
    assert re.search(r'name="clear_marker"[^>]* value="#N/A" maxlength="20"', response.content.decode())
    assert not ImportRun.objects.exists()


def test_the_form_explains_the_text(editor):
    words = words_of(editor.get("crm_contact_import"))
    assert "A cell with exactly this text clears the existing value" in words
    assert "#N/A" not in words
