"""The causes of problems: each request that fails names one, and each cause is explained."""

import inspect
import json
import re
from collections.abc import Iterable
from pathlib import Path

import psycopg
import pytest
from django.test import Client
from django.utils import timezone

import importexport
from importexport import errors
from importexport.api.causes import STATUSES, Cause, cause_of
from importexport.models import ImportRun
from tests.importexport.api.wire import CONTACTS, IMPORT, TEMPLATE, Form, form
from tests.support.api import Api, one_row
from tests.support.real import RealTenant, contacts, wait_until_blocked
from tests.support.waiting import Background

PLAN = "/api/v1/importexport/contacts/plan"
UUID = "5e0ee0f4-6a1b-4b1c-9d55-1c8c1b6d0b5e"


def cause_named(body):
    """Return the cause that problem details name."""
    page, _, slug = body["type"].partition("#")
    assert page == "/api/docs/problems"
    (cause,) = [cause for cause in Cause if cause.slug == slug]
    assert cause.status == body["status"]
    return cause


def cause_in(response):
    return cause_named(json.loads(response.getvalue()))


# --- the table -----------------------------------------------------------------------------------------------


def test_every_cause_is_raised_somewhere():
    package = Path(importexport.__file__).parent
    sources = [*package.rglob("*.py"), package.parent / "rally" / "health.py"]
    text = "\n".join(path.read_text() for path in sources if path.name != "causes.py" and "openapi" not in path.parts)
    named = re.findall(r"Cause\.([A-Z0-9_]+)", text)
    codes = [code.upper() for code in re.findall(r'"([a-z0-9_]+)"', text)]
    states = {"INVALID_KEY", "EXPIRED_KEY", "REVOKED_KEY"}
    defaults_of_drf = {"NOT_ACCEPTABLE"}
    assert {cause.name for cause in Cause} <= {*named, *codes, *states, *defaults_of_drf}


#: An argument of each type that the functions of errors take.
SAMPLES = {
    int: 1,
    str: "a",
    bool: True,
    list[str]: ["a", "b"],
    Iterable[str]: ["a", "b"],
    list[tuple[int, str]]: [(2, "a")],
}


def test_every_error_of_a_file_has_its_cause():
    made = [
        function(*(SAMPLES[parameter.annotation] for parameter in inspect.signature(function).parameters.values()))
        for function in vars(errors).values()
        if inspect.isfunction(function) and function.__annotations__.get("return") is errors.FileError
    ]  # fmt: skip
    made += [errors.NotCsv("a PDF"), errors.TooLarge(1)]
    assert len(made) >= 10
    without = {error.code for error in made if cause_of(error.code) in {None, Cause.FAILED_FILE}}
    # Only the shell writes rejected rows into a workbook while it imports.
    assert without == {"more_rejected_than_rows"}


def test_every_status_is_explained_with_its_causes():
    assert {cause.status for cause in Cause} == set(STATUSES)


def test_the_page_explains_every_cause_and_every_status():
    page = Client().get("/api/docs/problems").content.decode()
    anchors = re.findall(r'<section id="([^"]+)">', page)
    assert sorted(anchors) == sorted([*(str(status) for status in STATUSES), *(cause.slug for cause in Cause)])
    for cause in Cause:
        section = page.partition(f'id="{cause.slug}"')[2].partition("</section>")[0]
        assert "<li><code>" in section
        assert "`" not in section
        assert ("Retry-After" in section) >= bool(cause.retry_after)


# --- what requests get ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ("expires_at = now()", Cause.EXPIRED_KEY),
        ("revoked_at = now()", Cause.REVOKED_KEY),
        ("expires_at = now(), revoked_at = now()", Cause.REVOKED_KEY),
        ("digest = repeat('0', 64)", Cause.INVALID_KEY),
    ],
)
def test_a_key_that_no_longer_works_says_why(api, account, key, change, cause):
    account.sql(f"UPDATE crm_apikey SET {change} WHERE tenant_id = %s", account.pk)
    answer = api.request("GET", TEMPLATE, key=key)
    account.sql("DELETE FROM crm_apikey WHERE tenant_id = %s", account.pk)
    assert cause_named(answer.json) is cause
    assert answer.detail == "The API key is not valid. Send a key in the header X-Api-Key."


