"""Forms whose session has ended, at each step: nothing happens unseen, and what was typed is kept."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from crm.models import Contact
from importexport.models import ImportRun
from tests.support.staff import PASSWORD, add_run, sign_in

LOGIN, ADD = "/admin/login/", "/admin/crm/contact/add/"
ADA = {"first_name": "Ada", "last_name": "Löwe", "email": "ada@example.com", "notes": "\n<b>two</b>\nlines", "tags": ""}
ADA |= {"lifecycle_stage": "lead"}
STEPS = ["confirm", "discard", "undo", "plan_again", "cancel"]


@pytest.fixture
def client(db, tenant):
    return sign_in(tenant, "editor", name="ada")


def credentials(response, **fields):
    """Return what the login page sends, with a password."""
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', response.content.decode()))
    return hidden | {"username": "ada", "password": PASSWORD} | fields


def text_of(response):
    return response.content.decode()


def test_a_typed_form_survives_signing_in_again(client, tenant):
    client.logout()
    asked = client.post(ADD, ADA)
    assert "Sign in: what you have typed is kept." in text_of(asked)
    assert f'<form action="{LOGIN}"' in text_of(asked)
    wrong = client.post(LOGIN, credentials(asked, password="wrong"))
    page = client.post(LOGIN, credentials(wrong))
    assert not Contact.objects.exists()
    assert "The form has not been sent yet." in text_of(page)
    assert f'action="{ADD}"' in text_of(page)
    assert "&lt;b&gt;two&lt;/b&gt;" in text_of(page)
    assert client.post(page.context["path"], dict(page.context["fields"])).status_code == 302
    found = Contact.objects.get()
    assert (found.tenant, found.last_name, found.notes) == (tenant, "Löwe", "<b>two</b>\nlines")


def test_options_chosen_in_a_preview_survive_as_well(client, tenant):
    run = add_run(tenant, status="planned")
    address = reverse("admin:importexport_importrun_plan_again", args=[run.pk])
    client.logout()
    page = client.post(LOGIN, credentials(client.post(address, {"mode": "update", "blank": "fill"})))
    assert (page.context["path"], page.context["fields"]) == (address, [["mode", "update"], ["blank", "fill"]])


def test_a_script_is_told_by_a_redirect_that_the_session_has_ended(client):
    client.logout()
    response = client.post(ADD, ADA, HTTP_SEC_FETCH_MODE="cors")
    assert (response.status_code, response.url) == (302, f"/admin/login/?next={ADD}")


@pytest.mark.parametrize("kept", ["x", "", "ImEi:1w:2x"])
def test_a_form_that_was_not_kept_here_is_not_sent(client, kept):
    client.logout()
    response = client.post(LOGIN, {"username": "ada", "password": PASSWORD, "next": "/admin/", "kept": kept})
    assert (response.status_code, response.url) == (302, "/admin/")


def test_a_password_is_not_kept(client):
    client.logout()
    form = {"old_password": PASSWORD, "new_password1": "x", "new_password2": "x"}
    response = client.post("/admin/password_change/", form)
    assert (response.status_code, response.url) == (302, "/admin/login/?next=/admin/password_change/")


@pytest.mark.parametrize("step", STEPS)
def test_a_step_without_a_session_leads_to_the_page_of_the_run(client, tenant, step):
    run = add_run(tenant, status="planned", file_name="people.csv")
    page = reverse("admin:importexport_importrun_change", args=[run.pk])
    address = reverse(f"admin:importexport_importrun_{step}", args=[run.pk])
    typed = client.get(address, follow=True)
    assert typed.redirect_chain[-1] == (page, 302)
    assert "Nothing has happened: this address belongs to a button." in text_of(typed)
    client.logout()
    asked = client.post(address, follow=True)
    assert "You have been signed out in the meantime, so nothing has happened yet." in text_of(asked)
    after = client.post(LOGIN, credentials(asked))
    assert after.url == page
    client.logout()
    form = {"username": "ada", "password": PASSWORD, "next": address}
    assert "Press the button again." in text_of(client.post(LOGIN, form, follow=True))
    assert ImportRun.objects.get().status == "planned"


def test_the_options_of_an_import_survive_and_its_file_has_to_be_chosen_again(client):
    client.logout()
    file = SimpleUploadedFile("people.csv", b"first_name,last_name,email\n")
    asked = client.post("/admin/crm/contact/import/", {"file": file, "mode": "update", "blank": "fill"}, follow=True)
    assert "Sign in, then choose the file again." in text_of(asked)
    page = client.post(LOGIN, credentials(asked, next=asked.context["next"]))
    assert page.url == "/admin/crm/contact/import/?mode=update&blank=fill"


def test_a_form_of_ours_that_has_expired_can_be_sent_again_and_one_of_another_site_cannot(client, tenant):
    run = add_run(tenant, status="planned")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    ours = {"HTTP_ORIGIN": "http://testserver"}
    page = strict.post(ADD, ADA, **ours)
    assert "What you typed is kept" in text_of(page)
    assert ["last_name", "Löwe"] in page.context["fields"]
    step = strict.post(f"/admin/importexport/importrun/{run.pk}/confirm/", **ours, follow=True)
    assert "You have signed in again in the meantime, in another window, so nothing has happened yet." in text_of(step)
    for elsewhere in ({}, {"HTTP_ORIGIN": "https://evil.example"}, {"HTTP_ORIGIN": "null"}):
        refused = strict.post(ADD, ADA, **elsewhere)
        assert refused.status_code == 403
        assert "This form has expired" in text_of(refused)
    assert (Contact.objects.count(), ImportRun.objects.get().status) == (0, "planned")
