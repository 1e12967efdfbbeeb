"""Keys: who gets in, and who no longer does."""

import datetime

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from crm.models.api_key import create_api_key
from crm.models.tenant import create_tenant
from tests.importexport.api.conftest import Account
from tests.importexport.api.wire import CONTACTS, EXPORT, IMPORT, TEMPLATE, form

UNKNOWN = "rk_live_" + "x" * 40


@pytest.mark.parametrize(
    "bad", ["", UNKNOWN, "rk_live_short", "Bearer x", "rk_live_" + "é" * 40, UNKNOWN + "x" * 7000, UNKNOWN + ",a", "'"]
)
def test_no_valid_key_is_401(api, bad):
    answer = api.request("GET", TEMPLATE, headers={"X-Api-Key": bad.encode("utf-8")})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("ApiKey ")
    assert answer.headers["X-RateLimit-Limit"] is None


def test_a_missing_key_is_401(api):
    answer = api.request("GET", TEMPLATE)
    assert (answer.status, answer.headers["Content-Type"]) == (401, "application/problem+json")


def test_a_key_sent_twice_is_no_key(api, key):
    with api.open() as connection:
        twice = f"X-Api-Key: {key}\r\n" * 2
        connection.sendall(f"GET {TEMPLATE} HTTP/1.1\r\nHost: localhost\r\n{twice}\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 401"


def test_a_key_is_worthless_once_revoked(api, account, key):
    assert api.request("GET", TEMPLATE, key=key).status == 200
    account.sql("UPDATE crm_apikey SET revoked_at = now() WHERE tenant_id = %s", account.pk)
    assert api.request("GET", TEMPLATE, key=key).status == 401


def test_a_key_is_worthless_once_expired(api, account):
    key = account.add_key(expires_at=timezone.now() + datetime.timedelta(days=1))
    assert api.request("GET", TEMPLATE, key=key).status == 200
    account.sql("UPDATE crm_apikey SET expires_at = now() WHERE tenant_id = %s", account.pk)
    assert api.request("GET", TEMPLATE, key=key).status == 401


@pytest.mark.parametrize(("scope", "expected"), [("read", 403), ("write", 200), ("admin", 200)])
def test_an_import_needs_the_scope_write(api, account, scope, expected):
    assert api.upload(IMPORT, form(CONTACTS), key=account.add_key(scope)).status == expected
    assert account.count() == (expected == 200)


@pytest.mark.parametrize("scope", ["read", "write", "admin"])
def test_an_export_is_open_to_every_scope(api, account, scope):
    assert api.request("GET", EXPORT, key=account.add_key(scope)).status == 200


def test_the_use_of_a_key_is_noted_once_a_minute(api, account, key):
    def seconds_since_use() -> float | None:
        since = "SELECT extract(epoch FROM now() - last_used_at)::float FROM crm_apikey WHERE tenant_id = %s"
        return account.sql(since, account.pk)

    age = "UPDATE crm_apikey SET last_used_at = last_used_at - interval '31 s'"
    assert seconds_since_use() is None
    for _ in range(2):
        api.request("GET", TEMPLATE, key=key)
        account.sql(f"{age} WHERE tenant_id = %s", account.pk)
    assert seconds_since_use() >= 60
    api.request("GET", TEMPLATE, key=key)
    assert seconds_since_use() < 30


@pytest.mark.django_db
def test_a_small_request_is_one_question_to_the_database(tmp_path):
    _, secret = create_api_key(tenant=create_tenant(slug="acme", name="Acme Inc"), name="ci")
    client = Client(headers={"X-Api-Key": secret})
    with (tmp_path / "protocol").open("w") as protocol:
        connection.connection.pgconn.trace(protocol.fileno())
        assert client.get(TEMPLATE).status_code == 200
        connection.connection.pgconn.untrace()
    sent = (tmp_path / "protocol").read_text()
    assert (sent.count("\tExecute\t"), sent.count("\tQuery\t")) == (1, 0)


def test_a_key_sees_its_own_tenant_alone(api, account, key):
    api.upload(IMPORT, form(CONTACTS), key=key)
    foreign = Account(account.server, f"{account.slug}-other").add_key()
    assert api.request("GET", EXPORT, key=key).body.count(b"\r\n") == 2
    assert api.request("GET", EXPORT, key=foreign).body.count(b"\r\n") == 1
