"""Forms: validation, dependent fields, and members."""

import pytest
from django.contrib.auth.models import User

from crm.models import Activity, Company, Contact, Deal, Membership, Pipeline, Stage
from tests.crm.admin.test_isolation import contact_form


def errors(page):
    assert page.status_code == 200
    return page.context["adminform"].form.errors


def post(place, page, data, *, role="editor"):
    return place.client(role).post(f"/admin/crm/{page}", data)


def test_an_email_that_another_contact_has_is_a_form_error(acme, globex):
    page = post(acme, "contact/add/", contact_form(email=" ADA@Acme.example"))
    assert "Another contact has the same email." in str(errors(page))
    assert post(acme, "contact/add/", contact_form(email="ada@globex.example")).status_code == 302


def test_texts_are_stored_as_an_import_stores_them(acme):
    data = contact_form(email="x@acme.example", first_name=" Zoe\u0308 ", notes="one\r\ntwo\rthree ")
    assert post(acme, "contact/add/", data).status_code == 302
    contact = Contact.objects.get(email="x@acme.example")
    assert (contact.first_name, contact.notes) == ("Zo\u00eb", "one\ntwo\nthree")


def test_a_forbidden_character_is_a_form_error(acme):
    page = post(acme, "contact/add/", contact_form(email="x@acme.example", notes="a\x1bb"))
    assert list(errors(page)) == ["notes"]


def test_tags_are_separated_by_commas(acme):
    assert post(acme, "contact/add/", contact_form(email="x@acme.example", tags="vip, emea")).status_code == 302
    assert Contact.objects.get(email="x@acme.example").tags == ["vip", "emea"]


def test_a_tag_is_stored_once_whatever_its_case(acme):
    assert post(acme, "contact/add/", contact_form(email="x@acme.example", tags="VIP,vip, Vip")).status_code == 302
    assert Contact.objects.get(email="x@acme.example").tags == ["VIP"]


@pytest.mark.parametrize("tags", ["vip,", "vip,,emea", ", vip , ,emea", "vip,\u200b,emea"])
def test_blank_tags_are_left_out_as_in_a_file(acme, tags):
    assert post(acme, "contact/add/", contact_form(email="x@acme.example", tags=tags)).status_code == 302
    assert Contact.objects.get(email="x@acme.example").tags == ["vip", "emea"][: 1 + ("emea" in tags)]


@pytest.mark.parametrize("tags", ["", " ", ",", "\u200b"])
def test_a_field_of_nothing_but_blank_tags_is_blank(acme, tags):
    assert post(acme, "contact/add/", contact_form(email="x@acme.example", tags=tags)).status_code == 302
    assert Contact.objects.get(email="x@acme.example").tags == []


def test_a_tag_that_is_too_long_is_named_by_its_place(acme):
    page = post(acme, "contact/add/", contact_form(email="x@acme.example", tags="vip," + "x" * 51))
    assert "Tag 2: Ensure this value has at most 50 characters (it has 51)." in page.content.decode()


def deal_form(stage, **values):
    return {"name": "Big one", "value": "10.50", "currency": "EUR", "stage": stage.pk, "probability": ""} | values


def test_a_deal_takes_pipeline_and_probability_from_its_stage(acme):
    stage = Stage.objects.get(tenant=acme.tenant, name="Proposal")
    assert post(acme, "deal/add/", deal_form(stage)).status_code == 302
    deal = Deal.objects.get(name="Big one")
    assert (deal.pipeline, deal.stage, deal.probability) == (stage.pipeline, stage, 50)


def test_a_deals_name_is_unique_in_its_pipeline(acme):
    stage = Stage.objects.filter(tenant=acme.tenant).last()
    page = post(acme, "deal/add/", deal_form(stage, name="DEAL of  acme"))
    assert "Another deal has the same name and pipeline." in str(errors(page))
    assert Deal.objects.filter(tenant=acme.tenant).count() == 1


def test_a_stage_of_another_tenant_is_not_a_choice(acme, globex):
    assert list(errors(post(acme, "deal/add/", deal_form(globex.records[Stage])))) == ["stage"]