def test_a_key_that_was_never_one_is_invalid(api):
    assert cause_named(api.request("GET", TEMPLATE).json) is Cause.MISSING_KEY
    assert cause_named(api.request("GET", TEMPLATE, key="rk_live_short").json) is Cause.INVALID_KEY
    assert cause_named(api.request("GET", TEMPLATE, key="rk_live_" + "x" * 40).json) is Cause.INVALID_KEY


@pytest.mark.parametrize(
    ("method", "path", "headers", "cause"),
    [
        ("GET", "/api/v1/importexport/leads/export", {}, Cause.NO_SUCH_PATH),
        ("GET", f"/api/v1/importexport/imports/{UUID}", {}, Cause.NO_SUCH_IMPORT),
        ("GET", "/api/v1/importexport/contacts/1/imports", {}, Cause.NO_SUCH_RECORD),
        ("DELETE", TEMPLATE, {}, Cause.METHOD_NOT_ALLOWED),
        ("GET", TEMPLATE, {"Accept": "image/png"}, Cause.NOT_ACCEPTABLE),
        ("GET", f"{TEMPLATE}?page=2", {}, Cause.UNKNOWN_PARAMETER),
        ("GET", "/api/v1/importexport/imports?limit=1&limit=2", {}, Cause.REPEATED_PARAMETER),
        ("GET", "/api/v1/importexport/imports?limit=0", {}, Cause.INVALID_PARAMETER),
        ("GET", "/api/v1/importexport/imports?status=x", {}, Cause.INVALID_PARAMETER),
        ("GET", "/api/v1/importexport/imports?after=x", {}, Cause.INVALID_PARAMETER),
        ("GET", TEMPLATE, {"Host": "evil.example"}, Cause.MALFORMED_REQUEST),
        ("POST", f"{IMPORT}?mode=merge", {}, Cause.INVALID_OPTION),
        ("POST", IMPORT, {"Content-Type": "text/csv"}, Cause.UNSUPPORTED_MEDIA_TYPE),
        ("POST", IMPORT, {"Content-Type": "multipart/form-data"}, Cause.MALFORMED_BODY),
    ],
)
def test_a_request_that_fails_names_its_cause(api, key, method, path, headers, cause):
    assert cause_named(api.request(method, path, key=key, headers=headers).json) is cause


def test_a_key_without_the_scope_says_so(api, account):
    assert cause_named(api.upload(IMPORT, form(CONTACTS), key=account.add_key("read")).json) is Cause.SCOPE


def test_limits_name_their_causes(strict_api, key):
    other = strict_api.request("GET", TEMPLATE, key=key, headers={"Host": "nobody.rally.test"})
    assert cause_named(other.json) is Cause.OTHER_TENANT
    for _ in range(5):
        last = strict_api.request("GET", TEMPLATE, key=key)
    assert cause_named(last.json) is Cause.RATE_LIMIT


@pytest.mark.parametrize(
    ("sent", "cause"),
    [
        (form(b"PK\3\4" + bytes(100)), Cause.NOT_CSV),
        (form(b"x" * (10 * 2**20 + 1)), Cause.FILE_TOO_LARGE),
        (Form([("note", None, b"x" * 300_000)]), Cause.FORM_TOO_LARGE),
        (Form([("file", None, CONTACTS)]), Cause.NO_FILE),
        (Form([("file", "a.csv", CONTACTS)] * 2), Cause.SEVERAL_FILES),
        (Form([("file", "a.csv", CONTACTS)], end=b""), Cause.MALFORMED_BODY),
        (form(b""), Cause.EMPTY_FILE),
        (form(b"\r\n\r\n"), Cause.NO_HEADER),
        (form(b"first_name\r\nAda\r\n"), Cause.MISSING_COLUMN),
        (form(b"email,email\r\n"), Cause.REPEATED_COLUMN),
        (form(CONTACTS + b"\xff\r\n"), Cause.NOT_UTF8),
        (form(CONTACTS.decode().encode("utf-16")), Cause.NOT_UTF8),
        (form(CONTACTS + b'"A'), Cause.BROKEN_QUOTING),
    ],
)
@pytest.mark.parametrize("path", [IMPORT, PLAN])
def test_a_file_that_fails_names_its_cause(api, key, path, sent, cause):
    assert cause_named(api.upload(path, sent, key=key).json) is cause


