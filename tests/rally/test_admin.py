"""The admin site: access, the sidebar, and the tenant that a superuser chooses."""

import re
import subprocess
import sys

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.urls import reverse

from crm.models import Contact
from crm.models.api_key import create_api_key
from crm.models.tenant import create_tenant
from rally.admin import RallyAdminSite
from tests.support.installation import ROOT, environment
from tests.support.staff import sign_in

INDEX, TENANT, LOGIN = "/admin/", "/admin/tenant/", "/admin/login/"


@pytest.fixture
def acme(db):
    return create_tenant(slug="acme", name="Acme <Inc>")


def sign_in_ada(acme, client=None, *, role="viewer", **flags):
    """Sign in as Ada, a member of the tenant."""
    return sign_in(acme, role, name="ada", client=client, **flags)


def sidebar(page):
    """Return the sidebar's entries as text."""
    menu = re.search(r'id="nav-sidebar-apps".*?</nav>', page.content.decode(), re.DOTALL)[0]
    return re.findall(r"<span>(\w[\w ]*)</span>", menu)


def make_contact(tenant, email="ada@example.com"):
    return Contact.objects.create(tenant=tenant, first_name="Ada", last_name="Lovelace", email=email)


def test_everything_is_registered_with_this_site():
    assert isinstance(admin.site, RallyAdminSite)
    assert admin.site.is_registered(Contact)


def test_commands_do_without_the_admin_but_for_its_checks(data_dir):
    program = (
        "import sys; from django.contrib import admin; from django.core.checks import run_checks\n"
        "print('importexport.admin' in sys.modules); run_checks(tags=['admin']); print(len(admin.site._registry) > 5)"
    )
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-v", "0", "-c", program]
    done = subprocess.run(command, cwd=ROOT, env=environment(data_dir), capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.stderr) == ("False\nTrue\n", "")


# Access


def test_anonymous_users_are_asked_to_sign_in(client, db):
    response = client.get(INDEX)
    assert (response.status_code, response.url) == (302, "/admin/login/?next=/admin/")


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_staff_of_a_tenant_have_access_and_see_the_tenants_name(acme, role):
    page = sign_in_ada(acme, role=role).get(INDEX)
    assert page.status_code == 200
    assert "Acme &lt;Inc&gt;" in page.content.decode()
    assert 'id="rally-tenant-select"' not in page.content.decode()


def test_signing_in_leads_to_the_requested_page(client, acme):
    sign_in_ada(acme, client)
    client.logout()
    page = client.get(LOGIN, {"next": "/admin/crm/contact/"})
    assert 'name="next" value="/admin/crm/contact/"' in page.content.decode()
    response = client.post(LOGIN, {"username": "ada", "password": "correct horse", "next": "/admin/crm/contact/"})
    assert (response.status_code, response.url) == (302, "/admin/crm/contact/")


@pytest.mark.parametrize(
    "page",
    [
        "", "/nowhere", "/admin/nonsense/", "/admin/crm/nonsense/1/change/", "https://evil.example/admin/", "//evil.example",
        "javascript:alert(1)", "/admin/logout/", "/admin/login/", "/admin/tenant/", "/admin/\0", "/admin/%00", "/admin/crm/",
        "/admin/r/1/1/", "/admin/jsi18n/",
        "/api/docs", "\x00", "/admin/../nowhere",
    ],
)  # fmt: skip
def test_signing_in_leads_to_the_dashboard_by_default(client, acme, page):
    sign_in_ada(acme, client)
    client.logout()
    assert client.get(LOGIN, {"next": page}).status_code == 200
    response = client.post(LOGIN, {"username": "ada", "password": "correct horse", "next": page})
    assert (response.status_code, response.url) == (302, INDEX)


def test_signing_in_leads_to_the_list_if_the_record_was_deleted(client, acme):
    sign_in_ada(acme, client)
    for record in ("999999", "9" * 40, "abc", "%00"):
        client.logout()
        form = {"username": "ada", "password": "correct horse", "next": f"/admin/crm/contact/{record}/change/"}
        assert client.post(LOGIN, form).url in {"/admin/crm/contact/", INDEX}


