"""The row log: what an import did, or would do, with each row of its file."""

import json

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GistIndex
from django.db import models
from django.db.models import F, Func, Q, Value

from importexport.engine.outcome import Stretch
from importexport.errors import at_row
from importexport.models.fields import ExactDecoder, JsonText
from importexport.models.import_run import ImportRun


class RejectedRowQuerySet(models.QuerySet):
    """Rejected rows, by what is wrong with them."""

    def with_error(self, *, code: str, column: str | None = None, sentence: str | None = None) -> "RejectedRowQuerySet":
        """Return the rows with an error of a code; only those in a column, only those with that very sentence."""
        if sentence is not None and column is not None:
            return self.filter(errors__contains=json.dumps([column, code, sentence]))
        before = "" if column is None else f"[{json.dumps(column)}"
        return self.filter(errors__contains=f"{before}, {json.dumps(code)}, ")


class RejectedRow(models.Model):
    """A row that an import rejected, or that a plan says it would reject."""

    run = models.ForeignKey(
        ImportRun, models.CASCADE, related_name="rejected_rows", db_constraint=False, db_index=False
    )
    #: The row's number in the file; the header is row 1.
    number = models.BigIntegerField()
    #: The row as it was.
    cells = JsonText()
    #: ``[column, code, sentence]`` each; the column is "" where the whole row is at fault.
    errors = JsonText(db_column="faults")

    objects = RejectedRowQuerySet.as_manager()

    class Meta:
        db_table = "importexport_skippedrow"
        ordering = ["number"]
        indexes = [models.Index(fields=["run", "number"], name="skippedrow_in_order")]

    def __str__(self) -> str:
        return self.message

    @property
    def message(self) -> str:
        """The contract's message of the row."""
        return at_row(self.number, [sentence for _, _, sentence in self.errors])


class RowLogPage(models.Model):
    """Rows side by side of which the same became: created, found unchanged, deleted. One page for a batch of rows.

    The page is a list of runs of rows: the n-th begins with row ``numbers[n]`` and record ``ids[n]`` and goes on for
    ``counts[n]`` rows, numbers and ids rising by one. A plan does not know the ids of what it would create: they are 0.
    """

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="pages", db_constraint=False, db_index=False)
    action = models.CharField(max_length=9)
    #: The lowest and highest row and id of the page.
    first_number = models.BigIntegerField()
    last_number = models.BigIntegerField()
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    numbers = ArrayField(models.BigIntegerField())
    ids = ArrayField(models.BigIntegerField())
    counts = ArrayField(models.IntegerField())

    class Meta:
        db_table = "importexport_ledgerpage"
        indexes = [
            models.Index(fields=["run", "first_number"], name="ledgerpage_in_order"),
            # From a record to the import that made it.
            GistIndex(
                Func(F("first_id"), F("last_id"), Value("[]"), function="int8range"),
                condition=Q(action="create"),
                name="ledgerpage_by_record",
            ),
        ]

    def stretches(self) -> list[Stretch]:
        """Return the runs of rows."""
        return list(map(Stretch, self.numbers, self.ids, self.counts))

    def __str__(self) -> str:
        return f"{self.action}: rows {self.first_number}–{self.last_number}"


class RowChange(models.Model):
    """What became of one row's record where more is to be said than that it was created.

    ``changes`` are by database column: of an ``update`` ``[before, after]``, and for a reference also what it shows,
    ``[before, after, shown before, shown after]``. A ``conflict`` is what could not be undone, and ``note`` says why.
    A ``create`` is a record that was made because the row refers to it, or one that an undo brought back.
    """

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="changes", db_constraint=False, db_index=False)
    number = models.BigIntegerField()
    action = models.CharField(max_length=9)
    entity = models.CharField(max_length=20)
    record = models.BigIntegerField()
    changes = models.JSONField(default=dict, decoder=ExactDecoder)
    note = models.TextField(default="")
    #: Of a ``delete``: the record as it was, as PostgreSQL writes a row of those columns that the run's header names.
    image = models.TextField(default="", db_default="")

    class Meta:
        ordering = ["number", "id"]
        indexes = [
            models.Index(fields=["run", "number"], name="rowchange_in_order"),
            # From a record to the imports that were at it; one that was deleted is not asked for.
            models.Index(fields=["record", "entity"], condition=~Q(action="delete"), name="rowchange_by_record"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.entity} {self.record}"
