"""Messages to webhooks: what is told, and what becomes of it."""

import base64
import datetime as dt
import hashlib
import hmac
import json

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from importexport.history.recorder import note_interrupted
from importexport.models import ImportRun, Webhook, WebhookDelivery
from importexport.runs import lifecycle, worker
from importexport.runs.rescue import Rescue
from importexport.webhooks import delivering, events, managing
from tests.support.installation import environment, url_of
from tests.support.receivers import hang, kill_worker_at
from tests.support.staff import add_run

pytestmark = pytest.mark.django_db(transaction=True)

FILE = "first_name,last_name,email\nAda,Lovelace,ada@example.com\n"


def add(tenant, url, *, told=("import.finished", "import.failed")):
    """Add a webhook; return it and its secret."""
    return managing.add_webhook(managing.Given(url, list(told), is_active=True), tenant=tenant)


def work():
    worker.work(until_empty=True)


def make_due():
    """Let the time pass until the next attempt."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL")


def jobs():
    with connection.cursor() as cursor:
        cursor.execute("SELECT queue_name, scheduled_at FROM procrastinate_jobs")
        return cursor.fetchall()


def message_of(received):
    return json.loads(received.body)


# --- what is told ---


def test_a_finished_import_is_told_once_as_the_api_shows_it(api, tenant, receive):
    receiver = receive()
    add(tenant, receiver.url)
    api.import_csv("contacts", FILE)
    work()
    work()
    (got,) = receiver.received
    (run,) = api.look("imports")["results"]
    message = message_of(got)
    assert message == {"type": "import.finished", "timestamp": message["timestamp"], "data": run}
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.attempts, delivery.response_status) == ("delivered", 1, 204)
    assert jobs() == []


def test_a_signature_is_the_one_of_standard_webhooks(api, tenant, receive):
    receiver = receive()
    _, secret = add(tenant, receiver.url)
    api.import_csv("contacts", FILE)
    work()
    (got,) = receiver.received
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(got.headers["webhook-timestamp"]) - timezone.now().timestamp()) < 60


def test_plans_are_not_told_but_what_is_applied_is_and_an_undo(api, tenant, receive):
    receiver = receive()
    add(tenant, receiver.url)
    plan = api.plan("contacts", FILE)
    assert not WebhookDelivery.objects.exists()
    api.post(f"imports/{plan['id']}/apply")
    api.undo(plan["id"])
    work()
    told = [message_of(got) for got in receiver.received]
    assert sorted((each["type"], each["data"]["kind"]) for each in told) == [
        ("import.finished", "import"),
        ("import.finished", "undo"),
    ]


def test_a_file_that_fails_is_told(api, tenant, receive):
    receiver = receive()
    add(tenant, receiver.url)
    api.post_file("contacts", "name\nAda\n")
    work()
    message = message_of(receiver.received[0])
    assert (message["type"], message["data"]["status"]) == ("import.failed", "failed")
    assert message["data"]["error"].startswith("Required column")


def test_an_interrupted_import_is_told(tenant, receive):
    add(tenant, receive().url)
    run = add_run(tenant, status="running")
    note_interrupted(run.pk)
    note_interrupted(run.pk)
    assert [delivery.event for delivery in WebhookDelivery.objects.all()] == ["import.failed"]


def test_a_prepared_export_is_told_when_it_is_ready(api, tenant, receive):
    receiver = receive()
    add(tenant, receiver.url, told=["export.ready"])
    path = api.get("contacts/export", Prefer="respond-async")["Location"]
    work()
    message = message_of(receiver.received[0])
    assert (message["type"], message["data"]) == ("export.ready", api.client.get(path).json())


def test_what_is_cancelled_is_told_unless_it_is_a_plan_again(api, tenant, receive):
    add(tenant, receive().url)
    plan = ImportRun.objects.get(pk=api.plan("contacts", FILE)["id"])
    lifecycle.claim(plan)
    lifecycle.cancel(plan, by="Ada")
    assert (plan.status, WebhookDelivery.objects.count()) == ("planned", 0)
    lifecycle.plan_again(plan)
    lifecycle.cancel(plan, by="Ada")
    (delivery,) = WebhookDelivery.objects.all()
    assert (delivery.event, json.loads(delivery.body)["data"]["error"]) == ("import.failed", plan.error)


def test_only_the_events_that_a_webhook_has_are_told_and_only_of_its_tenant(api, other_api, tenant, receive):
    add(tenant, receive().url, told=["import.failed"])
    api.import_csv("contacts", FILE)
    other_api.post_file("contacts", "name\nAda\n")
    assert not WebhookDelivery.objects.exists()


def test_a_message_is_stored_with_its_run_or_not_at_all(tenant, receive):
    add(tenant, receive().url)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        events.announce_end(add_run(tenant))
        raise ZeroDivisionError
    assert not WebhookDelivery.objects.exists()
    assert jobs() == []


def test_tenants_without_webhooks_pay_one_query(tenant):
    run = add_run(tenant)
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        events.announce_end(run)
    assert len(queries) == 1


# --- attempts ---


def test_what_fails_is_sent_again_later_with_the_same_id_and_once_after_success(api, tenant, receive):
    receiver = receive(500)
    add(tenant, receiver.url)
    api.import_csv("contacts", FILE)
    work()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.error) == ("waiting", "The receiver answered 500.")
    assert delivery.next_attempt_at > timezone.now()
    work()
    assert len(receiver.received) == 1
    make_due()
    work()
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == str(delivery.pk)
    assert first.body == second.body
    assert (Webhook.objects.get().failing_since, jobs()) == (None, [])


def test_after_eight_attempts_within_28_hours_it_has_failed(api, tenant, receive):
    receiver = receive(*[500] * 8)
    add(tenant, receiver.url)
    api.import_csv("contacts", FILE)
    for _ in range(8):
        work()
        make_due()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.attempts, delivery.next_attempt_at) == ("failed", 8, None)
    assert (len(receiver.received), jobs()) == (8, [])
    assert sum(delivering.PAUSES) < 28 * 3600
    assert Webhook.objects.get().is_active


def test_a_receiver_that_is_gone_switches_its_webhook_off(api, tenant, receive):
    receiver = receive(410)
    add(tenant, receiver.url)
    api.import_csv("contacts", FILE)
    work()
    webhook = Webhook.objects.get()
    assert (webhook.is_active, webhook.note) == (False, "Switched off, because the receiver answered 410 (Gone).")
    assert WebhookDelivery.objects.get().status == "failed"
    api.import_csv("contacts", FILE)
    assert WebhookDelivery.objects.count() == 1


def test_a_webhook_that_takes_nothing_for_three_days_is_switched_off(tenant, receive):
    webhook, _ = add(tenant, receive(500).url)
    Webhook.objects.update(failing_since=timezone.now() - dt.timedelta(days=3))
    webhook.refresh_from_db()
    with transaction.atomic():
        events.send_ping(webhook)
    WebhookDelivery.objects.update(attempts=7)
    delivering.deliver(tenant_id=tenant.pk, delivery_id=WebhookDelivery.objects.get().pk, attempts=7)
    webhook.refresh_from_db()
    assert (webhook.is_active, webhook.note) == (
        False,
        "Switched off, because it has accepted no message for three days.",
    )


def test_a_webhook_whose_last_message_failed_does_not_hold_up_others(api, tenant, receive):
    add(tenant, receive(500).url)
    api.import_csv("contacts", FILE)
    work()
    api.import_csv("contacts", FILE.replace("ada@", "eve@"))
    assert [queue for queue, _ in jobs()] == ["webhooks-again", "webhooks-again"]


def test_waiting_messages_of_a_webhook_that_was_deleted_are_not_sent(api, tenant, receive):
    receiver = receive()
    add(tenant, receiver.url)
    api.import_csv("contacts", FILE)
    Webhook.objects.get().delete()
    work()
    assert (receiver.received, WebhookDelivery.objects.count()) == ([], 0)


def test_waiting_messages_of_a_webhook_that_was_switched_off_are_not_sent(api, tenant, receive):
    receiver = receive()
    add(tenant, receiver.url)
    api.import_csv("contacts", FILE)
    Webhook.objects.update(is_active=False)
    work()
    delivery = WebhookDelivery.objects.get()
    assert (receiver.received, delivery.status, delivery.error) == ([], "failed", "The webhook is switched off.")


def test_a_message_of_a_run_that_was_discarded_is_sent_all_the_same(api, tenant, receive):
    receiver = receive()
    add(tenant, receiver.url)
    api.post_file("contacts", "name\nAda\n")
    ImportRun.objects.get().delete()
    work()
    assert len(receiver.received) == 1


def test_a_url_that_is_not_allowed_any_more_is_not_sent_to(api, tenant, receive, settings):
    receiver = receive()
    add(tenant, receiver.url)
    settings.RALLY_WEBHOOK_HOSTS = []
    api.import_csv("contacts", FILE)
    work()
    assert receiver.received == []
    assert WebhookDelivery.objects.get().error.startswith("The host has an address that is not public.")


def test_another_secret_key_of_the_server_is_told_instead_of_a_wrong_signature(api, tenant, receive, settings):
    receiver = receive()
    add(tenant, receiver.url)
    settings.SECRET_KEY = "another"
    api.import_csv("contacts", FILE)
    work()
    assert receiver.received == []
    assert WebhookDelivery.objects.get().error.startswith("The secret key of the server has changed")


def test_the_database_does_not_have_the_secret(tenant, receive):
    webhook, secret = add(tenant, receive().url)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    stored = str(Webhook.objects.filter(pk=webhook.pk).values().get())
    assert not any(form in stored for form in (secret, secret.removeprefix("whsec_"), key.hex()))


def test_sent_again_it_has_the_same_id(api, tenant, receive):
    receiver = receive()
    add(tenant, receiver.url)
    api.import_csv("contacts", FILE)
    work()
    delivering.send_again(WebhookDelivery.objects.select_related("webhook").get())
    work()
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert WebhookDelivery.objects.get().attempts == 2


def test_sent_again_after_the_last_attempt_it_is_tried_once(api, tenant, receive):
    receiver = receive(500)
    add(tenant, receiver.url)
    api.import_csv("contacts", FILE)
    WebhookDelivery.objects.update(attempts=8, status="failed")
    delivering.send_again(WebhookDelivery.objects.select_related("webhook").get())
    work()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.attempts, len(receiver.received)) == ("failed", 9, 1)


def test_deliveries_are_kept_as_long_as_imports(api, tenant, receive, settings):
    add(tenant, receive().url)
    api.import_csv("contacts", FILE)
    api.import_csv("contacts", FILE)
    newest = WebhookDelivery.objects.first()
    WebhookDelivery.objects.exclude(pk=newest.pk).update(created_at=timezone.now() - dt.timedelta(days=31))
    delivering.purge_deliveries()
    assert list(WebhookDelivery.objects.all()) == [newest]


def test_a_worker_that_is_killed_in_a_delivery_leaves_it_to_another_one(api, tenant, receive, data_dir, settings):
    """The first attempt hangs, its worker is killed, and the job is taken up with the same id."""
    receiver = receive(hang)
    add(tenant, receiver.url)
    api.import_csv("contacts", FILE)
    allowed = {"RALLY_WEBHOOK_HTTP": "1", "RALLY_WEBHOOK_HOSTS": "127.0.0.1", "SECRET_KEY": settings.SECRET_KEY}
    env = environment(data_dir, DATABASE_URL=url_of(connection.settings_dict["NAME"]), **allowed)
    kill_worker_at(receiver, env)
    Rescue().look()
    make_due()
    work()
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1
    assert (len(receiver.received), WebhookDelivery.objects.get().status) == (2, "delivered")
