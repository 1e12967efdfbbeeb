"""Security headers, limits on signing in, and error pages."""

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
    """Fail to sign in; return the last response."""
    for _ in range(times):
        response = client.post(LOGIN, {"username": name, "password": "wrong"}, **headers)
    return response


def post_login(client, **headers):
    return client.post(LOGIN, {"username": "root", "password": PASSWORD, "next": "/admin/"}, **headers)


# Headers


@pytest.mark.parametrize("path", [LOGIN, "/admin/", "/nothing", "/api/docs", "/api/v1/importexport/contacts/export"])
def test_every_response_has_the_policy(client, db, path):
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


def test_the_script_is_the_build_without_eval():
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
def test_no_page_has_content_that_the_policy_forbids(client, root, path):
    if path != LOGIN:
        client.force_login(root)
    html = client.get(path).content.decode()
    assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", html.replace('type="application/json"', "src="))
    assert not re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", html)
    assert not re.findall(r'(?:src|href|action)="(?:https?:)?//[^"]*', html)


@pytest.mark.parametrize("path", ["/admin/", "/admin/crm/contact/"])
def test_staff_pages_are_not_cached(client, root, path):
    client.force_login(root)
    assert "no-store" in client.get(path).headers["Cache-Control"]


# Sessions


def test_the_session_lasts_a_working_day_and_is_hidden_from_scripts(client, root):
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


# Limits on signing in


def test_five_failures_lock_a_name_out_for_a_quarter_of_an_hour(client, root):
    assert fail(client, 4).status_code == 200
    assert fail(client, 1).status_code == 429
    response = post_login(client)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "900")
    assert "signing in is blocked for 15 minutes" in response.content.decode()
    assert "_auth_user_id" not in client.session
    AccessAttempt.objects.update(attempt_time=datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=16))
    assert post_login(client).status_code == 302


def test_further_failures_do_not_extend_the_lock(client, root):
    fail(client, 5)
    AccessAttempt.objects.update(attempt_time=datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=14))
    fail(client, 3)
    oldest = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=13)
    assert AccessAttempt.objects.get().attempt_time < oldest


def test_the_lock_is_for_one_name_and_address(client, root):
    get_user_model().objects.create_superuser("eve", password=PASSWORD)
    fail(client, 5)
    assert client.post(LOGIN, {"username": "eve", "password": PASSWORD, "next": "/admin/"}).status_code == 302
    assert post_login(Client(), REMOTE_ADDR="192.0.2.7").status_code == 302
    assert post_login(Client()).status_code == 429


def test_success_resets_the_count(client, root):
    fail(client, 4)
    assert post_login(client).status_code == 302
    assert fail(Client(), 4).status_code == 200


def test_an_unknown_name_is_locked_like_any_other(client, db):
    assert fail(client, 5, name="<b>nobody</b>").status_code == 429


def test_failures_with_twenty_names_lock_the_address(client, root):
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


def test_success_does_not_reset_the_count_of_other_names(client, root):
    for number in range(19):
        fail(client, 1, name=f"name{number}")
    assert post_login(client).status_code == 302
    assert fail(Client(), 1, name="the twentieth").status_code == 429
    assert post_login(Client()).status_code == 429


def test_many_failures_with_one_name_do_not_lock_the_address(client, root):
    fail(client, 40, name="eve")
    assert post_login(Client()).status_code == 302


def test_failures_of_four_people_do_not_lock_their_address(client, root):
    for number in range(4):
        fail(Client(), 4, name=f"colleague {number}")
    assert post_login(client).status_code == 302


def test_a_name_that_is_too_long_counts_as_a_failure(client, root):
    for number in range(19):
        assert fail(client, 1, name=f"{number} {'x' * 5000}").status_code == 200
    assert fail(client, 1, name=f"19 {'x' * 5000}").status_code == 429
    assert post_login(client).status_code == 429


def test_signed_in_users_are_not_affected_by_a_locked_address(client, root):
    assert post_login(client).status_code == 302
    for number in range(25):
        fail(Client(), 1, name=f"name{number}")
    assert client.get("/admin/").status_code == 200


def test_a_client_cannot_change_its_address(client, root):
    for number in range(5):
        response = fail(client, 1, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}")
    assert response.status_code == 429


def test_all_addresses_of_an_ipv6_network_count_as_one(client, root):
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
def test_behind_a_proxy_its_header_has_the_address(settings, header, address):
    request = RequestFactory().get("/", HTTP_X_FORWARDED_FOR=header)
    assert client_address(request) == "127.0.0.1"
    settings.HTTPS = True
    assert client_address(request) == address


def test_a_missing_address_is_none():
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="")) is None


def test_code_can_sign_in_without_a_request(root, client):
    assert authenticate(username="root", password=PASSWORD) == root
    assert client.login(username="root", password=PASSWORD)


def test_attempts_are_not_in_the_admin():
    assert not {model._meta.label for model in admin.site._registry} & {"axes.AccessAttempt", "axes.AccessLog"}


# Error pages


def test_a_missing_page_has_the_products_design(client, root):
    client.force_login(root)
    response = client.get("/admin/nothing/")
    assert response.status_code == 404
    assert "Page not found" in response.content.decode()
    assert "rally/rally" in response.content.decode()


def test_a_missing_csrf_token_is_explained(root):
    response = Client(enforce_csrf_checks=True).post(LOGIN, {"username": "root", "password": PASSWORD})
    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()


def broken(request):
    raise RuntimeError("secret detail")


def test_an_error_page_reveals_nothing(client, db, settings):
    settings.ROOT_URLCONF = "tests.rally.test_security"
    client.raise_request_exception = False
    response = client.get("/broken")
    assert response.status_code == 500
    assert "Something went wrong on our side" in response.content.decode()
    assert "secret" not in response.content.decode()
    assert "Traceback" not in response.content.decode()


urlpatterns = [path("broken", broken), *urls.urlpatterns]
handler404, handler500 = urls.handler404, urls.handler500
