"""Fixes of files that wait for confirmation."""

from django.db import models
from django.utils import timezone

from crm.models.tenancy import same_tenant
from importexport.engine import fixes
from importexport.models.fields import JsonText, tenant_of_run
from importexport.models.import_run import ImportRun


class RunFix(models.Model):
    """What somebody has changed in a preview about the file of a run (see engine.fixes.Fix). The file stays as it is.

    A plan is made with the fixes that there are. Those that come later count when it is made again, and those that are
    taken back are kept until then.
    """

    class Kind(models.TextChoices):
        CELL = fixes.CELL
        VALUE = fixes.VALUE
        BLANK = fixes.BLANK
        CREATE = fixes.CREATE
        SKIP = fixes.SKIP

    class State(models.TextChoices):
        """Whether the plan was made with the fix: not yet, as it is, with another text, or with one taken back."""

        NEW = "new"
        PLANNED = "planned"
        CHANGED = "changed"
        REVOKED = "revoked"

    tenant = tenant_of_run()
    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="fixes", db_constraint=False, db_index=False)
    kind = models.CharField(max_length=6, choices=Kind)
    #: SHA-256 of what the fix is about (see runs.fixes.keeping.key_of): there is one for each cell, value or error.
    key = models.CharField(max_length=64, editable=False)
    number = models.BigIntegerField(default=0, db_default=0)
    column = models.CharField(max_length=100, default="", db_default="")
    code = models.CharField(max_length=20, default="", db_default="")
    sentence = JsonText(default="")
    old = JsonText(default="")
    new = JsonText(default="")
    #: The name of the user.
    actor = models.CharField(max_length=200)
    #: When the text was given; tells different texts of a cell apart.
    made_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=7, choices=State, default=State.NEW, db_default=State.NEW)
    #: The number of rows that the plan was made with it, or that it is likely to be applied to; empty if unknown.
    rows = models.BigIntegerField(null=True)
    #: What is still wrong with the cell, or value.
    error = JsonText(default="")

    class Meta:
        ordering = ["id"]
        indexes = [
            # Finds what refers to a run that is deleted.
            models.Index(fields=["run"], name="runfix_by_run"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "run", "key"], name="runfix_is_unique"),
            *same_tenant("runfix", "run"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number or ''} {self.column}"

    @property
    def fix(self) -> fixes.Fix:
        """The fix, as an import applies it."""
        return fixes.Fix(
            kind=self.kind,
            by=self.actor,
            number=self.number,
            column=self.column,
            code=self.code,
            sentence=self.sentence,
            old=self.old,
            new=self.new,
            id=self.pk or 0,
        )
