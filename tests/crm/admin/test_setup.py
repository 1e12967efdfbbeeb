"""Pipelines, stages and people: what admins of a tenant manage."""

import pytest
from django.contrib.auth.models import User

from crm.models import Deal, Membership, Pipeline, Stage

# --- pipelines and stages ---------------------------------------------------------------------------------------


def pipeline_form(pipeline, *, delete=(), add=(), **values):
    """Return what the form of a pipeline posts, with its stages as they are; some to be deleted, some new."""
    stages = list(pipeline.stages.order_by("position"))
    data = {"name": pipeline.name, "is_default": "on" if pipeline.is_default else ""}
    data |= {"stages-TOTAL_FORMS": len(stages) + len(add), "stages-INITIAL_FORMS": len(stages)}
    for n, stage in enumerate(stages):
        data |= {
            f"stages-{n}-id": stage.pk, f"stages-{n}-pipeline": pipeline.pk, f"stages-{n}-name": stage.name,
            f"stages-{n}-probability": stage.probability, f"stages-{n}-position": stage.position,
        }  # fmt: skip
        if stage in delete:
            data[f"stages-{n}-DELETE"] = "on"
    for n, name in enumerate(add, len(stages)):
        data |= {f"stages-{n}-name": name, f"stages-{n}-probability": 5, f"stages-{n}-position": n}
        data |= {f"stages-{n}-id": "", f"stages-{n}-pipeline": pipeline.pk}
    return data | values


def test_a_pipeline_gets_stages_of_its_own_tenant(acme):
    pipeline = acme.records[Pipeline]
    data = pipeline_form(pipeline, add=["Trial"])
    assert acme.client("admin").post(f"/admin/crm/pipeline/{pipeline.pk}/change/", data).status_code == 302
    assert Stage.objects.get(name="Trial").tenant == acme.tenant


@pytest.mark.parametrize("names", [["Trial", "trial"], ["LEAD"]])
def test_two_stages_of_one_name_are_a_forms_error(acme, names):
    pipeline = acme.records[Pipeline]
    page = acme.client("admin").post(f"/admin/crm/pipeline/{pipeline.pk}/change/", pipeline_form(pipeline, add=names))
    assert page.status_code == 200
    assert pipeline.stages.count() == 6


def test_a_stage_in_use_is_not_deleted(acme):
    client, pipeline, stage = acme.client("admin"), acme.records[Pipeline], acme.records[Stage]
    data = pipeline_form(pipeline, delete=[stage])
    page = client.post(f"/admin/crm/pipeline/{pipeline.pk}/change/", data)
    assert "“Lead” has 1 deal" in page.content.decode()
    assert client.get(f"/admin/crm/stage/{stage.pk}/delete/").status_code == 200
    for address, data in (
        (f"/admin/crm/stage/{stage.pk}/delete/", {"post": "yes"}),
        ("/admin/crm/stage/", {"action": "delete_selected", "_selected_action": [stage.pk], "post": "yes"}),
    ):
        page = client.post(address, data)
        assert page.status_code == 200, address
        assert "1 deal" in page.content.decode(), address
    assert Stage.objects.filter(pk=stage.pk).exists()


