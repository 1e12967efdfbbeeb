"""What keeps visitors safe: headers, the sign-in's throttle, pages that give nothing away."""

import datetime
import re
from pathlib import Path

import pytest
from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth import authenticate, get_user_model
from django.contrib.staticfiles import finders
from django.test import Client, RequestFactory
from django.urls import path

from rally import urls
from rally.security import client_address

LOGIN = "/admin/login/"
PASSWORD = "correct horse"


@pytest.fixture
def root(db):
    return get_user_model().objects.create_superuser("root", password=PASSWORD)


def fail(client, times, name="root", **headers):
    """Fail to sign in; return the last answer."""
    for _ in range(times):
        response = client.post(LOGIN, {"username": name, "password": "wrong"}, **headers)
    return response


def post_login(client, **headers):
    return client.post(LOGIN, {"username": "root", "password": PASSWORD, "next": "/admin/"}, **headers)


# Headers


@pytest.mark.parametrize("path", [LOGIN, "/admin/", "/nothing", "/api/docs", "/api/v1/importexport/contacts/export"])
def test_every_answer_has_the_policy(client, db, path):
    headers = client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert headers["Referrer-Policy"] == headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "camera=()" in headers["Permissions-Policy"]


def test_the_pages_script_is_the_build_that_evaluates_no_text():
    script = Path(finders.find("unfold/js/alpine/alpine.js")).read_text()
    assert "CSP Parser Error" in script
    assert "new Function" not in script
    assert "AsyncFunction" not in script


PAGES = [
    LOGIN,
    "/admin/",
    "/admin/crm/contact/",
    "/admin/crm/contact/add/",
    "/admin/crm/activity/add/",
    "/admin/auth/user/",
    "/admin/auth/user/add/",
    "/admin/password_change/",
    "/admin/nothing/",
]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_what_the_policy_forbids_or_asks_elsewhere(client, root, path):
    if path != LOGIN:
        client.force_login(root)
    html = client.get(path).content.decode()
    assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", html.replace('type="application/json"', "src="))
    assert not re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", html)
    assert not re.findall(r'(?:src|href|action)="(?:https?:)?//[^"]*', html)


@pytest.mark.parametrize("path", ["/admin/", "/admin/crm/contact/"])
def test_what_staff_see_is_kept_nowhere(client, root, path):
    client.force_login(root)
    assert "no-store" in client.get(path).headers["Cache-Control"]


# Sessions


def test_the_session_is_a_working_day_and_out_of_scripts_reach(client, root):
    client.get(LOGIN)
    cookie = post_login(client).cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 12 * 3600)


def test_signing_in_changes_the_session(client, root):
    session = client.session
    session["left"] = "here"
    session.save()
    before = session.session_key
    assert post_login(client).status_code == 302
    assert client.session.session_key != before


# The throttle


def test_five_failures_lock_a_name_out_for_a_quarter_of_an_hour(client, root):
    assert fail(client, 4).status_code == 200
    assert fail(client, 1).status_code == 429
    response = post_login(client)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "900")
    assert "signing in is blocked for 15 minutes" in response.content.decode()
    assert "_auth_user_id" not in client.session
    AccessAttempt.objects.update(attempt_time=datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=16))
    assert post_login(client).status_code == 302


def test_going_on_trying_makes_it_no_longer(client, root):
    fail(client, 5)
    AccessAttempt.objects.update(attempt_time=datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=14))
    fail(client, 3)
    oldest = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=13)
    assert AccessAttempt.objects.get().attempt_time < oldest


def test_the_lock_is_of_one_name_from_one_address(client, root):
    get_user_model().objects.create_superuser("eve", password=PASSWORD)
    fail(client, 5)
    assert client.post(LOGIN, {"username": "eve", "password": PASSWORD, "next": "/admin/"}).status_code == 302
    assert post_login(Client(), REMOTE_ADDR="192.0.2.7").status_code == 302
    assert post_login(Client()).status_code == 429


def test_success_resets_the_count(client, root):
    fail(client, 4)
    assert post_login(client).status_code == 302
    assert fail(Client(), 4).status_code == 200


def test_a_name_that_nobody_has_is_locked_like_any_other(client, db):
    assert fail(client, 5, name="<b>nobody</b>").status_code == 429


