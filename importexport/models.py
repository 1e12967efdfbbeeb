"""What the doors keep: every import, what it refused, and how often a tenant asks."""

import datetime as dt
import json
import tempfile
import uuid
from typing import Any, BinaryIO

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from importexport.faults import at_row


class JsonText(models.TextField):
    """JSON kept as ASCII text: cells may hold what neither jsonb nor text can, such as NUL."""

    # What the type checker reads of a field's values.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        """Return what was kept."""
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        """Return a value as it is: forms do not write such fields."""
        return value

    def get_prep_value(self, value: Any) -> Any:
        """Return a value as text."""
        return None if value is None else json.dumps(value)


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
    header = JsonText(default=dict, editable=False)
    #: Why the whole file was refused.
    fault = models.TextField(default="")
    #: Faults alike, the most frequent first: ``kind``, ``column``, ``sentence`` ("" where it differs from row to row),
    #: ``example`` and ``rows``.
    groups = JsonText(default=list, editable=False)
    #: The first records as they would be stored (a preview's), a list of cells each, in the template's order.
    sample = JsonText(default=list, editable=False)
    #: When upload and skipped rows were removed.
    purged_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "import"
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["tenant", "-created_at"], name="importrun_in_order")]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.entity})"

    @property
    def is_at_work(self) -> bool:
        """Whether it is being checked or imported, or waits to be."""
        return self.status in {self.Status.CHECKING, self.Status.IMPORTING}

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


class SkippedRowQuerySet(models.QuerySet):
    """Skipped rows, by what is wrong with them."""

    def with_fault(self, *, kind: str, column: str | None = None, sentence: str | None = None) -> "SkippedRowQuerySet":
        """Return the rows with a fault of a kind; only those in a column, only those with that very sentence."""
        if sentence is not None and column is not None:
            return self.filter(faults__contains=json.dumps([column, kind, sentence]))
        before = "" if column is None else f"[{json.dumps(column)}"
        return self.filter(faults__contains=f"{before}, {json.dumps(kind)}, ")


class SkippedRow(models.Model):
    """A row that an import refused, or that a preview says it would refuse."""

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="skipped_rows", db_constraint=False, db_index=False)
    #: The row's number in the file; the header is row 1.
    number = models.BigIntegerField()
    #: The row as it was.
    cells = JsonText()
    #: ``[column, kind, sentence]`` each; the column is "" where the whole row is at fault.
    faults = JsonText()

    objects = SkippedRowQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        indexes = [models.Index(fields=["run", "number"], name="skippedrow_in_order")]

    def __str__(self) -> str:
        return self.message

    @property
    def message(self) -> str:
        """The contract's message of the row."""
        return at_row(self.number, [sentence for _, _, sentence in self.faults])


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
