"""Staff see and change only their own tenant, whatever URL they try."""

import json

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.urls import URLPattern, reverse

from crm.models import Activity, Company, Contact, Deal, Membership, Pipeline, Stage
from importexport.models import ImportRun

RECORDS = [Company, Contact, Deal, Activity]
#: What an address of the admin may have in it; a new kind must be added here, for it is to be tried.
KNOWN = {
    *("object_id", "key_id", "run_id", "webhook_id", "schedule_id", "pk", "id", "content_type_id", "url", "app_label"),
    *("path", "number"),
}


def addresses():
    """Return every URL of the admin for a record: its model, and the pattern with its parameters."""
    found = []
    for model, model_admin in admin.site._registry.items():
        prefix = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for pattern in model_admin.urls[0] if isinstance(model_admin.urls, tuple) else model_admin.urls:
            assert isinstance(pattern, URLPattern)
            if names := set(pattern.pattern.converters):
                assert names <= KNOWN, f"{pattern}: add it to KNOWN, and see that it is tried"
                found.append((model, prefix, pattern))
    return found


def tried(model, prefix, pattern, place):
    route = str(pattern.pattern)
    for name, converter in pattern.pattern.converters.items():
        kind = type(converter).__name__.removesuffix("Converter").lower()
        for piece in (f"<{kind}:{name}>", f"<{name}>"):
            route = route.replace(piece, str(place.records[model].pk))
    return prefix + route


def all_data():
    """Return all rows of all our tables."""
    names = [
        name
        for name in connection.introspection.table_names()
        if name.startswith(("crm_", "importexport_", "auth_user"))
    ]
    with connection.cursor() as cursor:
        found = {}
        for name in names:
            cursor.execute(f"SELECT t::text FROM {name} t ORDER BY 1")
            found[name] = cursor.fetchall()
    return found


@pytest.mark.parametrize("role", Membership.Role.values)
def test_no_url_shows_or_changes_another_tenants_records(acme, globex, role):
    client = acme.client(role)
    before = all_data()
    count = 0
    for model, prefix, pattern in addresses():
        if model not in globex.records:
            continue
        address = tried(model, prefix, pattern, globex)
        for method in ("get", "post"):
            answer = getattr(client, method)(address, {"post": "yes", "_save": "1"} if method == "post" else {})
            text = b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()
            assert answer.status_code in {302, 403, 404, 405}, (method, address, answer.status_code)
            assert "globex" not in text.lower().replace("globex.csv", "") or answer.status_code == 302, (
                method,
                address,
            )
            count += 1
    assert count > 60
    assert all_data() == before


def test_lists_show_only_the_users_tenant(acme, globex):
    client = acme.client("admin")
    for model in globex.records:
        if model in admin.site._registry and model not in {User, type(globex.tenant)}:
            page = client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
            assert page.status_code == 200, model
            assert "globex" not in page.content.decode().lower(), model


def test_search_finds_only_the_tenants_records(acme, globex):
    client = acme.client("viewer")
    page = client.get("/admin/crm/contact/", {"q": "ada"}).content.decode()
    assert "ada@acme.example" in page
    assert "globex" not in page


@pytest.mark.parametrize("model", [Company, Contact, Deal])
def test_autocomplete_offers_only_the_tenants_records(acme, globex, model):
    field = model._meta.model_name
    query = {"app_label": "crm", "model_name": "activity", "field_name": field, "term": ""}
    answer = json.loads(acme.client("editor").get("/admin/autocomplete/", query).content)
    assert [result["id"] for result in answer["results"]] == [str(acme.records[model].pk)]


def test_filters_by_another_tenants_record_find_nothing(acme, globex):
    client = acme.client("editor")
    company = globex.records[Company]
    assert "globex" not in client.get("/admin/crm/contact/", {"company__id__exact": company.pk}).content.decode()
    run = globex.records[ImportRun]
    page = client.get("/admin/crm/contact/", {"run": str(run.pk)})
    assert page.status_code == 200
    assert "globex" not in page.content.decode()
    assert "ada@acme.example" not in page.content.decode()


def test_bulk_actions_affect_only_the_tenants_records(acme, globex):
    victim = globex.records[Contact]
    data = {"action": "delete_selected", "_selected_action": [victim.pk], "post": "yes"}
    acme.client("admin").post("/admin/crm/contact/", data)
    assert Contact.objects.filter(pk=victim.pk).exists()


def test_a_reference_to_another_tenants_record_is_a_form_error(acme, globex):
    contact, company = acme.records[Contact], globex.records[Company]
    data = contact_form(company=company.pk)
    page = acme.client("editor").post(f"/admin/crm/contact/{contact.pk}/change/", data)
    assert page.status_code == 200
    assert "company" in page.context["adminform"].form.errors
    contact.refresh_from_db()
    assert contact.company == acme.records[Company]


