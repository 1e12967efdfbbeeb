"""Webhooks, and what was sent to them."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from crm.models.tenancy import referable, same_tenant
from importexport.models.fields import tenant_of_run
from importexport.models.import_run import ImportRun


class Webhook(models.Model):
    """Where a tenant wants to be told about its imports.

    The secret that messages are signed with is not stored: it is derived from the server's secret key and ``seed`` (see
    webhooks.signing).
    """

    tenant = models.ForeignKey("crm.Tenant", models.CASCADE, related_name="webhooks", db_index=False)
    url = models.CharField("URL", max_length=500)
    events = ArrayField(models.CharField(max_length=30))
    seed = models.CharField(max_length=64, editable=False)
    #: SHA-256 of the secret, in hex: tells whether the server's secret key is still the one that it was derived from.
    digest = models.CharField(max_length=64, editable=False)
    is_active = models.BooleanField("active", default=True, db_default=True)
    #: Why the server has switched it off.
    note = models.TextField(default="", db_default="", editable=False)
    #: Since when every attempt has failed; empty if the last one succeeded.
    failing_since = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "url"], name="webhook_is_unique_in_tenant"),
            referable("webhook"),
        ]

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(models.Model):
    """A message to a webhook: what is sent, and what came of it. The id is the ``webhook-id`` of every attempt."""

    class Status(models.TextChoices):
        """``failed`` means that it is not tried again unless somebody asks for it."""

        WAITING = "waiting"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = tenant_of_run()
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries", db_constraint=False, db_index=False)
    #: Empty for a ping, and for a run that was discarded.
    run = models.ForeignKey(
        ImportRun, models.SET_NULL, null=True, related_name="deliveries", db_constraint=False, db_index=False
    )
    event = models.CharField(max_length=30)
    #: The JSON that is sent, the same each time.
    body = models.TextField()
    status = models.CharField(max_length=9, choices=Status, default=Status.WAITING, db_default=Status.WAITING)
    attempts = models.IntegerField(default=0, db_default=0)
    #: Of the last attempt: the HTTP status and the beginning of the response, or why there was none.
    response_status = models.IntegerField(null=True)
    response_body = models.TextField(default="", db_default="")
    error = models.TextField(default="", db_default="")
    attempted_at = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "message"
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["tenant", "webhook", "-created_at"], name="webhookdelivery_in_order"),
            models.Index(fields=["created_at"], name="webhookdelivery_by_age"),
            # Finds what refers to a run that is deleted.
            models.Index(fields=["run"], name="webhookdelivery_by_run", condition=~models.Q(run=None)),
        ]
        constraints = [*same_tenant("webhookdelivery", "webhook", "run")]

    def __str__(self) -> str:
        return self.event
