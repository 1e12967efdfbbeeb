"""Exports that a worker prepares as files."""

import datetime as dt
import uuid
from functools import partial
from typing import Any

from django.db import models, transaction
from django.db.models.functions import Now
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.utils import timezone

from crm.models.tenancy import same_tenant
from importexport.files import storage

#: How long a prepared file is kept.
KEPT = dt.timedelta(days=1)


class PreparedExport(models.Model):
    """An export that a client has asked for without waiting, or a schedule, and the file when it is ready.

    One of a schedule is ready when its file has been sent.

    The id is random, because it appears in URLs.
    """

    class Status(models.TextChoices):
        """``waiting`` also while the file is being made."""

        WAITING = "waiting"
        READY = "ready"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("crm.Tenant", models.CASCADE, related_name="prepared_exports", db_index=False)
    entity = models.CharField(max_length=20)
    file_format = models.CharField(max_length=4)
    #: The parameters of the request, which say what is exported (see engine.export.selection).
    query = models.JSONField(default=dict)
    key = models.ForeignKey("crm.ApiKey", models.SET_NULL, null=True, related_name="+", db_constraint=False)
    actor = models.CharField(max_length=200)
    #: The schedule that has started it, unless that is deleted, and when it was due; where the file is to be sent, as
    #: that is shown, and when it was.
    schedule = models.ForeignKey(
        "importexport.Schedule", models.SET_NULL, null=True, related_name="exports", db_constraint=False
    )
    due_at = models.DateTimeField(null=True)
    destination = models.TextField(default="", db_default="")
    sent_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=7, choices=Status, default=Status.WAITING)
    error = models.TextField(default="")
    #: The name of the file in the storage; empty if there is none.
    upload_name = models.CharField(max_length=100, default="", db_default="")
    #: Of the file, in bytes and in hex.
    size = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, default="")
    created_at = models.DateTimeField(default=timezone.now, db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "-created_at"], name="preparedexport_in_order"),
            models.Index(fields=["created_at"], name="preparedexport_by_age"),
        ]
        constraints = [*same_tenant("preparedexport", "key", "schedule")]

    def __str__(self) -> str:
        return self.file_name

    @property
    def file_name(self) -> str:
        """The name under which the file is downloaded."""
        return f"{self.entity}.{self.file_format}"

    @property
    def expires_at(self) -> dt.datetime | None:
        """When the file is deleted, or None if there is none."""
        return self.finished_at + KEPT if self.finished_at else None


@receiver(pre_delete, sender=PreparedExport)
def delete_file(instance: PreparedExport, using: str, **_: Any) -> None:
    """Delete the file once the export is gone, whatever deletes it."""
    if instance.upload_name:
        transaction.on_commit(partial(storage.discard, instance.upload_name), using=using)
