"""GET /api/v1/me: what a key belongs to, and its limits."""

import datetime as dt
import json

import pytest

from crm.models.tenant import create_tenant
from tests.support.api import Api, problem

PATHS = ["/api/v1/me", "/api/v1/me/", "/api/me", "/api/me/"]


@pytest.fixture
def tenant(db):
    return create_tenant(slug="acme", name="Acme Inc", currency="EUR", timezone="Europe/Berlin")


@pytest.fixture
def api(tenant):
    return Api(tenant)


@pytest.mark.parametrize("path", PATHS)
def test_a_key_learns_its_tenant_scope_and_limits(tenant, settings, path):
    settings.RALLY_RATE_LIMIT, settings.RALLY_IMPORT_MAX_BYTES, settings.RALLY_IMPORT_KEEP_DAYS = 7, 1234, 9
    expiry = dt.datetime(2099, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    api = Api(tenant, scope="read", expires_at=expiry)
    response = api.client.get(path)
    created = api.key.created_at
    assert json.loads(response.content) == {
        "tenant": {"slug": "acme", "name": "Acme Inc", "currency": "EUR", "timezone": "Europe/Berlin"},
        "key": {
            "name": api.key.name,
            "scope": "read",
            "createdAt": f"{created:%Y-%m-%dT%H:%M:%SZ}",
            "expiresAt": "2099-01-02T03:04:05Z",
        },
        "limits": {"requestsPerMinute": 7, "requestsRemaining": 6, "maxFileBytes": 1234, "keepDays": 9},
    }
    assert (response["X-RateLimit-Limit"], response["X-RateLimit-Remaining"]) == ("7", "6")
    assert response["Cache-Control"] == "no-store"


def test_a_key_that_does_not_expire_says_so(api):
    assert json.loads(api.client.get(PATHS[0]).content)["key"]["expiresAt"] is None


def test_without_a_key_nothing_is_said(api):

    assert problem(api.client.get(PATHS[0], headers={"X-Api-Key": "rk_live_x"}))[0] == 401


def test_it_counts_against_the_limit_like_every_request(api, settings):
    settings.RALLY_RATE_LIMIT = 1
    assert api.client.get(PATHS[0]).status_code == 200
    assert problem(api.client.get(PATHS[0]))[0] == 429


@pytest.mark.parametrize(("method", "query", "status"), [("post", "", 405), ("get", "?x=1", 400)])
def test_other_methods_and_parameters_are_refused(api, method, query, status):
    assert problem(getattr(api.client, method)(PATHS[0] + query))[0] == status


def test_head_has_the_same_headers(api):
    got, asked = api.client.get(PATHS[0]), api.client.head(PATHS[0])
    assert (asked.status_code, asked["Content-Type"]) == (200, got["Content-Type"])
