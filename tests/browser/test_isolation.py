"""Users can neither access other tenants' records nor exceed their role."""

from urllib.parse import urlencode

from playwright.sync_api import expect

from tests.browser.pages import Wizard, csv_of
from tests.browser.people import ADMIN, SECRET_COMPANY, SECRET_CONTACT, SECRET_DEAL, SUPERUSER, VIEWER

SECRETS = {"contact": SECRET_CONTACT.split()[1], "company": SECRET_COMPANY, "deal": SECRET_DEAL}


def secret_id(visitor, model):
    """The id of a record of Globex."""
    statement = f"SELECT r.id FROM crm_{model} r JOIN crm_tenant t ON t.id = r.tenant_id WHERE t.slug = 'globex'"
    return visitor.sql(statement)[0]


def test_another_tenants_records_are_not_found(visitor):
    visitor.sign_in(ADMIN)
    visitor.watch.expect("status of 404")
    for model, secret in SECRETS.items():
        page = visitor.open(f"/admin/crm/{model}/?{urlencode({'q': secret})}")
        expect(page.locator("#result_list tbody tr")).to_have_count(0)
        for action in ("change", "delete", "history"):
            page = visitor.open(f"/admin/crm/{model}/{secret_id(visitor, model)}/{action}/")
            assert secret not in page.content()
        column = "last_name" if model == "contact" else "name"
        file = f"/admin/crm/{model}/export/file/?format=csv&rows=all&columns={column}"
        answer = visitor.context.request.get(file)
        assert answer.ok
        assert secret not in answer.text()


def test_another_tenants_import_is_not_found(editor):
    wizard = Wizard(editor.page)
    wizard.preview("contact", csv_of("first_name,last_name,email", "Mary,Shelley,mary@example.com", "A,B,bad"))
    address = editor.page.url
    wizard.confirm()
    editor.sign_in(ADMIN)
    editor.watch.expect("status of 404")
    assert editor.page.goto(address).status == 404
    run = address.removesuffix("/change/").removesuffix("/")
    assert editor.context.request.get(f"{run}/rejected/").status == 404
    assert editor.context.request.get(f"{run}/progress/").status == 404


def test_a_viewer_can_only_view(visitor):
    visitor.sign_in(VIEWER)
    page = visitor.open("/admin/crm/contact/")
    expect(page.get_by_role("link", name="Export", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Import", exact=True)).to_have_count(0)
    visitor.watch.expect("status of 403")
    assert page.goto("/admin/crm/contact/import/").status == 403
    assert page.goto("/admin/crm/contact/add/").status == 403


def test_a_superusers_choice_of_tenant_is_kept(visitor):
    visitor.sign_in(SUPERUSER)
    page = visitor.open("/admin/crm/company/")
    page.get_by_label("Account").select_option(label="Globex")
    expect(page.get_by_text("You now see Globex.")).to_be_visible()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    expect(page.locator("#result_list")).to_contain_text(SECRET_COMPANY)
    page = visitor.open("/admin/crm/contact/")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