def test_a_stage_without_deals_is_deleted(acme):
    client, stage = acme.client("admin"), Stage.objects.filter(tenant=acme.tenant).last()
    assert client.post(f"/admin/crm/stage/{stage.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Stage.objects.filter(pk=stage.pk).exists()


def test_a_pipeline_in_use_and_the_default_are_not_deleted(acme):
    client, default, deal = acme.client("admin"), acme.records[Pipeline], acme.records[Deal]
    assert client.post(f"/admin/crm/pipeline/{default.pk}/delete/", {"post": "yes"}).status_code == 403
    other = Pipeline.objects.create(tenant=acme.tenant, name="Other")
    deal.pipeline, deal.stage = other, Stage.objects.create(tenant=acme.tenant, pipeline=other, name="S")
    deal.save()
    page = client.post(f"/admin/crm/pipeline/{other.pk}/delete/", {"post": "yes"})
    assert page.status_code == 200
    assert Pipeline.objects.filter(pk=other.pk).exists()
    deal.delete()
    assert client.post(f"/admin/crm/pipeline/{other.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Pipeline.objects.filter(pk=other.pk).exists()


def test_a_deal_that_comes_in_while_its_stage_is_deleted_is_in_the_way(acme, monkeypatch):
    stage = acme.records[Stage]
    monkeypatch.setattr("crm.admin.pipelines.InUseAdmin.get_deleted_objects", lambda *args: ([], {}, set(), []))
    assert acme.client("admin").post(f"/admin/crm/stage/{stage.pk}/delete/", {"post": "yes"}).status_code == 200
    assert Stage.objects.filter(pk=stage.pk).exists()


def test_a_new_default_takes_the_place_of_the_old_one(acme):
    other = Pipeline.objects.create(tenant=acme.tenant, name="Other")
    client = acme.client("admin")
    data = pipeline_form(other, is_default="on")
    assert client.post(f"/admin/crm/pipeline/{other.pk}/change/", data).status_code == 302
    assert list(Pipeline.objects.filter(tenant=acme.tenant, is_default=True)) == [other]
    other.refresh_from_db()
    page = client.post(f"/admin/crm/pipeline/{other.pk}/change/", pipeline_form(other, is_default=""))
    assert "One pipeline must be the default" in page.content.decode()


def test_a_stage_stays_in_its_pipeline(acme):
    stage = acme.records[Stage]
    other = Pipeline.objects.create(tenant=acme.tenant, name="Other")
    data = {"pipeline": other.pk, "name": "Renamed", "probability": 10, "position": 0}
    assert acme.client("admin").post(f"/admin/crm/stage/{stage.pk}/change/", data).status_code == 302
    stage.refresh_from_db()
    assert (stage.name, stage.pipeline) == ("Renamed", acme.records[Pipeline])


def test_a_stage_is_not_added_to_another_tenants_pipeline(acme, globex):
    data = {"pipeline": globex.records[Pipeline].pk, "name": "New", "probability": 10, "position": 0}
    page = acme.client("admin").post("/admin/crm/stage/add/", data)
    assert "pipeline" in page.context["adminform"].form.errors
    assert not Stage.objects.filter(name="New").exists()


# --- people -----------------------------------------------------------------------------------------------------

NEW = {"username": "grace", "email": "grace@acme.example", "password": " nanosecond 1906 ", "role": "editor"}


def test_an_admin_adds_a_person_who_can_sign_in(acme, client):
    assert acme.client("admin").post("/admin/crm/membership/add/", NEW).status_code == 302
    user = User.objects.get(username="grace")
    assert (user.is_staff, user.is_superuser, user.email) == (True, False, "grace@acme.example")
    assert (user.membership.tenant, user.membership.role) == (acme.tenant, "editor")
    # As it was typed, blanks and all: the page for signing in takes none away either.
    assert user.check_password(" nanosecond 1906 ")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password", "password"), ("password", "grace"), ("password", ""), ("password", "a\0bcdefgh1"),
        ("username", "editor-globex"), ("username", "EDITOR-GLOBEX"), ("username", "a b"), ("username", ""),
        ("username", "x" * 151), ("email", "nobody"), ("role", "owner"), ("role", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_new_person_is_a_forms_error(acme, globex, field, value):
    page = acme.client("admin").post("/admin/crm/membership/add/", NEW | {field: value})
    assert page.status_code == 200
    assert field in page.context["adminform"].form.errors
    assert not Membership.objects.filter(user__username="grace").exists()


def test_a_new_person_is_what_the_form_asks_for_and_no_more(acme, globex):
    data = NEW | {"is_superuser": "on", "tenant": globex.tenant.pk, "user": globex.users["viewer"].pk}
    assert acme.client("admin").post("/admin/crm/membership/add/", data).status_code == 302
    user = User.objects.get(username="grace")
    assert (user.is_superuser, user.membership.tenant) == (False, acme.tenant)


def test_an_admin_changes_and_removes_others(acme):
    client, editor = acme.client("admin"), acme.users["editor"].membership
    assert client.post(f"/admin/crm/membership/{editor.pk}/change/", {"role": "viewer"}).status_code == 302
    editor.refresh_from_db()
    assert editor.role == "viewer"
    assert client.post(f"/admin/crm/membership/{editor.pk}/delete/", {"post": "yes"}).status_code == 302
    assert acme.client("editor").get("/admin/crm/contact/").status_code in {302, 403}


def test_an_admin_neither_demotes_nor_removes_themselves(acme):
    client, own = acme.client("admin"), acme.users["admin"].membership
    assert client.post(f"/admin/crm/membership/{own.pk}/change/", {"role": "viewer"}).status_code == 403
    assert client.post(f"/admin/crm/membership/{own.pk}/delete/", {"post": "yes"}).status_code == 403
    own.refresh_from_db()
    assert own.role == "admin"


def test_an_admin_does_not_touch_a_superuser(acme):
    root = User.objects.create_superuser("root")
    member = Membership.objects.create(tenant=acme.tenant, user=root, role="viewer")
    client = acme.client("admin")
    assert client.post(f"/admin/crm/membership/{member.pk}/change/", {"role": "admin"}).status_code == 403
    assert client.post(f"/admin/crm/membership/{member.pk}/delete/", {"post": "yes"}).status_code == 403


def test_superusers_make_users_with_a_tenant(acme, superuser):
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


def test_a_superuser_does_not_delete_themselves(superuser):
    root = User.objects.get(username="root")
    assert superuser.post(f"/admin/auth/user/{root.pk}/delete/", {"post": "yes"}).status_code == 403
    data = {"action": "delete_selected", "_selected_action": [root.pk], "post": "yes"}
    superuser.post("/admin/auth/user/", data)
    assert User.objects.filter(pk=root.pk).exists()


def test_nobody_deletes_a_tenant(acme, superuser):
    assert superuser.post(f"/admin/crm/tenant/{acme.tenant.pk}/delete/", {"post": "yes"}).status_code == 403
