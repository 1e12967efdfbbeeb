"""Imports: planned, applied, undone."""

import datetime as dt
import tempfile
import uuid
from typing import BinaryIO

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from importexport.models.fields import EMPTY, JsonText


class ImportRun(models.Model):
    """One file that somebody imported, or means to: who, by which channel, what, when, and with what outcome.

    Its id is random, for it is named in addresses. Who did it is kept twice: as a link, and as the name of that day.
    To undo an import is a run as well, which has no file: its ``parent`` is what it undoes. An import's parent is the
    one that refused the rows which it brings corrected.
    """

    class Kind(models.TextChoices):
        """What it does."""

        IMPORT = "import"
        UNDO = "undo"

    class Channel(models.TextChoices):
        """How the file came in."""

        API = "api", "API"
        ADMIN = "admin", "Admin"
        SHELL = "shell", "Shell"

    class Status(models.TextChoices):
        """How far it is. ``planning`` and ``applying`` are at work; a ``planned`` one waits for its user's word."""

        PLANNING = "planning"
        PLANNED = "planned"
        APPLYING = "applying"
        DONE = "done"
        FAILED = "failed"

    AT_WORK = (Status.PLANNING, Status.APPLYING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("crm.Tenant", models.CASCADE, related_name="import_runs")
    kind = models.CharField(max_length=6, choices=Kind, default=Kind.IMPORT, db_default=Kind.IMPORT)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, related_name="children")
    entity = models.CharField(max_length=20)
    #: How rows become records (see options.Options); empty for the plain import.
    options = JsonText(default=dict, db_default=EMPTY, editable=False)
    channel = models.CharField(max_length=5, choices=Channel, db_column="door")
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
    #: How many of each action (see row log.ACTIONS), and how many records of which entity were made for references.
    counts = JsonText(default=dict, db_default=EMPTY, editable=False)
    references = JsonText(default=dict, db_default=EMPTY, editable=False)
    #: SHA-256 of all that the plan says; the names that were perhaps meant by those not found, by column.
    plan_digest = models.CharField(max_length=64, default="", db_default="")
    suggestions = JsonText(default=dict, db_default=EMPTY, editable=False)
    #: The header as understood: ``cells``; ``columns``, what each cell is, or null; ``ignored``; ``missing``.
    header = JsonText(default=dict, editable=False)
    #: Why the whole file failed, or why a plan could not be applied.
    error = models.TextField(default="", db_column="fault")
    #: Errors alike, the most frequent first: ``kind``, ``column``, ``sentence`` ("" where it differs from row to row),
    #: ``example`` and ``rows``.
    groups = JsonText(default=list, editable=False)
    #: The first records as they would be stored (a preview's), a list of cells each, in the template's order.
    sample = JsonText(default=list, editable=False)
    #: When upload and rejected rows were removed.
    purged_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "import"
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["tenant", "-created_at"], name="importrun_in_order"),
            models.Index(fields=["tenant", "sha256", "-created_at"], name="importrun_by_content"),
            models.Index(
                fields=["created_at"], name="importrun_at_work", condition=models.Q(status__in=["planning", "applying"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.entity})"

    @property
    def is_at_work(self) -> bool:
        """Whether it is being planned or applied, or waits to be."""
        return self.status in self.AT_WORK

    @property
    def has_rejected(self) -> bool:
        """Whether its rejected rows can be given back as a file, to be corrected."""
        is_found = self.status in {self.Status.PLANNED, self.Status.DONE}
        return self.kind == self.Kind.IMPORT and is_found and self.skipped > 0 and self.purged_at is None

    @property
    def max_bytes(self) -> int | None:
        """The limit of the file's size in bytes; a shell has none."""
        return None if self.channel == self.Channel.SHELL else settings.RALLY_IMPORT_MAX_BYTES

    def open_upload(self) -> BinaryIO:
        """Return the uploaded file, from its start; the caller closes it."""
        file = tempfile.SpooledTemporaryFile(max_size=1024 * 1024)  # noqa: SIM115 - the caller closes it
        for content in self.upload.values_list("content", flat=True).iterator(chunk_size=1):
            file.write(content)
        file.seek(0)
        return file  # type: ignore[return-value]

    @property
    def duration(self) -> dt.timedelta | None:
        """How long the work took."""
        return self.finished_at - self.started_at if self.started_at and self.finished_at else None


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