@pytest.mark.parametrize(
    ("key", "cause"), [("", Cause.INVALID_IDEMPOTENCY_KEY), ("x" * 256, Cause.INVALID_IDEMPOTENCY_KEY)]
)
def test_a_malformed_idempotency_key_names_its_cause(tenant, key, cause):
    assert cause_in(Api(tenant).post_file("contacts", one_row("contacts"), **{"Idempotency-Key": key})) is cause


@pytest.mark.django_db(transaction=True)
def test_what_stands_in_the_way_of_a_plan_names_its_cause(tenant):
    api = Api(tenant)
    plan, stale = (api.plan("contacts", one_row("contacts"))["id"] for _ in range(2))
    assert cause_in(api.post(f"imports/{plan}/undo")) is Cause.NOTHING_TO_UNDO
    assert cause_in(api.get(f"imports/{plan}/rejected")) is Cause.NO_REJECTED_ROWS
    assert api.post(f"imports/{plan}/apply").status_code == 200
    again = api.post(f"imports/{plan}/apply")
    assert cause_in(again) is Cause.PLAN_ALREADY_APPLIED
    assert "Retry-After" not in again
    assert cause_in(api.post(f"imports/{stale}/apply")) is Cause.PLAN_NO_LONGER_HOLDS
    undo = api.plan_undo(plan)["id"]
    assert api.post(f"imports/{undo}/apply").status_code == 200
    assert cause_in(api.post(f"imports/{undo}/apply")) is Cause.PLAN_ALREADY_APPLIED
    ImportRun.objects.filter(pk=plan).update(purged_at=timezone.now())
    assert cause_in(api.post(f"imports/{plan}/undo")) is Cause.UNDO_EXPIRED
    assert cause_in(api.get(f"imports/{plan}/rejected")) is Cause.REJECTED_ROWS_EXPIRED
    assert cause_in(api.post_file("contacts", "x\n", to="plan")) is Cause.MISSING_COLUMN
    failed = api.look("imports")["results"][0]["id"]
    assert cause_in(api.post(f"imports/{failed}/apply")) is Cause.PLAN_FAILED


def test_a_request_in_flight_says_when_to_come_again(server):
    """Both an Idempotency-Key in use and a plan that is being applied."""
    tenant = RealTenant(server)
    plan = tenant.post("contacts", contacts(range(10)), to="plan")[1]["id"]
    with psycopg.connect(server.database_url) as by_hand:
        by_hand.execute("LOCK TABLE crm_contact IN ACCESS EXCLUSIVE MODE")
        first = Background(tenant.send, f"imports/{plan}/apply", headers={"Idempotency-Key": "one"})
        wait_until_blocked(tenant, by_hand)
        for key, cause in (("one", Cause.IDEMPOTENCY_KEY_IN_USE), ("two", Cause.PLAN_BEING_APPLIED)):
            answer = tenant.ask("POST", f"imports/{plan}/apply", headers={"Idempotency-Key": key})
            assert cause_named(json.loads(answer.body)) is cause
            assert int(answer.headers["Retry-After"]) == cause.retry_after
        by_hand.rollback()
    assert first.outcome()[0] == 200


# --- answers that come again ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("content", "status"), [(one_row("contacts"), 200), ("x\n", 400), ("%PDF-1.7", 415)])
def test_an_answer_that_comes_again_says_so(tenant, content, status):
    first, again = (Api.post_file(api, "contacts", content, **{"Idempotency-Key": "1"}) for api in [Api(tenant)] * 2)
    assert (first.status_code, again.status_code) == (status, status)
    assert first.getvalue() == again.getvalue()
    assert "Idempotent-Replayed" not in first
    assert again.headers.get("Idempotent-Replayed") == (None if status == 415 else "true")
