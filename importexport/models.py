"""What the doors keep: every import, what it refused, and how often a tenant asks."""

import datetime as dt
import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class ImportRun(models.Model):
    """One file that somebody imported, or means to: who, by which door, what, when, and with what outcome.

    Its id is random, for it is named in addresses. Who did it is kept twice: as a link, and as the name of that day.
    """

    class Door(models.TextChoices):
        """How the file came in."""

        API = "api", "API"
        ADMIN = "admin", "Admin"
        SHELL = "shell", "Shell"

    class Status(models.TextChoices):
        """How far it is. ``checking`` and ``importing`` are at work; a ``checked`` one waits for its user's word."""

        CHECKING = "checking"
        CHECKED = "checked"
        IMPORTING = "importing"
        DONE = "done"
        REFUSED = "refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("crm.Tenant", models.CASCADE, related_name="import_runs")
    entity = models.CharField(max_length=20)
    door = models.CharField(max_length=5, choices=Door)
    status = models.CharField(max_length=9, choices=Status)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    key = models.ForeignKey("crm.ApiKey", models.SET_NULL, null=True, related_name="+")
    actor = models.CharField(max_length=200)

    file_name = models.CharField(max_length=255)
    #: Of the file, in bytes and in hex; blank where it was refused before all of it was seen.
    size = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, default="")

    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    #: Progress, while at work.
    rows_done = models.BigIntegerField(default=0)
    bytes_done = models.BigIntegerField(default=0)

    total_rows = models.BigIntegerField(default=0)
    imported = models.BigIntegerField(default=0)
    skipped = models.BigIntegerField(default=0)
    #: The header as understood: ``cells``; ``columns``, what each cell is, or null; ``ignored``; ``missing``.
    header = models.JSONField(default=dict)
    #: Why the whole file was refused.
    fault = models.TextField(default="")
    #: Faults alike, the most frequent first: ``kind``, ``column``, ``sentence``, ``rows``.
    groups = models.JSONField(default=list)
    #: The first records as they would be stored (a preview's), a list of cells each, in the template's order.
    sample = models.JSONField(default=list)
    #: When upload and skipped rows were removed.
    purged_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["tenant", "-created_at"], name="importrun_in_order")]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.entity})"

    @property
    def is_at_work(self) -> bool:
        """Whether it is being checked or imported, or waits to be."""
        return self.status in {self.Status.CHECKING, self.Status.IMPORTING}

    @property
    def duration(self) -> dt.timedelta | None:
        """How long the work took."""
        return self.finished_at - self.started_at if self.started_at and self.finished_at else None


class SkippedRow(models.Model):
    """A row that an import refused, or that a preview says it would refuse."""

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="skipped_rows", db_constraint=False, db_index=False)
    #: The row's number in the file; the header is row 1.
    number = models.BigIntegerField()
    #: The row as it was.
    cells = ArrayField(models.TextField())
    #: ``[column, kind, sentence]`` each; no column where the whole row is at fault.
    faults = models.JSONField()
    kinds = ArrayField(models.CharField(max_length=20))

    class Meta:
        ordering = ["number"]
        indexes = [models.Index(fields=["run", "number"], name="skippedrow_in_order")]

    def __str__(self) -> str:
        return self.message

    @property
    def message(self) -> str:
        """The contract's message of the row."""
        return f"Row {self.number}: {'; '.join(sentence for _, _, sentence in self.faults)}"


class StoredRange(models.Model):
    """Ids of records that an import stored, ``first`` to ``last``."""

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="stored", db_constraint=False, db_index=False)
    first = models.BigIntegerField()
    last = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["run", "first"], name="storedrange_in_order")]

    def __str__(self) -> str:
        return f"{self.first}–{self.last}"


class UploadPart(models.Model):
    """A piece of a file that waits for its user's word."""

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="upload", db_index=False)
    position = models.IntegerField()
    content = models.BinaryField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["run", "position"], name="uploadpart_in_order")]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.position}"


class RateWindow(models.Model):
    """How many requests a tenant has made since its present minute began.

    The table is UNLOGGED: a counter that a crash may reset need not wait for the disk at every request.
    """

    tenant = models.OneToOneField("crm.Tenant", models.CASCADE, primary_key=True, db_constraint=False)
    started_at = models.DateTimeField(db_default=Now())
    requests = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.tenant_id}: {self.requests}"
