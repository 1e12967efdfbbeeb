"""API keys in the admin: shown once, only to admins of the tenant, and revoked immediately."""

import datetime as dt
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.admin import api_keys
from crm.models import ApiKey
from crm.models.api_key import create_api_key, digest_of, revoke_api_key
from crm.models.tenant import create_tenant
from tests.support.staff import pick, sign_in

LIST = reverse("admin:crm_apikey_changelist")
ADD = reverse("admin:crm_apikey_add")
SECRET = re.compile(r"rk_live_00[0-9A-Za-z]{40}")


@pytest.fixture
def admin(tenant):
    return sign_in(tenant, "admin")


def create(client, *, name="Website", scope="read", expires_at=""):
    return client.post(ADD, {"name": name, "scope": scope, "expires_at": expires_at})


def errors(response):
    return sorted(sentence for sentences in response.context["form"].errors.values() for sentence in sentences)


def make(tenant, name="Website"):
    return create_api_key(tenant=tenant, name=name)


def url(key, page="change"):
    return reverse(f"admin:crm_apikey_{page}", args=[key.pk])


def api_status(secret):
    return Client().get("/api/v1/importexport/contacts/template", headers={"X-Api-Key": secret}).status_code


# --- create ---


def test_a_key_is_shown_once_and_works(admin, tenant):
    response = create(admin, scope="read")
    page = response.content.decode()
    (secret,) = set(SECRET.findall(page))
    key = ApiKey.objects.get()
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert (key.tenant, key.name, key.scope, key.expires_at) == (tenant, "Website", "read", None)
    assert key.digest == digest_of(secret)
    assert api_status(secret) == 200


def test_the_secret_is_not_stored_anywhere(admin, caplog):
    page = create(admin).content.decode()
    (secret,) = set(SECRET.findall(page))
    again = create(admin)
    assert errors(again) == ["A key of this name is in use already."]
    places = [
        again.content.decode(),
        *(admin.get(address).content.decode() for address in (LIST, ADD, url(ApiKey.objects.get()))),
        admin.get(url(ApiKey.objects.get(), "history")).content.decode(),
        str([session.get_decoded() for session in Session.objects.all()]),
        str(list(LogEntry.objects.values())),
        str(list(ApiKey.objects.values())),
        caplog.text,
    ]
    assert not any(secret in place for place in places)


def test_the_page_shows_how_to_use_the_key(admin):
    page = create(admin, scope="write").content.decode()
    assert "/api/v1/importexport/contacts/export" in page
    assert "-F file=@contacts.csv" in page
    assert "-F file=@contacts.csv" not in create(admin, name="Reader", scope="read").content.decode()


def test_creating_a_key_is_in_the_history(admin):
    create(admin)
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.is_addition()) == ("Website", True)


def test_a_day_of_expiry_begins_in_the_tenants_zone(admin, tenant):
    tenant.timezone = "Asia/Tokyo"
    tenant.save()
    create(admin, expires_at="2100-01-01")
    assert ApiKey.objects.get().expires_at == dt.datetime(2099, 12, 31, 15, tzinfo=dt.UTC)


@pytest.mark.parametrize("day", ["2020-01-01", "0001-01-01", timezone.now().date().isoformat()])
def test_a_day_that_has_begun_is_an_error(admin, day):
    assert errors(create(admin, expires_at=day)) == ["This day has already begun. Choose a later one."]


def test_the_last_possible_day_is_valid(admin, tenant):
    tenant.timezone = "Pacific/Auckland"
    tenant.save()
    create(admin, expires_at="9999-12-31")
    assert "31 Dec 9999, 00:00 NZDT" in admin.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "This field is required."),
        ("name", "x" * 101, "Ensure this value has at most 100 characters (it has 101)."),
        ("name", "a\0b", "Null characters are not allowed."),
        ("scope", "all", "Select a valid choice. all is not one of the available choices."),
        ("expires_at", "soon", "Enter a valid date."),
    ],
)
def test_an_invalid_form_is_an_error(admin, field, value, sentence):
    assert errors(create(admin, **{field: value})) == [sentence]
    assert not ApiKey.objects.exists()


