"""The row log: what a run did, or a plan would do, with each row of its file.

Rejected rows and changes are most of it, and nothing of their contents is kept for long: their tables are partitioned
by the month of the run, and a month is dropped when the contents of all its runs have been purged (see
runs.log_retention). An entry belongs to its run only while both have the same month. The database's primary key is of
id and month; the ids are from one sequence. Pages are few and are kept for as long as the run, in one table.
"""

import json

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GistIndex
from django.db import models
from django.db.models import F, Func, Q, Value

from importexport.engine.outcome import Stretch
from importexport.errors import at_row
from importexport.models.fields import ExactDecoder, JsonText, OfMonthQuerySet, OfRunQuerySet, tenant_of_run
from importexport.models.import_run import ImportRun


class RejectedRowQuerySet(OfMonthQuerySet):
    """Filters rejected rows by error."""

    def with_error(self, *, code: str, column: str | None = None, sentence: str | None = None) -> "RejectedRowQuerySet":
        """Return the rows with an error code, optionally only in one column and with exactly this message."""
        if sentence is not None and column is not None:
            return self.filter(errors__contains=json.dumps([column, code, sentence]))
        before = "" if column is None else f"[{json.dumps(column)}"
        return self.filter(errors__contains=f"{before}, {json.dumps(code)}, ")


class RejectedRow(models.Model):
    """A row that an import rejected, or that a plan would reject."""

    run = models.ForeignKey(
        ImportRun, models.CASCADE, related_name="rejected_rows", db_constraint=False, db_index=False
    )
    tenant = tenant_of_run()
    #: The run's month, which is the partition.
    month = models.DateField()
    #: The row's number in the file. The header is row 1.
    number = models.BigIntegerField()
    #: The original row.
    cells = JsonText()
    #: A list of ``[column, code, sentence]``. The column is "" if the error concerns the whole row.
    errors = JsonText(db_column="faults")

    objects = RejectedRowQuerySet.as_manager()

    class Meta:
        db_table = "importexport_skippedrow"
        ordering = ["number"]
        indexes = [models.Index(fields=["run", "number"], name="skippedrow_in_order")]

    def __str__(self) -> str:
        return self.message

    @property
    def is_left_out(self) -> bool:
        """Whether somebody has left the row out."""
        return self.errors[0][1] == "left_out"

    @property
    def message(self) -> str:
        """The contract's message for the row."""
        return at_row(self.number, [sentence for _, _, sentence in self.errors])


class RowLogPage(models.Model):
    """Consecutive rows with the same result: created, unchanged or deleted. One page per batch and action.

    A page is a list of stretches. The n-th starts at row ``numbers[n]`` and record ``ids[n]`` and has ``counts[n]``
    rows; numbers and ids increase by one. The ids in plans are 0 for records yet to be created.
    """

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="pages", db_constraint=False, db_index=False)
    tenant = tenant_of_run()
    action = models.CharField(max_length=9)
    #: The lowest and highest row number and id of the page.
    first_number = models.BigIntegerField()
    last_number = models.BigIntegerField()
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    numbers = ArrayField(models.BigIntegerField())
    ids = ArrayField(models.BigIntegerField())
    counts = ArrayField(models.IntegerField())

    objects = OfRunQuerySet.as_manager()

    class Meta:
        db_table = "importexport_ledgerpage"
        indexes = [
            models.Index(fields=["run", "first_number"], name="ledgerpage_in_order"),
            # Finds the import that created a record.
            GistIndex(
                Func(F("first_id"), F("last_id"), Value("[]"), function="int8range"),
                condition=Q(action="create"),
                name="ledgerpage_by_record",
            ),
        ]

    def stretches(self) -> list[Stretch]:
        return list(map(Stretch, self.numbers, self.ids, self.counts))

    def __str__(self) -> str:
        return f"{self.action}: rows {self.first_number}–{self.last_number}"


class RowChange(models.Model):
    """The change of one row's record, if there is more to say than that it was created.

    ``changes`` are by database column. For an ``update`` they are ``[before, after]``, for a reference ``[before,
    after, label before, label after]``. A ``conflict`` could not be undone; ``note`` is the reason. A ``create`` is a
    record created because a row refers to it, or recreated by an undo. A ``fix`` is about no record: its ``changes``
    are the cells of the row, by column of the file, as the file has them and as somebody (``note``) has changed them.
    """

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="changes", db_constraint=False, db_index=False)
    tenant = tenant_of_run()
    #: The run's month, which is the partition.
    month = models.DateField()
    number = models.BigIntegerField()
    action = models.CharField(max_length=9)
    entity = models.CharField(max_length=20)
    record = models.BigIntegerField()
    changes = models.JSONField(default=dict, decoder=ExactDecoder)
    note = models.TextField(default="")
    #: For a ``delete``: the deleted record, formatted by PostgreSQL as a row of the columns in the run's header.
    image = models.TextField(default="", db_default="")

    objects = OfMonthQuerySet.as_manager()

    class Meta:
        ordering = ["number", "id"]
        indexes = [
            models.Index(fields=["run", "number"], name="rowchange_in_order"),
            # Finds the imports that changed a record. Deleted records are never looked up.
            models.Index(fields=["record", "entity"], condition=~Q(action="delete"), name="rowchange_by_record"),
            # Finds the records that a run created because its rows name them.
            models.Index(fields=["run", "number"], condition=Q(action="create"), name="rowchange_created"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.entity} {self.record}"


#: The tables in partitions by month.
BY_MONTH = [RejectedRow._meta.db_table, RowChange._meta.db_table]
