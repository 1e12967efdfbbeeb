"""The attempts to deliver a message, and how long they go on."""

import datetime as dt
import logging
from uuid import UUID

from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone

from importexport.models import Webhook, WebhookDelivery
from importexport.webhooks.events import WebhookOff, enqueue
from importexport.webhooks.sending import Answer, post
from importexport.webhooks.signing import NoSecret, signature

logger = logging.getLogger("rally.jobs")
Status = WebhookDelivery.Status
#: Seconds after each failed attempt before the next one: eight attempts within 28 hours.
PAUSES = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)
#: A webhook that has taken nothing for so long is switched off when a message has been given up.
PATIENCE = dt.timedelta(days=3)
GONE = 410
OFF = "The webhook is switched off."
SWITCHED_OFF_GONE = "Switched off, because the receiver answered 410 (Gone)."
SWITCHED_OFF_FAILING = "Switched off, because it has accepted no message for three days."


def deliver(*, tenant_id: int, delivery_id: UUID, attempts: int) -> None:
    """Make an attempt, if it is still due after so many others, and store what came of it."""
    found = WebhookDelivery.objects.filter(tenant=tenant_id, pk=delivery_id, attempts=attempts, status=Status.WAITING)
    delivery = found.select_related("webhook").first()
    if delivery is None:
        return
    if not delivery.webhook.is_active:
        found.update(status=Status.FAILED, error=OFF, next_attempt_at=None)
        return
    # A receiver that hangs occupies no connection of the database.
    connections.close_all()
    answer = attempt(delivery)
    with transaction.atomic():
        note(delivery, answer)


def attempt(delivery: WebhookDelivery) -> Answer:
    """Send a delivery once."""
    body, now = delivery.body.encode(), int(timezone.now().timestamp())
    try:
        signed = signature(delivery.webhook, str(delivery.pk), now, body)
    except NoSecret as why:
        return Answer(None, "", str(why))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Rally-Webhooks/1",
        "webhook-id": str(delivery.pk),
        "webhook-timestamp": str(now),
        "webhook-signature": signed,
    }
    return post(delivery.webhook.url, body=body, headers=headers)


def note(delivery: WebhookDelivery, answer: Answer) -> None:
    """Store what came of an attempt, and put the next one in the queue if there is one."""
    now, before = timezone.now(), delivery.attempts
    delivery.attempts += 1
    again = None if answer.is_accepted or answer.status == GONE else next_attempt(delivery.attempts, now)
    delivery.status = Status.DELIVERED if answer.is_accepted else Status.WAITING if again else Status.FAILED
    changes = {
        "attempts": delivery.attempts,
        "status": delivery.status,
        "response_status": answer.status,
        "response_body": answer.body,
        "error": answer.error,
        "attempted_at": now,
        "next_attempt_at": again,
    }
    same = WebhookDelivery.objects.filter(tenant=delivery.tenant_id, pk=delivery.pk, attempts=before)
    if not same.update(**changes):
        return  # It was deleted, or another worker has made the same attempt.
    note_health(delivery, answer, now)
    if again:
        enqueue(delivery, delivery.webhook, at=again)


def next_attempt(attempts: int, now: dt.datetime) -> dt.datetime | None:
    """Return when to try again after so many attempts, or None."""
    return now + dt.timedelta(seconds=PAUSES[attempts - 1]) if attempts <= len(PAUSES) else None


def note_health(delivery: WebhookDelivery, answer: Answer, now: dt.datetime) -> None:
    """Note on a webhook since when it has been failing, and switch it off if it is gone or has failed for days."""
    webhook = delivery.webhook
    same = Webhook.objects.filter(tenant=webhook.tenant_id, pk=webhook.pk)
    if answer.is_accepted:
        if webhook.failing_since:
            same.update(failing_since=None)
        return
    if webhook.failing_since is None:
        webhook.failing_since = now
        same.filter(failing_since=None).update(failing_since=now)
    is_over = delivery.status == Status.FAILED and webhook.failing_since <= now - PATIENCE
    if answer.status == GONE or is_over:
        reason = SWITCHED_OFF_GONE if answer.status == GONE else SWITCHED_OFF_FAILING
        same.update(is_active=False, note=reason)
        logger.warning("A webhook was switched off", extra={"fields": {"webhook": webhook.pk, "reason": reason}})


def send_again(delivery: WebhookDelivery) -> None:
    """Have a message sent again at once, with the same id. Raises WebhookOff.

    If the last attempt of all has been made, this one is the only one.
    """
    webhook = delivery.webhook
    if not webhook.is_active:
        raise WebhookOff
    with transaction.atomic():
        same = WebhookDelivery.objects.filter(tenant=delivery.tenant_id, pk=delivery.pk)
        same.update(status=Status.WAITING, next_attempt_at=timezone.now())
        delivery.refresh_from_db(fields=["attempts", "status", "next_attempt_at"])
        enqueue(delivery, webhook)


def purge_deliveries(*, days: int | None = None) -> int:
    """Delete what was to be sent more than ``days`` ago (default: RALLY_IMPORT_KEEP_DAYS); return the number."""
    kept = settings.RALLY_IMPORT_KEEP_DAYS if days is None else days
    old = WebhookDelivery.objects.filter(created_at__lt=timezone.now() - dt.timedelta(days=kept))
    return old.delete()[0]
