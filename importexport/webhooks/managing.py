"""Adding and changing webhooks, for the API and the admin."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from crm.models import Tenant
from crm.timestamps import timestamp
from importexport.models import Webhook, WebhookDelivery
from importexport.webhooks.addresses import target_of
from importexport.webhooks.events import EVENTS
from importexport.webhooks.signing import give_secret

#: The most webhooks of a tenant.
MOST = 20
MEMBERS = ("url", "events", "isActive")
Json = dict[str, Any]


class InvalidWebhook(ValueError):
    """A webhook cannot be like this. The text is for the user."""


class Taken(ValueError):
    """The tenant has a webhook with the same URL."""

    def __init__(self) -> None:
        super().__init__("There is a webhook with this URL already.")


class TooManyWebhooks(ValueError):
    """The tenant has as many webhooks as it may."""

    def __init__(self) -> None:
        super().__init__(f"There are {MOST} webhooks already, which is the limit.")


@dataclass(frozen=True)
class Given:
    """What a caller says about a webhook."""

    url: str
    events: list[str]
    is_active: bool


def read_given(body: Mapping[str, Any]) -> Given:
    """Return what a JSON object says about a webhook; raise InvalidWebhook."""
    if unknown := [name for name in body if name not in MEMBERS]:
        raise InvalidWebhook(f"Unknown member '{unknown[0][:100]}'. Expected: {', '.join(MEMBERS)}.")
    url, events, is_active = body.get("url"), body.get("events"), body.get("isActive", True)
    if not isinstance(url, str):
        raise InvalidWebhook("'url' must be a text.")
    if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
        raise InvalidWebhook("'events' must be a list of texts.")
    if not isinstance(is_active, bool):
        raise InvalidWebhook("'isActive' must be true or false.")
    check_url(url)
    return Given(url, check_events(events), is_active)


def check_url(url: str) -> None:
    """Raise InvalidWebhook for a URL that a webhook may not have."""
    try:
        target_of(url)
    except ValueError as why:
        raise InvalidWebhook(str(why)) from None


def check_events(events: Collection[str]) -> list[str]:
    """Return events in their order, each once; raise InvalidWebhook for unknown ones, and if there are none."""
    if unknown := [event for event in events if event not in EVENTS]:
        raise InvalidWebhook(f"Unknown event '{unknown[0][:100]}'. Expected some of: {', '.join(EVENTS)}.")
    if not events:
        raise InvalidWebhook(f"There is no event. Expected some of: {', '.join(EVENTS)}.")
    return [event for event in EVENTS if event in events]


def add_webhook(given: Given, *, tenant: Tenant) -> tuple[Webhook, str]:
    """Add a webhook; return it and its secret. Raises Taken and TooManyWebhooks."""
    webhook = Webhook(tenant=tenant, url=given.url, events=given.events, is_active=given.is_active)
    secret = give_secret(webhook)
    with transaction.atomic():
        # One after the other, so that they are counted.
        Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
        check_room(tenant.pk)
        if is_taken(given.url, tenant_id=tenant.pk):
            raise Taken
        _save(webhook)
    webhook.refresh_from_db()
    return webhook, secret


def check_room(tenant_id: int) -> None:
    """Raise TooManyWebhooks if a tenant cannot add another webhook."""
    if Webhook.objects.filter(tenant=tenant_id).count() >= MOST:
        raise TooManyWebhooks


def is_taken(url: str, *, tenant_id: int, but: int = 0) -> bool:
    """Whether a webhook of a tenant, but for one, has a URL."""
    return Webhook.objects.filter(tenant=tenant_id, url=url).exclude(pk=but).exists()


def forget_failures(webhook: Webhook) -> None:
    """Forget what the server has noted about a webhook, which is to be tried anew."""
    webhook.note, webhook.failing_since = "", None


def change_webhook(webhook: Webhook, given: Given) -> None:
    """Change a webhook. Raises Taken. What the server has noted about it is over if it changes or is switched on."""
    is_new = given.url != webhook.url or (given.is_active and not webhook.is_active)
    webhook.url, webhook.events, webhook.is_active = given.url, given.events, given.is_active
    if is_new:
        forget_failures(webhook)
    _save(webhook, changed=["url", "events", "is_active", *(["note", "failing_since"] if is_new else [])])


def _save(webhook: Webhook, *, changed: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            webhook.save(update_fields=changed)
    except IntegrityError:
        raise Taken from None


def webhook_json(webhook: Webhook) -> Json:
    """Return a webhook as it is told to clients."""
    return {
        "id": webhook.pk,
        "url": webhook.url,
        "events": webhook.events,
        "isActive": webhook.is_active,
        "note": webhook.note or None,
        "failingSince": timestamp(webhook.failing_since),
        "createdAt": timestamp(webhook.created_at),
    }


def delivery_json(delivery: WebhookDelivery) -> Json:
    """Return a delivery as it is told to clients."""
    return {
        "id": str(delivery.pk),
        "event": delivery.event,
        "import": str(delivery.run_id) if delivery.run_id else None,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "createdAt": timestamp(delivery.created_at),
        "attemptedAt": timestamp(delivery.attempted_at),
        "nextAttemptAt": timestamp(delivery.next_attempt_at),
        "responseStatus": delivery.response_status,
        "responseBody": delivery.response_body or None,
        "error": delivery.error or None,
    }
