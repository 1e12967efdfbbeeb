"""The endpoints for webhooks and their deliveries."""

import json

import pytest

from crm.models.tenant import create_tenant
from importexport.models import Webhook, WebhookDelivery
from importexport.runs import worker
from importexport.webhooks import managing
from tests.support.api import Api, problem

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/importexport/webhooks"
SETTINGS = {"url": "https://hooks.example.com/rally", "events": ["import.finished"]}


@pytest.fixture
def api(tenant):
    return Api(tenant)


def add(api, **settings):
    return api.client.post(PATH, json.dumps(SETTINGS | settings), content_type="application/json")


def put(api, webhook_id, **settings):
    return api.client.put(f"{PATH}/{webhook_id}", json.dumps(SETTINGS | settings), content_type="application/json")


def test_a_webhook_is_added_and_its_secret_is_shown_once(api):
    response = add(api)
    added = response.json()
    secret = added.pop("secret")
    assert (response.status_code, response["Location"]) == (201, f"{PATH}/{added['id']}")
    assert secret.startswith("whsec_")
    assert added == {
        "id": added["id"],
        "url": "https://hooks.example.com/rally",
        "events": ["import.finished"],
        "isActive": True,
        "note": None,
        "failingSince": None,
        "createdAt": added["createdAt"],
    }
    assert api.look("webhooks") == {"results": [added]}
    assert api.look(f"webhooks/{added['id']}") == added


def test_a_webhook_is_changed(api):
    webhook_id = add(api).json()["id"]
    Webhook.objects.update(is_active=False, note="Switched off", failing_since="2026-01-01T00:00:00Z")
    changed = put(api, webhook_id, events=["import.failed", "import.finished"]).json()
    assert (changed["events"], changed["isActive"]) == (["import.finished", "import.failed"], True)
    assert (changed["note"], changed["failingSince"]) == (None, None)
    assert put(api, webhook_id, isActive=False).json()["isActive"] is False


def test_a_webhook_is_deleted_with_its_deliveries(api):
    webhook_id = add(api).json()["id"]
    api.post(f"webhooks/{webhook_id}/ping")
    response = api.client.delete(f"{PATH}/{webhook_id}")
    assert (response.status_code, response.content) == (204, b"")
    assert problem(api.get(f"webhooks/{webhook_id}")) == (404, "There is no such webhook.")
    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize(
    ("settings", "detail"),
    [
        ({"url": "http://hooks.example.com/"}, "The URL must begin with https://."),
        ({"url": 7}, "'url' must be a text."),
        ({"url": "https://10.0.0.1/"}, "The host has an address that is not public. Webhooks are only sent to public"),
        ({"events": []}, "There is no event. Expected some of: import.finished, import.failed, export.ready."),
        ({"events": "import.failed"}, "'events' must be a list of texts."),
        ({"events": ["export.done"]}, "Unknown event 'export.done'. Expected some of:"),
        ({"events": ["ping"]}, "Unknown event 'ping'. Expected some of:"),
        ({"isActive": "yes"}, "'isActive' must be true or false."),
        ({"secret": "x"}, "Unknown member 'secret'. Expected: url, events, isActive."),
    ],
)
def test_what_a_webhook_cannot_be(api, settings, detail):
    webhook_id = add(api).json()["id"]
    for response in (add(api, **settings), put(api, webhook_id, **settings)):
        status, said = problem(response)
        assert status == 400
        assert said.startswith(detail)


def test_a_url_is_there_once(api):
    add(api)
    assert problem(add(api)) == (409, "There is a webhook with this URL already.")
    other = add(api, url="https://hooks.example.com/other").json()["id"]
    assert problem(put(api, other)) == (409, "There is a webhook with this URL already.")


def test_a_tenant_has_at_most_so_many_webhooks(api, monkeypatch):
    monkeypatch.setattr(managing, "MOST", 1)
    add(api)
    assert add(api, url="https://hooks.example.com/other").status_code == 409