@pytest.mark.parametrize(
    "page",
    ["/admin/crm/contact/?q=ada", "/admin/crm/contact", "/admin/crm/deal?q=a", "/admin/crm/deal/import/", "/admin/password_change/"],
)  # fmt: skip
def test_signing_in_leads_back_to_any_existing_page(client, acme, page):
    sign_in_ada(acme, client)
    client.logout()
    response = client.post(LOGIN, {"username": "ada", "password": "correct horse", "next": page})
    assert response.url == page
    assert client.get(page, follow=True).status_code in {200, 403}


@pytest.mark.parametrize("page", ["/admin/crm/apikey/{key}/revoke/", "/admin/auth/user/{user}/password/"])
def test_signing_in_leads_back_to_a_page_of_one_record(client, acme, page):
    sign_in(client=client)
    client.logout()
    key, _ = create_api_key(tenant=acme, name="ci")
    user = get_user_model().objects.get()
    page = page.format(key=key.pk, user=user.pk)
    assert client.post(LOGIN, {"username": "root", "password": "correct horse", "next": page}).url == page


@pytest.mark.parametrize(
    "page", ["/admin/auth/user/{0}/change/", "/admin/crm/tenant/{0}/change/", "/admin/crm/membership/"]
)
def test_the_page_after_signing_in_does_not_reveal_hidden_records(client, acme, page):
    """Otherwise it would reveal which ids of users and tenants exist."""
    sign_in_ada(acme, client)
    for number in (acme.pk, get_user_model().objects.get().pk, 10**6):
        client.logout()
        form = {"username": "ada", "password": "correct horse", "next": page.format(number)}
        assert client.post(LOGIN, form).url == INDEX


def test_staff_without_a_tenant_see_a_message_and_can_sign_out(db):
    client = sign_in(name="nobody", is_superuser=False)
    page = client.get(INDEX, follow=True)
    assert page.redirect_chain == [("/admin/login/?next=/admin/", 302)]
    assert page.status_code == 403
    assert "You have not been added to an account yet" in page.content.decode()
    assert client.post("/admin/logout/").status_code == 200
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("flags", [{"is_staff": False}, {"is_active": False}])
def test_a_membership_alone_is_not_enough(acme, flags):
    response = sign_in_ada(acme, **flags).get(INDEX)
    assert (response.status_code, response.url) == (302, "/admin/login/?next=/admin/")


def test_signing_out_requires_post(acme):
    client = sign_in_ada(acme)
    assert client.get("/admin/logout/").url == INDEX
    assert "_auth_user_id" in client.session
    assert "You are signed out" in client.post("/admin/logout/").content.decode()
    assert "_auth_user_id" not in client.session


def test_staff_can_change_their_password(acme):
    client = sign_in_ada(acme)
    assert client.get("/admin/password_change/").status_code == 200
    new = {"old_password": "correct horse", "new_password1": "battery staple", "new_password2": "battery staple"}
    before = client.session.session_key
    assert client.post("/admin/password_change/", new).url == "/admin/password_change/done/"
    assert client.get("/admin/password_change/done/").status_code == 200
    assert client.session.session_key != before
    assert get_user_model().objects.get(username="ada").check_password("battery staple")


# The sidebar


def test_the_sidebar_of_a_superuser_has_all_registered_models(acme):
    entries = sidebar(sign_in().get(INDEX))
    assert entries[:5] == ["Dashboard", "Contacts", "Companies", "Deals", "Activities"]
    assert {"Pipelines", "Stages", "Members", "Users", "Accounts"} <= set(entries)
    assert "Access attempts" not in entries


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_the_sidebar_has_only_accessible_pages(acme, role):
    client = sign_in_ada(acme, role=role)
    page = client.get(INDEX)
    assert not {"Users", "Accounts"} & set(sidebar(page))
    for link in re.findall(r'href="(/admin/\w+/\w+/)" class="flex h-', page.content.decode()):
        assert client.get(link).status_code == 200, link


