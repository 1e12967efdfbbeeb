"""Webhooks in the admin: added with a secret that is shown once, and the messages to them."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session

from importexport.models import Webhook, WebhookDelivery
from importexport.runs import worker
from importexport.webhooks import managing
from tests.support.staff import Staff

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://hooks.example.com/rally"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{44}")
FORM = {"url": URL, "events": ["import.finished"], "is_active": "on"}


@pytest.fixture
def admin(tenant):
    return Staff(tenant, "admin")


def add(staff, **fields):
    return staff.post("importexport_webhook_add", **FORM | fields)


def hook(tenant, url=URL):
    return managing.add_webhook(managing.Given(url, ["import.finished"], is_active=True), tenant=tenant)[0]


def errors(response):
    form = response.context["adminform"].form
    return [sentence for sentences in form.errors.values() for sentence in sentences]


def ping(staff, webhook):
    """Have a ping sent; return its delivery."""
    assert staff.post("importexport_webhook_ping", webhook.pk).status_code == 302
    return WebhookDelivery.objects.first()


def test_a_webhook_is_added_and_its_secret_is_shown_once(admin, tenant, caplog):
    response = add(admin)
    (secret,) = set(SECRET.findall(response.content.decode()))
    webhook = Webhook.objects.get()
    assert (webhook.tenant, webhook.url, webhook.events, webhook.is_active) == (tenant, URL, ["import.finished"], True)
    assert "no-store" in response["Cache-Control"]
    places = [
        admin.page("importexport_webhook_changelist"),
        admin.page("importexport_webhook_change", webhook.pk),
        str([session.get_decoded() for session in Session.objects.all()]),
        str(list(LogEntry.objects.values())),
        caplog.text,
    ]
    assert not any(secret in place for place in places)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"url": "http://hooks.example.com/"}, "The URL must begin with https://."),
        ({"url": "https://10.0.0.1/"}, "The host has an address that is not public."),
        ({"url": ""}, "This field is required."),
        ({"events": []}, "This field is required."),
        ({"events": ["export.done"]}, "Select a valid choice."),
    ],
)
def test_what_a_webhook_cannot_be(admin, fields, sentence):
    (said,) = errors(add(admin, **fields))
    assert said.startswith(sentence)
    assert not Webhook.objects.exists()


def test_a_url_is_there_once(admin, tenant, other_tenant):
    hook(other_tenant)
    add(admin)
    assert errors(add(admin)) == ["There is a webhook with this URL already."]


def test_a_tenant_has_at_most_so_many_webhooks(admin, tenant, monkeypatch):
    monkeypatch.setattr(managing, "MOST", 1)
    hook(tenant)
    assert errors(add(admin, url="https://hooks.example.com/other")) == [
        "There are 1 webhooks already, which is the limit."
    ]


def test_switched_on_again_its_failures_are_forgotten(admin, tenant):
    webhook = hook(tenant)
    note = "Switched off, because the receiver answered 410 (Gone)."
    Webhook.objects.update(is_active=False, note=note, failing_since="2026-01-01T00:00:00Z")
    assert note in admin.page("importexport_webhook_change", webhook.pk)
    admin.post("importexport_webhook_change", webhook.pk, **FORM)
    webhook.refresh_from_db()
    assert (webhook.is_active, webhook.note, webhook.failing_since) == (True, "", None)


def test_a_failing_webhook_is_told(admin, tenant):
    webhook = hook(tenant)
    Webhook.objects.update(failing_since="2026-01-01T12:00:00Z")
    assert "Failing" in admin.page("importexport_webhook_changelist")
    assert "No message has been accepted since 1 Jan 2026, 12:00 UTC." in admin.page(
        "importexport_webhook_change", webhook.pk
    )


def test_a_ping_is_sent_and_shown_and_sent_again(admin, tenant, receive):
    receiver = receive(500)
    delivery = ping(admin, hook(tenant, receiver.url))
    worker.work(until_empty=True)
    assert "The receiver answered 500." in admin.page("importexport_webhookdelivery_changelist")
    page = admin.page("importexport_webhookdelivery_change", delivery.pk)
    assert "Waiting, last attempt" in page
    assert '"type": "ping"' in page
    assert admin.post("importexport_webhookdelivery_again", delivery.pk).status_code == 302
    worker.work(until_empty=True)
    assert "Delivered" in admin.page("importexport_webhookdelivery_change", delivery.pk)
    assert len(receiver.received) == 2


def test_several_messages_are_sent_again(admin, tenant, receive):
    receiver = receive()
    webhook = hook(tenant, receiver.url)
    chosen = [ping(admin, webhook).pk for _ in range(2)]
    worker.work(until_empty=True)
    form = {"action": "send_chosen_again", "_selected_action": [str(pk) for pk in chosen]}
    admin.post("importexport_webhookdelivery_changelist", **form)
    worker.work(until_empty=True)
    assert len(receiver.received) == 4


def test_nothing_is_sent_to_a_webhook_that_is_off(admin, tenant):
    webhook = hook(tenant)
    delivery = ping(admin, webhook)
    Webhook.objects.update(is_active=False)
    sentence = "The webhook is switched off. Switch it on first."
    for view, pk in (("importexport_webhook_ping", webhook.pk), ("importexport_webhookdelivery_again", delivery.pk)):
        assert sentence in admin.client.get(admin.post(view, pk).url).content.decode()


def test_a_webhook_is_deleted_with_its_messages(admin, tenant):
    webhook = hook(tenant)
    ping(admin, webhook)
    admin.post("importexport_webhook_delete", webhook.pk, post="yes")
    assert (Webhook.objects.count(), WebhookDelivery.objects.count()) == (0, 0)


def test_the_messages_of_a_webhook_are_listed(admin, tenant):
    first, second = hook(tenant), hook(tenant, "https://hooks.example.com/second")
    ping(admin, first)
    page = admin.page("importexport_webhookdelivery_changelist", query=f"?webhook__id__exact={second.pk}")
    assert "0 messages" in page


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_admins_see_webhooks(tenant, admin, role):
    webhook = hook(tenant)
    delivery = ping(admin, webhook)
    other = Staff(tenant, role)
    for view, *args in (
        ("importexport_webhook_changelist",),
        ("importexport_webhook_add",),
        ("importexport_webhook_change", webhook.pk),
        ("importexport_webhookdelivery_changelist",),
        ("importexport_webhookdelivery_change", delivery.pk),
    ):
        assert other.get(view, *args).status_code in {302, 403}
    assert other.post("importexport_webhook_ping", webhook.pk).status_code == 404
    assert other.post("importexport_webhookdelivery_again", delivery.pk).status_code == 404
    assert add(other).status_code == 403


def test_what_is_another_tenants_is_not_found(admin, other_tenant):
    webhook = hook(other_tenant)
    delivery = ping(Staff(other_tenant, "admin"), webhook)
    assert URL not in admin.page("importexport_webhook_changelist")
    assert admin.post("importexport_webhook_ping", webhook.pk).status_code == 404
    assert admin.post("importexport_webhookdelivery_again", delivery.pk).status_code == 404
    assert admin.get("importexport_webhook_change", webhook.pk).status_code == 302
    assert admin.get("importexport_webhookdelivery_change", delivery.pk).status_code == 302


def test_a_superuser_sees_the_webhooks_of_all_tenants(tenant, other_tenant):
    root = Staff(None)
    hook(tenant), hook(other_tenant)
    page = root.page("importexport_webhook_changelist")
    assert "Acme Inc" in page
    assert "Globex" in page
    assert add(root).status_code == 302
    assert Webhook.objects.count() == 2
