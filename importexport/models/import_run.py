"""Import runs: planned, applied, undone."""

import datetime as dt
import uuid
from functools import partial
from typing import Any, BinaryIO

from django.conf import settings
from django.db import models, transaction
from django.db.models.functions import Now
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.utils import timezone

from crm.models.tenancy import referable, same_tenant
from importexport import errors
from importexport.db import PAST, this_month
from importexport.files import storage
from importexport.files.storage import Stored
from importexport.models.fields import EMPTY, EMPTY_LIST, JsonText


class ImportRun(models.Model):
    """An import of a file: by whom, through which channel, when, and with what result.

    The id is random, because it appears in URLs. The actor is stored both as a foreign key and as the name at the time.
    An undo is also a run, without a file, whose ``parent`` is the run it undoes. The parent of an import is the run
    whose rejected rows it corrects.
    """

    class Kind(models.TextChoices):
        IMPORT = "import"
        UNDO = "undo"

    class Channel(models.TextChoices):
        """The way the file was submitted."""

        API = "api", "API"
        ADMIN = "admin", "Admin"
        SHELL = "shell", "Shell"
        SCHEDULE = "schedule", "Schedule"

    class Status(models.TextChoices):
        """The state of a run: ``planning``, ``applying`` and ``running`` are in progress; ``matching`` awaits what
        somebody says about the columns of the file, and ``planned`` awaits confirmation. A running import has no plan,
        and its file is not stored."""

        MATCHING = "matching"
        PLANNING = "planning"
        PLANNED = "planned"
        APPLYING = "applying"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    AT_WORK = (Status.PLANNING, Status.APPLYING, Status.RUNNING)
    #: The states that are told to programs: a file whose columns are not matched yet is a person's unfinished work.
    TOLD = (Status.PLANNING, Status.PLANNED, Status.APPLYING, Status.RUNNING, Status.DONE, Status.FAILED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("crm.Tenant", models.CASCADE, related_name="import_runs")
    kind = models.CharField(max_length=6, choices=Kind, default=Kind.IMPORT, db_default=Kind.IMPORT)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, related_name="children", db_constraint=False)
    entity = models.CharField(max_length=20)
    #: How rows become records (see options.Options). Empty for undos.
    options = JsonText(default=dict, db_default=EMPTY, editable=False)
    channel = models.CharField(max_length=8, choices=Channel, db_column="door")
    #: The schedule that has started it, unless that is deleted.
    schedule = models.ForeignKey(
        "importexport.Schedule", models.SET_NULL, null=True, related_name="runs", db_constraint=False, db_index=False
    )
    status = models.CharField(max_length=9, choices=Status)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    key = models.ForeignKey("crm.ApiKey", models.SET_NULL, null=True, related_name="+", db_constraint=False)
    actor = models.CharField(max_length=200)

    file_name = models.CharField(max_length=255)
    #: Of the file; empty if it failed before it was read completely.
    size = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, default="")
    #: The name of the file in the storage; empty if it was never stored there, or is no longer.
    upload_name = models.CharField(max_length=100, default="", db_default="")

    #: When the work began, even if the run is stored at its end.
    created_at = models.DateTimeField(default=timezone.now, db_default=Now())
    #: The partition of the row log that has the run's rows (see row_log): the month in which the run began, and PAST
    #: when its contents have been purged.
    month = models.DateField(default=this_month, db_default=PAST, editable=False)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    #: Progress while the run is at work.
    rows_done = models.BigIntegerField(default=0)
    bytes_done = models.BigIntegerField(default=0)
    #: Who has cancelled the run, or asked for it; empty if nobody has.
    cancelled_by = models.CharField(max_length=200, default="", db_default="")

    total_rows = models.BigIntegerField(default=0)
    imported = models.BigIntegerField(default=0)
    skipped = models.BigIntegerField(default=0)
    #: Rows per action (see row_log.ACTIONS), and how many of those that are rejected are left out (``left_out``); and
    #: records created for references per entity.
    counts = JsonText(default=dict, db_default=EMPTY, editable=False)
    references = JsonText(default=dict, db_default=EMPTY, editable=False)
    #: How many of the rows that changed something have been undone since, and whether all have (see history.undone).
    undone_rows = models.BigIntegerField(default=0, db_default=0)
    is_undone = models.BooleanField(default=False, db_default=False)
    #: Whether its user has not seen yet that it has ended (see runs.told).
    is_untold = models.BooleanField(default=False, db_default=False)
    #: What a plan's updates would take away (see history.losses.Losses); empty if nobody has counted.
    losses = JsonText(default=dict, db_default=EMPTY, editable=False)
    #: SHA-256 of everything the plan says; suggestions for names not found, by column.
    plan_digest = models.CharField(max_length=64, default="", db_default="")
    suggestions = JsonText(default=dict, db_default=EMPTY, editable=False)
    #: The recognised header: ``cells``; ``columns``, the name for each cell, or null; ``ignored``; ``missing``;
    #: ``delimiter``; ``mark``, whether the file begins with a byte-order mark; ``ignored_cells``, the number of filled
    #: cells of each ignored column, "" standing for those without a name.
    header = JsonText(default=dict, editable=False)
    #: What the file of another program was read as (see sources.reading.Reading); empty for a file of ours.
    reading = JsonText(default=dict, db_default=EMPTY, editable=False)
    #: How many fixes there are, and how many of them the plan does not know of, or knows otherwise (see run_fix).
    fix_count = models.IntegerField(default=0, db_default=0)
    fixes_pending = models.IntegerField(default=0, db_default=0)
    #: Why the whole file failed, or why a plan could not be applied.
    error = models.TextField(default="", db_column="fault")
    #: Errors of the same kind, most frequent first: ``code``, ``column``, ``sentence`` ("" if it differs between rows),
    #: ``example`` and ``rows``.
    groups = JsonText(default=list, editable=False)
    #: Warnings, grouped in the same way, and their number (see Report.warning_count). Of an ignored column, ``column``
    #: is its header and ``rows`` the number of its filled cells.
    warnings = JsonText(default=list, db_default=EMPTY_LIST, editable=False)
    warning_count = models.BigIntegerField(default=0, db_default=0)
    #: The first records as a plan would store them, as lists of cells in template order.
    sample = JsonText(default=list, editable=False)
    #: The size of the upload, the rejected rows and the changes, until they are purged.
    kept_bytes = models.BigIntegerField(default=0, db_default=0)
    #: When the upload and the rejected rows were deleted.
    purged_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "import"
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["tenant", "-created_at"], name="importrun_in_order"),
            models.Index(fields=["tenant", "sha256", "-created_at"], name="importrun_by_content"),
            models.Index(
                fields=["tenant", "created_at"],
                include=["kept_bytes"],
                name="importrun_kept",
                condition=models.Q(purged_at=None),
            ),
            models.Index(
                fields=["created_at"],
                name="importrun_at_work",
                condition=models.Q(status__in=["planning", "applying", "running"]),
            ),
            models.Index(
                fields=["schedule", "-created_at"], name="importrun_by_schedule", condition=~models.Q(schedule=None)
            ),
            models.Index(fields=["user"], name="importrun_untold", condition=models.Q(is_untold=True)),
            # Finds the runs that keep a month of the row log from being dropped.
            models.Index(fields=["month"], name="importrun_by_month", condition=~models.Q(month=PAST)),
        ]
        constraints = [referable("importrun"), *same_tenant("importrun", "parent", "key", "schedule")]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.entity})"

    @property
    def is_at_work(self) -> bool:
        """Whether the run is being planned, applied or imported, or is waiting for that."""
        return self.status in self.AT_WORK

    @property
    def lease_name(self) -> str:
        """The name of the lease that a process holds while it works on the run."""
        return f"run {self.pk}"

    @property
    def has_upload(self) -> bool:
        """Whether the file of a run at work is stored, rather than read as it arrives."""
        return self.status in {self.Status.PLANNING, self.Status.APPLYING}

    @property
    def has_rejected(self) -> bool:
        """Whether the rejected rows can be downloaded for correction."""
        is_found = self.status in {self.Status.PLANNED, self.Status.DONE}
        is_any = self.skipped > self.left_out
        return self.kind == self.Kind.IMPORT and is_found and is_any and self.purged_at is None

    @property
    def has_fixes(self) -> bool:
        """Whether there are fixes, or were when the plan was made."""
        return bool(self.fix_count or self.fixes_pending)

    @property
    def left_out(self) -> int:
        """How many of the rejected rows somebody has left out."""
        return self.counts.get("left_out", 0)

    @property
    def standing_rows(self) -> int:
        """How many rows of an import have created or updated a record, and have not been undone since."""
        return max(self.imported - self.counts.get("unchanged", 0) - self.undone_rows, 0)

    @property
    def max_bytes(self) -> int | None:
        """The maximum size of the file in bytes, or None: for the shell, which has no limit, and for a file that is
        stored already, and was measured then."""
        is_unlimited = self.channel == self.Channel.SHELL or self.has_upload
        return None if is_unlimited else settings.RALLY_IMPORT_MAX_BYTES

    def open_upload(self) -> BinaryIO:
        """Return the uploaded file, as it was sent. The caller closes it.

        Raises UploadLost if it is missing or was changed, and StorageUnavailable.
        """
        if not self.upload_name:
            raise errors.upload_missing()
        return storage.open_stored(self.upload_name, Stored(self.size or 0, self.sha256))

    @property
    def duration(self) -> dt.timedelta | None:
        """The time from start to finish, or None."""
        return self.finished_at - self.started_at if self.started_at and self.finished_at else None


@receiver(pre_delete, sender=ImportRun)
def delete_upload(instance: ImportRun, using: str, **_: Any) -> None:
    """Delete a run's file once the run is gone, whatever deletes it."""
    if instance.upload_name:
        transaction.on_commit(partial(storage.discard, instance.upload_name), using=using)