def test_a_model_that_is_not_registered_is_not_in_the_sidebar(acme, monkeypatch):
    monkeypatch.delitem(admin.site._registry, Contact)
    assert "Contacts" not in sidebar(sign_in().get("/admin/password_change/"))


# The tenant chosen by a superuser


def picked(page):
    """Return the chosen tenant in the header."""
    return re.search(r'<option value="(\d*)" selected>([^<]*)', page.content.decode())


def test_a_superusers_choice_is_kept(acme, other_tenant):
    client = sign_in()
    assert picked(client.get(INDEX)) is None
    response = client.post(TENANT, {"tenant": other_tenant.pk, "next": "/admin/crm/contact/"})
    assert (response.status_code, response.url) == (302, "/admin/crm/contact/")
    for path in ("/admin/crm/contact/", "/admin/crm/deal/", INDEX):
        assert picked(client.get(path)).groups() == (str(other_tenant.pk), "Globex")
    client.post(TENANT, {"tenant": ""})
    assert picked(client.get(INDEX)) is None


def test_a_deleted_tenant_is_no_longer_chosen(acme, other_tenant):
    client = sign_in()
    client.post(TENANT, {"tenant": other_tenant.pk})
    other_tenant.pipelines.all().delete()
    other_tenant.delete()
    assert picked(client.get(INDEX)) is None


@pytest.mark.parametrize("value", ["0", "999999999", "acme", "-1", "1e3", "٣", "9" * 30, "9" * 5000, "\0"])
def test_an_invalid_tenant_is_not_found(acme, value):
    client = sign_in()
    assert client.post(TENANT, {"tenant": value}).status_code == 404
    assert picked(client.get(INDEX)) is None


def test_staff_cannot_choose_a_tenant(acme, other_tenant):
    client = sign_in_ada(acme, role="admin")
    assert client.post(TENANT, {"tenant": other_tenant.pk}).status_code == 403
    assert "Acme &lt;Inc&gt;" in client.get(INDEX).content.decode()


def test_choosing_requires_post_with_a_csrf_token(acme):
    client = sign_in()
    assert client.get(TENANT).url == INDEX
    client.handler.enforce_csrf_checks = True
    assert client.post(TENANT, {"tenant": acme.pk}).status_code == 403


@pytest.mark.parametrize(
    "page",
    [
        "",
        "https://evil.example/admin/",
        "//evil.example/admin/",
        "/\\evil.example/admin/",
        "/admin/\n//evil.example",
        "javascript:alert(1)",
        "/api/docs",
        "/admin/nonsense/x/y/z/",
        "/admin/tenant/",
        "/admin/logout/",
    ],
)
def test_choosing_redirects_only_within_the_admin(acme, page):
    response = sign_in().post(TENANT, {"tenant": acme.pk, "next": page})
    assert (response.status_code, response.url) == (302, INDEX)


def test_choosing_on_another_tenants_record_redirects_to_the_list(acme, other_tenant):
    contact = make_contact(acme)
    page = reverse("admin:crm_contact_change", args=[contact.pk])
    client = sign_in()
    assert client.post(TENANT, {"tenant": acme.pk, "next": page}).url == page
    assert client.post(TENANT, {"tenant": "", "next": page}).url == page
    contact.delete()
    assert client.post(TENANT, {"tenant": acme.pk, "next": page}).url == "/admin/crm/contact/"


def test_the_choice_takes_one_query_for_any_number_of_tenants(acme, django_assert_max_num_queries):
    client = sign_in()
    for number in range(20):
        create_tenant(slug=f"t{number}", name=f"Tenant {number}")
    # Session, user, what has ended, the tenants.
    with django_assert_max_num_queries(4):
        assert client.get("/admin/password_change/").content.decode().count("<option") == 22


def test_the_jobs_of_the_queue_have_no_page(superuser):
    assert "procrastinate" not in superuser.get("/admin/").content.decode().lower()
    assert superuser.get("/admin/procrastinate/procrastinatejob/").status_code == 404
