"""Adding, changing and removing members."""

import pytest
from django.contrib.auth.models import User

from crm.models import Membership

NEW = {"username": "grace", "email": "grace@acme.example", "password": " nanosecond 1906 ", "role": "editor"}


def test_an_admin_can_add_a_member_who_can_sign_in(acme, client):
    assert acme.client("admin").post("/admin/crm/membership/add/", NEW).status_code == 302
    user = User.objects.get(username="grace")
    assert (user.is_staff, user.is_superuser, user.email) == (True, False, "grace@acme.example")
    assert (user.membership.tenant, user.membership.role) == (acme.tenant, "editor")
    # Unchanged, including white space, which the sign-in page does not strip either.
    assert user.check_password(" nanosecond 1906 ")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password", "password"), ("password", "grace"), ("password", ""), ("password", "a\0bcdefgh1"),
        ("username", "editor-globex"), ("username", "EDITOR-GLOBEX"), ("username", "a b"), ("username", ""),
        ("username", "x" * 151), ("email", "nobody"), ("role", "owner"), ("role", ""),
    ],
)  # fmt: skip
def test_an_invalid_member_is_a_form_error(acme, globex, field, value):
    page = acme.client("admin").post("/admin/crm/membership/add/", NEW | {field: value})
    assert page.status_code == 200
    assert field in page.context["adminform"].form.errors
    assert not Membership.objects.filter(user__username="grace").exists()


def test_a_new_member_has_only_what_the_form_asks_for(acme, globex):
    data = NEW | {"is_superuser": "on", "tenant": globex.tenant.pk, "user": globex.users["viewer"].pk}
    assert acme.client("admin").post("/admin/crm/membership/add/", data).status_code == 302
    user = User.objects.get(username="grace")
    assert (user.is_superuser, user.membership.tenant) == (False, acme.tenant)


def test_an_admin_can_change_and_remove_others(acme):
    client, editor = acme.client("admin"), acme.users["editor"].membership
    assert client.post(f"/admin/crm/membership/{editor.pk}/change/", {"role": "viewer"}).status_code == 302
    editor.refresh_from_db()
    assert editor.role == "viewer"
    assert client.post(f"/admin/crm/membership/{editor.pk}/delete/", {"post": "yes"}).status_code == 302
    assert acme.client("editor").get("/admin/crm/contact/").status_code in {302, 403}


def test_a_removed_member_can_be_added_again(acme, globex):
    client, editor = acme.client("admin"), acme.users["editor"]
    client.post(f"/admin/crm/membership/{editor.membership.pk}/delete/", {"post": "yes"})
    again = NEW | {"username": editor.username, "role": "viewer"}
    for place, page in ((acme, 302), (globex, 200)):
        assert place.client("admin").post("/admin/crm/membership/add/", again).status_code == page
    member = Membership.objects.get(user=editor)
    assert (member.tenant, member.role, member.user.email) == (acme.tenant, "viewer", "grace@acme.example")
    assert member.user.check_password(" nanosecond 1906 ")
    assert member.user.is_staff


@pytest.mark.parametrize("flags", [{"is_active": False}, {"is_staff": False}, {"is_superuser": True}])
def test_only_the_account_of_a_former_member_is_given_to_a_new_one(acme, flags):
    User.objects.create_user("grace", **{"is_staff": True} | flags)
    page = acme.client("admin").post("/admin/crm/membership/add/", NEW)
    assert "This user name is taken." in page.content.decode()
    assert not Membership.objects.filter(user__username="grace").exists()


def test_an_admin_cannot_demote_or_remove_themselves(acme):
    client, own = acme.client("admin"), acme.users["admin"].membership
    assert client.post(f"/admin/crm/membership/{own.pk}/change/", {"role": "viewer"}).status_code == 403
    assert client.post(f"/admin/crm/membership/{own.pk}/delete/", {"post": "yes"}).status_code == 403
    own.refresh_from_db()
    assert own.role == "admin"


def test_an_admin_cannot_change_a_superuser(acme):
    root = User.objects.create_superuser("root")
    member = Membership.objects.create(tenant=acme.tenant, user=root, role="viewer")
    client = acme.client("admin")
    assert client.post(f"/admin/crm/membership/{member.pk}/change/", {"role": "admin"}).status_code == 403
    assert client.post(f"/admin/crm/membership/{member.pk}/delete/", {"post": "yes"}).status_code == 403


def test_superusers_can_create_users_with_a_tenant(acme, superuser):
    data = {"username": "linus", "usable_password": "true", "password1": "kernel 1991 x", "password2": "kernel 1991 x"}
    data |= {"membership-TOTAL_FORMS": 0, "membership-INITIAL_FORMS": 0}
    assert superuser.post("/admin/auth/user/add/", data).status_code == 302
    user = User.objects.get(username="linus")
    assert superuser.get(f"/admin/auth/user/{user.pk}/change/").status_code == 200
    data = {
        "username": "linus", "is_active": "on", "is_staff": "on", "membership-TOTAL_FORMS": 1, "membership-INITIAL_FORMS": 0,
        "membership-0-tenant": acme.tenant.pk, "membership-0-role": "viewer", "membership-0-user": user.pk,
    }  # fmt: skip
    assert superuser.post(f"/admin/auth/user/{user.pk}/change/", data).status_code == 302
    assert user.membership.tenant == acme.tenant


def test_a_superuser_cannot_delete_themselves(superuser):
    root = User.objects.get(username="root")
    assert superuser.post(f"/admin/auth/user/{root.pk}/delete/", {"post": "yes"}).status_code == 403
    data = {"action": "delete_selected", "_selected_action": [root.pk], "post": "yes"}
    superuser.post("/admin/auth/user/", data)
    assert User.objects.filter(pk=root.pk).exists()


def test_nobody_can_delete_a_tenant(acme, superuser):
    assert superuser.post(f"/admin/crm/tenant/{acme.tenant.pk}/delete/", {"post": "yes"}).status_code == 403
