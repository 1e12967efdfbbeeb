"""Schedules of imports and exports."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.utils import timezone

from crm.models.tenancy import referable, same_tenant
from importexport.models.fields import EMPTY, JsonText
from importexport.models.prepared_export import PreparedExport

DELETED = "The schedule was deleted before the file was sent."


class Schedule(models.Model):
    """An import from an address, or an export to one, whenever a cron expression says so.

    The actor is stored both as a foreign key and as the name at the time, as with runs.
    """

    class Kind(models.TextChoices):
        IMPORT = "import"
        EXPORT = "export"

    tenant = models.ForeignKey("crm.Tenant", models.CASCADE, related_name="schedules", db_index=False)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=6, choices=Kind)
    entity = models.CharField(max_length=20)
    #: With its secrets; never shown like this (see schedules.addresses.masked).
    address = models.TextField()
    cron = models.CharField(max_length=100)
    time_zone = models.CharField(max_length=64, default="UTC", db_default="UTC")
    #: Of an import, its options; of an export, the format and the parameters that say what is exported.
    options = JsonText(default=dict, db_default=EMPTY)
    is_active = models.BooleanField("active", default=True, db_default=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", editable=False)
    key = models.ForeignKey(
        "crm.ApiKey", models.SET_NULL, null=True, related_name="+", db_constraint=False, editable=False
    )
    actor = models.CharField(max_length=200, editable=False)
    #: When it is due; empty while it is switched off.
    next_at = models.DateTimeField(null=True, editable=False)
    #: The attempt to fetch or send a file that waits in the queue or is being made. Each has another id, so that what
    #: comes of it is stored once.
    attempt = models.UUIDField(null=True, editable=False)
    #: How many attempts have been made for the occurrence at work, when that was due, and when the next one is made.
    attempts = models.IntegerField(default=0, db_default=0, editable=False)
    due_at = models.DateTimeField(null=True, editable=False)
    again_at = models.DateTimeField(null=True, editable=False)
    #: When it last was due or was started, and what there is to say about it; the runs and exports say the rest.
    last_at = models.DateTimeField(null=True, editable=False)
    note = models.TextField(default="", db_default="", editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["next_at"], name="schedule_due", condition=models.Q(is_active=True)),
            models.Index(fields=["again_at"], name="schedule_again", condition=~models.Q(again_at=None)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="schedule_is_unique_in_tenant"),
            referable("schedule"),
            *same_tenant("schedule", "key"),
        ]

    def __str__(self) -> str:
        return self.name


@receiver(pre_delete, sender=Schedule)
def end_exports(instance: Schedule, using: str, **_: Any) -> None:
    """Note on an export that nobody sends any more that it has failed, whatever deletes its schedule."""
    waiting = PreparedExport.objects.using(using).filter(
        tenant=instance.tenant_id, schedule=instance, status=PreparedExport.Status.WAITING
    )
    waiting.update(status=PreparedExport.Status.FAILED, error=DELETED, finished_at=timezone.now())
