"""What is kept of the API's requests."""

from django.db import models
from django.db.models.functions import Now

from importexport.models.import_run import ImportRun


class RateWindow(models.Model):
    """How many requests a tenant has made since its present minute began.

    The table is UNLOGGED: a counter that a crash may reset need not wait for the disk at every request.
    """

    tenant = models.OneToOneField("crm.Tenant", models.CASCADE, primary_key=True, db_constraint=False)
    started_at = models.DateTimeField(db_default=Now())
    requests = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.tenant_id}: {self.requests}"


class KeptAnswer(models.Model):
    """The answer to a request with an ``Idempotency-Key``, to be given again (see api.idempotency).

    An import's answer is made anew from the ``run`` that it belongs to; any other is kept as ``body``. A ``status`` of
    0 says that the run has begun and the answer is yet to be: should the process die, it is what becomes of the run.
    """

    key = models.ForeignKey("crm.ApiKey", models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=255)
    #: SHA-256 of what was asked: path, parameters, and the file.
    digest = models.CharField(max_length=64)
    run = models.ForeignKey(ImportRun, models.CASCADE, null=True, related_name="+")
    status = models.IntegerField()
    headers = models.JSONField(default=dict)
    body = models.TextField(default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "name"], name="keptanswer_is_unique")]
        indexes = [models.Index(fields=["created_at"], name="keptanswer_by_age")]

    def __str__(self) -> str:
        return f"{self.name}: {self.status}"