@pytest.mark.parametrize("scope", ["read", "write"])
def test_webhooks_need_the_scope_of_admins(tenant, api, scope):
    webhook_id = add(api).json()["id"]
    other = Api(tenant, scope=scope)
    for response in (
        other.get("webhooks"),
        add(other),
        put(other, webhook_id),
        other.post(f"webhooks/{webhook_id}/ping"),
    ):
        assert response.status_code == 403


def test_what_is_another_tenants_is_not_found(api):
    webhook_id = add(api).json()["id"]
    delivery_id = api.post(f"webhooks/{webhook_id}/ping").json()["id"]
    other = Api(create_tenant(slug="globex", name="Globex"))
    own = add(other).json()["id"]
    assert other.look("webhooks")["results"][0]["id"] == own
    for response in (
        other.get(f"webhooks/{webhook_id}"),
        put(other, webhook_id),
        other.client.delete(f"{PATH}/{webhook_id}"),
        other.post(f"webhooks/{webhook_id}/ping"),
        other.get(f"webhooks/{webhook_id}/deliveries"),
        other.post(f"webhooks/{webhook_id}/deliveries/{delivery_id}/resend"),
        other.post(f"webhooks/{own}/deliveries/{delivery_id}/resend"),
    ):
        assert response.status_code == 404
    assert Webhook.objects.count() == 2


@pytest.mark.parametrize("webhook_id", ["0", "x", "9" * 18, "9" * 30, "²"])
def test_an_id_of_no_webhook_is_not_found(api, webhook_id):
    assert api.get(f"webhooks/{webhook_id}").status_code == 404


def test_a_ping_is_sent_and_listed_and_sent_again(api, receive):
    receiver = receive(500)
    webhook_id = add(api, url=receiver.url).json()["id"]
    response = api.post(f"webhooks/{webhook_id}/ping")
    ping = response.json()
    assert (response.status_code, ping["event"], ping["status"], ping["attempts"]) == (202, "ping", "waiting", 0)
    worker.work(until_empty=True)
    (listed,) = api.look(f"webhooks/{webhook_id}/deliveries")["results"]
    assert (listed["id"], listed["attempts"], listed["responseStatus"]) == (ping["id"], 1, 500)
    assert api.look(f"webhooks/{webhook_id}")["failingSince"]
    again = api.post(f"webhooks/{webhook_id}/deliveries/{ping['id']}/resend")
    assert (again.status_code, again.json()["id"]) == (202, ping["id"])
    worker.work(until_empty=True)
    (listed,) = api.look(f"webhooks/{webhook_id}/deliveries?status=delivered")["results"]
    assert (listed["attempts"], listed["responseStatus"], listed["error"]) == (2, 204, None)
    first, second = receiver.received
    assert first.body == second.body
    assert json.loads(first.body)["data"] == {"webhook": webhook_id}


def test_nothing_is_sent_to_a_webhook_that_is_off(api):
    webhook_id = add(api, isActive=False).json()["id"]
    assert problem(api.post(f"webhooks/{webhook_id}/ping"))[0] == 409
    put(api, webhook_id)
    ping = api.post(f"webhooks/{webhook_id}/ping").json()
    put(api, webhook_id, isActive=False)
    status, said = problem(api.post(f"webhooks/{webhook_id}/deliveries/{ping['id']}/resend"))
    assert (status, said) == (409, "The webhook is switched off. Switch it on first.")


def test_deliveries_have_pages(api):
    webhook_id = add(api).json()["id"]
    pings = [api.post(f"webhooks/{webhook_id}/ping").json()["id"] for _ in range(3)]
    first = api.look(f"webhooks/{webhook_id}/deliveries?limit=2")
    second = api.client.get(first["next"]).json()
    assert [each["id"] for each in first["results"] + second["results"]] == pings[::-1]
    assert second["next"] is None
    assert api.get(f"webhooks/{webhook_id}/deliveries?after=x").status_code == 400