def test_deleting_a_company_keeps_its_contacts(acme):
    company = acme.records[Company]
    page = acme.client("editor").get(f"/admin/crm/company/{company.pk}/delete/")
    assert "one activity" in page.content.decode()
    assert post(acme, f"company/{company.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Activity.objects.filter(tenant=acme.tenant).exists()
    assert Contact.objects.get(tenant=acme.tenant).company is None


def test_a_pipeline_in_use_cannot_be_deleted(acme):
    pipeline = Pipeline.objects.create(tenant=acme.tenant, name="Partners")
    stage = Stage.objects.create(tenant=acme.tenant, pipeline=pipeline, name="Lead")
    Deal.objects.filter(tenant=acme.tenant).update(pipeline=pipeline, stage=stage)
    page = post(acme, f"pipeline/{pipeline.pk}/delete/", {"post": "yes"}, role="admin")
    assert page.status_code in {200, 403}
    assert Pipeline.objects.filter(pk=pipeline.pk).exists()


def test_the_default_pipeline_cannot_be_deleted(acme):
    assert post(acme, f"pipeline/{acme.records[Pipeline].pk}/delete/", {"post": "yes"}, role="admin").status_code == 403


def stages_form(*stages, pipeline=None, **values):
    """Return the form data of a pipeline with stages, given as (id, name)."""
    data = {
        "name": "Partners",
        "stages-TOTAL_FORMS": len(stages),
        "stages-INITIAL_FORMS": sum(bool(pk) for pk, _ in stages),
    }
    for n, (pk, name) in enumerate(stages):
        data |= {f"stages-{n}-id": pk, f"stages-{n}-pipeline": pipeline or "", f"stages-{n}-name": name}
        data |= {f"stages-{n}-probability": 10, f"stages-{n}-position": n}
    return data | values


def test_a_pipeline_is_created_with_stages_and_replaces_the_default(acme):
    data = stages_form(("", "First"), ("", "Second"), is_default="on")
    assert post(acme, "pipeline/add/", data, role="admin").status_code == 302
    pipeline = Pipeline.objects.get(tenant=acme.tenant, is_default=True)
    assert (pipeline.name, [stage.name for stage in pipeline.stages.all()]) == ("Partners", ["First", "Second"])
    assert {stage.tenant for stage in pipeline.stages.all()} == {acme.tenant}


def test_two_stages_with_the_same_name_are_a_form_error(acme):
    page = post(acme, "pipeline/add/", stages_form(("", "First"), ("", " FIRST")), role="admin")
    assert "this name" in page.content.decode()
    assert Pipeline.objects.filter(tenant=acme.tenant).count() == 1


def test_one_pipeline_must_be_the_default(acme):
    pipeline = acme.records[Pipeline]
    data = stages_form(*((stage.pk, stage.name) for stage in pipeline.stages.all()), pipeline=pipeline.pk)
    assert list(errors(post(acme, f"pipeline/{pipeline.pk}/change/", data, role="admin"))) == ["is_default"]


# --- people -------------------------------------------------------------------------------------------------------


MEMBER = {"username": "newbie", "email": "new@acme.example", "password": "correct horse 9", "role": "viewer"}


def test_an_admin_can_add_a_member_who_can_sign_in(acme, client):
    assert post(acme, "membership/add/", MEMBER, role="admin").status_code == 302
    member = Membership.objects.get(user__username="newbie")
    assert (member.tenant, member.role, member.user.is_staff, member.user.is_superuser) == (
        acme.tenant, "viewer", True, False,
    )  # fmt: skip
    assert client.login(username="newbie", password="correct horse 9")


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"username": "Viewer-Acme"}, "username"), ({"password": "12345678"}, "password"), ({"role": "god"}, "role")],
)
def test_an_invalid_member_is_a_form_error(acme, changes, field):
    assert list(errors(post(acme, "membership/add/", (MEMBER | changes), role="admin"))) == [field]
    assert not User.objects.filter(username="newbie").exists()


def test_an_admin_can_change_a_role(acme):
    member = Membership.objects.get(user=acme.users["viewer"])
    answer = acme.client("admin").post(f"/admin/crm/membership/{member.pk}/change/", {"role": "editor"})
    assert answer.status_code == 302
    member.refresh_from_db()
    assert member.role == "editor"


def test_nobody_can_lock_themselves_out(acme):
    own = Membership.objects.get(user=acme.users["admin"])
    client = acme.client("admin")
    assert client.post(f"/admin/crm/membership/{own.pk}/change/", {"role": "viewer"}).status_code == 403
    assert client.post(f"/admin/crm/membership/{own.pk}/delete/", {"post": "yes"}).status_code == 403


def test_an_admin_can_remove_a_member(acme):
    member = Membership.objects.get(user=acme.users["viewer"])
    assert post(acme, f"membership/{member.pk}/delete/", {"post": "yes"}, role="admin").status_code == 302
    assert acme.client("viewer").get("/admin/crm/contact/").status_code == 302


def test_a_superuser_can_assign_a_user_to_a_tenant(acme, superuser):
    user = User.objects.create_user("grace", is_staff=True)
    data = {
        "username": "grace", "is_active": "on", "is_staff": "on", "membership-TOTAL_FORMS": 1, "membership-INITIAL_FORMS": 0,
        "membership-0-tenant": acme.tenant.pk, "membership-0-role": "editor", "membership-0-user": user.pk,
    }  # fmt: skip
    answer = superuser.post(f"/admin/auth/user/{user.pk}/change/", data)
    assert answer.status_code == 302, answer.context["errors"]
    assert Membership.objects.get(user=user).tenant == acme.tenant
