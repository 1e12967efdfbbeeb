"""State of the API: rate limits and idempotent responses."""

from django.db import models
from django.db.models.functions import Now

from crm.models.tenancy import same_tenant
from importexport.models.fields import tenant_of_run
from importexport.models.import_run import ImportRun


class RateWindow(models.Model):
    """The number of requests a tenant has made in the current minute.

    The table is UNLOGGED: a counter may be reset by a crash, and need not wait for the disk on every request.
    """

    tenant = models.OneToOneField("crm.Tenant", models.CASCADE, primary_key=True, db_constraint=False)
    started_at = models.DateTimeField(db_default=Now())
    requests = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.tenant_id}: {self.requests}"


class KeptAnswer(models.Model):
    """The response to a request with an ``Idempotency-Key``, to be repeated (see api.idempotency).

    The response to an import is rebuilt from its ``run``; any other is stored as ``body``. A ``status`` of 0 means that
    the run has started but has no response yet. If the process dies, the run's result becomes the response.
    """

    key = models.ForeignKey("crm.ApiKey", models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    tenant = tenant_of_run()
    name = models.CharField(max_length=255)
    #: SHA-256 of the request: path, parameters and file.
    digest = models.CharField(max_length=64)
    run = models.ForeignKey(ImportRun, models.CASCADE, null=True, related_name="+", db_constraint=False)
    status = models.IntegerField()
    headers = models.JSONField(default=dict)
    body = models.TextField(default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "key", "name"], name="keptanswer_is_unique_in_tenant"),
            *same_tenant("keptanswer", "key", "run"),
        ]
        indexes = [models.Index(fields=["created_at"], name="keptanswer_by_age")]

    def __str__(self) -> str:
        return f"{self.name}: {self.status}"