def test_a_new_record_belongs_to_the_users_tenant(acme, globex):
    data = contact_form(email="new@acme.example", tenant=globex.tenant.pk)
    assert acme.client("editor").post("/admin/crm/contact/add/", data).status_code == 302
    assert Contact.objects.get(email="new@acme.example").tenant == acme.tenant


def test_the_history_of_another_tenants_record_is_hidden(acme, globex):
    contact = globex.records[Contact]
    globex.client("editor").post(
        f"/admin/crm/contact/{contact.pk}/change/", contact_form(email="changed@globex.example")
    )
    assert acme.client("admin").get(f"/admin/crm/contact/{contact.pk}/history/").status_code == 302
    assert globex.client("viewer").get(f"/admin/crm/contact/{contact.pk}/history/").status_code == 200


def test_a_user_without_a_tenant_has_no_access(acme, client):
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    for address in ("/admin/", "/admin/crm/contact/", f"/admin/crm/contact/{acme.records[Contact].pk}/change/"):
        answer = client.get(address, follow=True)
        assert answer.status_code in {403, 404}
        assert "acme" not in answer.content.decode().lower()


# --- roles ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [*RECORDS, Pipeline, Stage])
def test_a_viewer_can_only_view(acme, model):
    client, record = acme.client("viewer"), acme.records[model]
    at = f"/admin/crm/{model._meta.model_name}"
    before = all_data()
    assert client.get(f"{at}/").status_code == 200
    assert client.get(f"{at}/{record.pk}/change/").status_code == 200
    assert client.get(f"{at}/add/").status_code == 403
    for page in ("add/", f"{record.pk}/change/", f"{record.pk}/delete/"):
        assert client.post(f"{at}/{page}", {"post": "yes"}).status_code == 403, page
    client.post(f"{at}/", {"action": "delete_selected", "_selected_action": [record.pk], "post": "yes"})
    assert all_data() == before


def test_a_viewer_cannot_import(acme):
    assert acme.client("viewer").get("/admin/crm/contact/import/").status_code == 403
    assert acme.client("viewer").post("/admin/crm/contact/import/").status_code == 403


@pytest.mark.parametrize("model", [Membership, Pipeline, Stage])
def test_an_editor_cannot_manage(acme, model):
    client, record = acme.client("editor"), acme.records[model]
    at = f"/admin/crm/{model._meta.model_name}"
    before = all_data()
    for page in ("add/", f"{record.pk}/change/", f"{record.pk}/delete/"):
        assert client.post(f"{at}/{page}", {"post": "yes"}).status_code == 403, page
    assert all_data() == before


@pytest.mark.parametrize("address", ["/admin/crm/membership/", "/admin/crm/apikey/"])
def test_members_and_keys_are_only_for_admins(acme, address):
    assert acme.client("editor").get(address).status_code == 403
    assert acme.client("admin").get(address).status_code == 200


@pytest.mark.parametrize("address", ["/admin/auth/user/", "/admin/crm/tenant/", "/admin/auth/user/add/"])
def test_users_and_tenants_are_only_for_superusers(acme, superuser, address):
    assert acme.client("admin").get(address).status_code == 403
    assert superuser.get(address).status_code == 200


# --- superusers ---------------------------------------------------------------------------------------------------


def test_a_superuser_sees_all_tenants_until_choosing_one(acme, globex, superuser):
    page = superuser.get("/admin/crm/contact/").content.decode()
    assert "ada@acme.example" in page
    assert "ada@globex.example" in page
    superuser.post("/admin/tenant/", {"tenant": acme.tenant.pk, "next": "/admin/crm/contact/"})
    for _ in range(2):
        page = superuser.get("/admin/crm/contact/").content.decode()
        assert "ada@acme.example" in page
        assert "ada@globex.example" not in page
    assert superuser.get(f"/admin/crm/contact/{globex.records[Contact].pk}/change/").status_code == 302


def test_a_superuser_chooses_a_tenant_before_adding(acme, superuser):
    answer = superuser.get("/admin/crm/contact/add/", follow=True)
    assert answer.redirect_chain == [("/admin/crm/contact/", 302)]
    assert "Choose an account" in answer.content.decode()


def test_a_superuser_is_offered_choices_from_the_records_tenant(acme, globex, superuser):
    contact = acme.records[Contact]
    data = contact_form(company=globex.records[Company].pk)
    page = superuser.post(f"/admin/crm/contact/{contact.pk}/change/", data)
    assert "company" in page.context["adminform"].form.errors


def contact_form(**values):
    """Return what the form of a contact posts."""
    return {
        "first_name": "Ada", "last_name": "Lovelace", "email": "ada@acme.example", "lifecycle_stage": "lead",
        "phone": "", "mobile": "", "title": "", "department": "", "company": "", "address": "", "city": "", "state": "",
        "country": "", "postal_code": "", "lead_source": "", "tags": "", "notes": "",
    } | values  # fmt: skip