def test_twenty_names_from_one_address_close_it_as_five_failures_of_one_name_close_that(client, root):
    for number in range(19):
        assert fail(client, 1, name=f"name{number}").status_code == 200
    assert post_login(Client(), REMOTE_ADDR="192.0.2.7").status_code == 302
    fail(client, 1, name="the twentieth")
    response = post_login(client)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "900")
    assert "or from your network" in response.content.decode()
    assert post_login(Client(), REMOTE_ADDR="192.0.2.7").status_code == 302
    AccessAttempt.objects.update(attempt_time=datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=16))
    assert post_login(client).status_code == 302


def test_a_success_does_not_forgive_the_failures_of_other_names(client, root):
    for number in range(19):
        fail(client, 1, name=f"name{number}")
    assert post_login(client).status_code == 302
    assert fail(Client(), 1, name="the twentieth").status_code == 429
    assert post_login(Client()).status_code == 429


def test_one_name_that_is_tried_on_and_on_does_not_close_the_address(client, root):
    fail(client, 40, name="eve")
    assert post_login(Client()).status_code == 302


def test_four_people_of_an_office_who_mistype_do_not_close_it(client, root):
    for number in range(4):
        fail(Client(), 4, name=f"colleague {number}")
    assert post_login(client).status_code == 302


def test_a_name_longer_than_any_is_a_wrong_one_and_counts(client, root):
    for number in range(19):
        assert fail(client, 1, name=f"{number} {'x' * 5000}").status_code == 200
    assert fail(client, 1, name=f"19 {'x' * 5000}").status_code == 429
    assert post_login(client).status_code == 429


def test_who_is_signed_in_stays_so_while_their_address_is_closed(client, root):
    assert post_login(client).status_code == 302
    for number in range(25):
        fail(Client(), 1, name=f"name{number}")
    assert client.get("/admin/").status_code == 200


def test_a_client_cannot_change_its_address(client, root):
    for number in range(5):
        response = fail(client, 1, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}")
    assert response.status_code == 429


def test_a_client_has_a_whole_network_of_addresses_in_ipv6_and_is_one_all_the_same(client, root):
    for number in range(20):
        fail(client, 1, name=f"name{number}", REMOTE_ADDR=f"2001:db8:0:1::{number}")
    assert post_login(Client(), REMOTE_ADDR="2001:db8:0:1::ffff").status_code == 429
    assert post_login(Client(), REMOTE_ADDR="2001:db8:0:2::1").status_code == 302


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("nonsense", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_behind_a_proxy_its_word_counts(settings, header, address):
    request = RequestFactory().get("/", HTTP_X_FORWARDED_FOR=header)
    assert client_address(request) == "127.0.0.1"
    settings.HTTPS = True
    assert client_address(request) == address


def test_no_address_at_all_is_none():
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="")) is None


def test_our_own_code_signs_in_without_a_request(root, client):
    assert authenticate(username="root", password=PASSWORD) == root
    assert client.login(username="root", password=PASSWORD)


def test_attempts_are_not_in_the_admin():
    assert not {model._meta.label for model in admin.site._registry} & {"axes.AccessAttempt", "axes.AccessLog"}


# Pages that say no


def test_a_page_that_is_not_there_says_so_in_the_products_look(client, root):
    client.force_login(root)
    response = client.get("/admin/nothing/")
    assert response.status_code == 404
    assert "Page not found" in response.content.decode()
    assert "rally/rally" in response.content.decode()


def test_a_form_without_its_token_is_explained(root):
    response = Client(enforce_csrf_checks=True).post(LOGIN, {"username": "root", "password": PASSWORD})
    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()


def broken(request):
    raise RuntimeError("secret detail")


def test_a_bug_gives_nothing_away(client, db, settings):
    settings.ROOT_URLCONF = "tests.rally.test_security"
    client.raise_request_exception = False
    response = client.get("/broken")
    assert response.status_code == 500
    assert "Something went wrong on our side" in response.content.decode()
    assert "secret" not in response.content.decode()
    assert "Traceback" not in response.content.decode()


urlpatterns = [path("broken", broken), *urls.urlpatterns]
handler404, handler500 = urls.handler404, urls.handler500