def test_a_name_is_free_again_once_its_key_is_revoked(admin, tenant):
    key, _secret = make(tenant)
    assert errors(create(admin)) == ["A key of this name is in use already."]
    revoke_api_key(key)
    assert SECRET.search(create(admin).content.decode())


def test_of_two_users_taking_a_name_one_gets_a_form_error(admin, tenant, monkeypatch):
    make(tenant)
    monkeypatch.setattr(api_keys, "free_name", lambda name, _tenant: name)
    assert errors(create(admin)) == ["A key of this name is in use already."]


def test_tenants_may_use_the_same_name(admin, other_api):
    make(other_api.tenant)
    assert SECRET.search(create(admin).content.decode())


def test_markup_in_a_name_is_text(admin):
    name = "<script>alert(1)</script>"
    pages = [create(admin, name=name).content.decode()]
    key = ApiKey.objects.get()
    addresses = (LIST, url(key), url(key, "revoke"), url(key, "history"))
    pages += [admin.get(address).content.decode() for address in addresses]
    pages.append(admin.post(url(key, "revoke"), follow=True).content.decode())
    for page in pages:
        assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in pages[0]


def test_a_superuser_creates_keys_for_the_chosen_tenant(superuser, tenant):
    response = create(superuser)
    assert errors(response)[0].startswith("A key belongs to one account")
    assert "Choose an account at the top" in superuser.get(ADD).content.decode()
    pick(superuser, tenant)
    assert SECRET.search(create(superuser).content.decode())
    assert ApiKey.objects.get().tenant == tenant


def test_a_form_without_a_csrf_token_is_rejected(tenant):
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    key, secret = make(tenant)
    for address in (ADD, url(key, "revoke")):
        assert client.post(address, {"name": "x", "scope": "read"}).status_code == 403
    assert api_status(secret) == 200


# --- permissions ---


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_admins_can_see_and_change_keys(tenant, role):
    key, secret = make(tenant)
    client = sign_in(tenant, role)
    for address in (LIST, ADD, url(key), url(key, "revoke")):
        assert client.get(address).status_code == 403
        assert client.post(address).status_code == 403
    assert client.get(url(key, "history")).status_code == 302
    assert LIST not in client.get(reverse("admin:index")).content.decode()
    assert api_status(secret) == 200


def test_keys_of_other_tenants_do_not_exist(admin, other_api):
    other_api.get("contacts/template")
    key = other_api.key
    assert key.name not in admin.get(LIST).content.decode()
    assert f"No API keys match “{key.name}”" in admin.get(LIST, {"q": key.name}).content.decode()
    assert admin.get(url(key, "revoke")).status_code == 404
    assert admin.post(url(key, "revoke")).status_code == 404
    for page in ("change", "history"):
        assert admin.get(url(key, page)).status_code == 302
    choice = {"action": "revoke_chosen", "_selected_action": [key.pk], "revoke": "yes"}
    admin.post(LIST, choice)
    assert api_status(other_api.secret) == 200


def test_a_superuser_sees_all_keys_or_those_of_the_chosen_tenant(superuser, tenant, other_api):
    make(tenant, "Mine")
    page = superuser.get(LIST).content.decode()
    assert "Mine" in page
    assert other_api.key.name in page
    assert "Globex" in page
    pick(superuser, tenant)
    page = superuser.get(LIST).content.decode()
    assert "Mine" in page
    assert other_api.key.name not in page


# --- the list ---


