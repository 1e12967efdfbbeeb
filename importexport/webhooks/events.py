"""The messages to webhooks: stored in the transaction of what they tell, together with the jobs that send them."""

import datetime as dt
import json
from typing import Any

from django.db import connection
from django.utils import timezone
from psycopg import sql

from crm.timestamps import timestamp
from importexport.db import store_job
from importexport.models import ImportRun, PreparedExport, Webhook, WebhookDelivery, export_json, run_json

#: Event → what it tells.
EVENTS = {
    "import.finished": "An import or an undo has been carried out",
    "import.failed": "A file could not be imported or planned, or that was interrupted or cancelled",
    "export.ready": "An export that was to be prepared can be downloaded",
}
#: A message that somebody asks for, to try a webhook out.
PING = "ping"
#: The name of the task, which jobs are stored with.
TASK = "deliver"
#: The queues, and how many jobs of each a worker does at once. Webhooks whose last message failed do not hold up the
#: others: each attempt may take until its time-out.
FIRST, AGAIN = "webhooks", "webhooks-again"
AT_ONCE = {FIRST: 3, AGAIN: 2}
ENDS = {ImportRun.Status.DONE: "import.finished", ImportRun.Status.FAILED: "import.failed"}


class WebhookOff(ValueError):
    """Nothing is sent to a webhook that is switched off. The text is for the user."""

    def __init__(self) -> None:
        super().__init__("The webhook is switched off. Switch it on first.")


def announce_end(run: ImportRun) -> None:
    """Tell the tenant's webhooks that a run is done or has failed. Called in the transaction that stores it."""
    event = ENDS[ImportRun.Status(run.status)]
    if ids := subscribed(run.tenant_id, event):
        # As it is stored: a run that has failed may have more in memory.
        stored = ImportRun.objects.get(tenant=run.tenant_id, pk=run.pk)
        for webhook in Webhook.objects.filter(tenant=run.tenant_id, pk__in=ids):
            store(webhook, event, run_json(stored), run=stored)


def announce_ready(export: PreparedExport) -> None:
    """Tell the tenant's webhooks that an export is ready. Called in the transaction that stores it."""
    event = "export.ready"
    if ids := subscribed(export.tenant_id, event):
        for webhook in Webhook.objects.filter(tenant=export.tenant_id, pk__in=ids):
            store(webhook, event, export_json(export))


def subscribed(tenant_id: int, event: str) -> list[int]:
    """Return the active webhooks of a tenant for an event, which cannot be deleted until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(SUBSCRIBED, [tenant_id, event])
        return [webhook_id for (webhook_id,) in cursor]


SUBSCRIBED = sql.SQL("SELECT id FROM {} WHERE tenant_id = %s AND is_active AND %s = ANY (events) FOR KEY SHARE").format(
    sql.Identifier(Webhook._meta.db_table)
)


def send_ping(webhook: Webhook) -> WebhookDelivery:
    """Have a ping sent, and return its delivery. To be called in a transaction. Raises WebhookOff."""
    if not webhook.is_active:
        raise WebhookOff
    return store(webhook, PING, {"webhook": webhook.pk})


def store(webhook: Webhook, event: str, data: dict[str, Any], *, run: ImportRun | None = None) -> WebhookDelivery:
    """Store a message with its job. To be called in a transaction."""
    now = timezone.now()
    message = {"type": event, "timestamp": timestamp(now), "data": data}
    delivery = WebhookDelivery.objects.create(
        tenant_id=webhook.tenant_id,
        webhook=webhook,
        run=run,
        event=event,
        body=json.dumps(message),
        next_attempt_at=now,
        created_at=now,
    )
    enqueue(delivery, webhook)
    return delivery


def enqueue(delivery: WebhookDelivery, webhook: Webhook, *, at: dt.datetime | None = None) -> None:
    """Put the next attempt of a delivery in the queue, by default at once."""
    lane = AGAIN if webhook.failing_since else FIRST
    # The number of earlier attempts tells whether another job has been quicker.
    which = {"tenant_id": delivery.tenant_id, "delivery_id": str(delivery.pk), "attempts": delivery.attempts}
    store_job(TASK, which, queue=lane, schedule_at=at)
