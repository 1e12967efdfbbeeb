"""What the doors keep."""

from django.db import models
from django.db.models.functions import Now


class RateWindow(models.Model):
    """How many requests a tenant has made since its present minute began.

    The table is UNLOGGED: a counter that a crash may reset need not wait for the disk at every request.
    """

    tenant = models.OneToOneField("crm.Tenant", models.CASCADE, primary_key=True, db_constraint=False)
    started_at = models.DateTimeField(db_default=Now())
    requests = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.tenant_id}: {self.requests}"