def test_the_list_shows_name_scope_state_and_dates(admin, tenant):
    key, secret = make(tenant, "In use")
    api_status(secret)
    over, _ = make(tenant, "Over")
    ApiKey.objects.filter(pk=over.pk).update(expires_at=timezone.now())
    revoke_api_key(make(tenant, "Gone")[0])
    page = admin.get(LIST).content.decode()
    for text in ("In use", "Over", "Gone", "Active", "Expired", "Revoked", "Write", "never"):
        assert text in page
    for state, name in (("active", "In use"), ("expired", "Over"), ("revoked", "Gone")):
        (found,) = admin.get(LIST, {"state": state}).context["cl"].result_list
        assert found.name == name
    (found,) = admin.get(LIST, {"q": "use"}).context["cl"].result_list
    assert found == key


def test_the_list_takes_as_many_queries_for_one_key_as_for_three(admin, tenant, django_assert_max_num_queries):
    make(tenant, "1")
    for names in ((), ("2", "3")):
        for name in names:
            make(tenant, name)
        with django_assert_max_num_queries(8):
            assert admin.get(LIST).status_code == 200


# --- changing and revoking ---


def test_only_the_name_of_a_key_can_be_changed(admin, tenant):
    key, secret = make(tenant)
    make(tenant, "Taken")
    page = admin.get(url(key)).content.decode()
    assert key.digest not in page
    assert errors_of_change(admin.post(url(key), {"name": "Taken"})) == ["A key of this name is in use already."]
    before = ApiKey.objects.values().get(pk=key.pk)
    response = admin.post(
        url(key), {"name": "Renamed", "scope": "admin", "digest": "0", "revoked_at": "", "tenant": "0"}
    )
    assert response.status_code == 302
    assert ApiKey.objects.values().get(pk=key.pk) == before | {"name": "Renamed"}
    assert api_status(secret) == 200


def errors_of_change(response):
    return response.context["adminform"].form.errors["name"]


def test_a_key_is_revoked_after_confirmation(admin, tenant):
    key, secret = make(tenant)
    assert api_status(secret) == 200
    assert "This cannot be undone" in admin.get(url(key, "revoke")).content.decode()
    assert api_status(secret) == 200
    response = admin.post(url(key, "revoke"), follow=True)
    assert api_status(secret) == 401
    assert "was revoked. Requests that use it are now rejected." in response.content.decode()
    assert [entry.get_change_message() for entry in LogEntry.objects.all()] == ["Revoked."]


def test_a_revoked_key_cannot_be_changed(admin, tenant):
    key, secret = make(tenant)
    admin.post(url(key, "revoke"))
    when = ApiKey.objects.get().revoked_at
    admin.post(url(key, "revoke"))
    assert ApiKey.objects.get().revoked_at == when
    page = admin.get(url(key)).content.decode()
    assert "Revoke this key" not in page
    assert admin.post(url(key), {"name": "Back"}).status_code == 403
    assert (ApiKey.objects.get().name, api_status(secret)) == ("Website", 401)


def test_keys_are_never_deleted(admin, superuser, tenant):
    key, _secret = make(tenant)
    for client in (admin, superuser):
        assert client.post(url(key, "delete"), {"post": "yes"}).status_code == 403
        client.post(LIST, {"action": "delete_selected", "_selected_action": [key.pk], "post": "yes"})
    assert ApiKey.objects.exists()


def test_several_keys_are_revoked_after_confirmation(admin, tenant):
    made = [make(tenant, name) for name in ("One", "Two", "Three")]
    choice = {"action": "revoke_chosen", "_selected_action": [key.pk for key, _ in made[:2]]}
    page = admin.post(LIST, choice).content.decode()
    assert "One" in page
    assert "Three" not in page
    assert [api_status(secret) for _, secret in made] == [200, 200, 200]
    admin.post(LIST, choice | {"revoke": "yes"})
    assert [api_status(secret) for _, secret in made] == [401, 401, 200]


def test_a_superuser_revokes_only_keys_of_the_chosen_tenant(superuser, tenant):
    other = create_tenant(slug="initech", name="Initech")
    key, secret = make(other)
    pick(superuser, tenant)
    assert superuser.post(url(key, "revoke")).status_code == 404
    pick(superuser, other)
    superuser.post(url(key, "revoke"))
    assert api_status(secret) == 401
