"""Who works on something at this moment."""

from django.db import models
from django.db.models.functions import Now

from importexport.models.fields import tenant_of_run


class Lease(models.Model):
    """That a process works on a run, or carries out a request with an ``Idempotency-Key`` (see db.leases).

    The table is UNLOGGED: after a crash of PostgreSQL nobody works on anything.
    """

    tenant = tenant_of_run()
    name = models.CharField(max_length=100)
    #: Random; of the process and this occasion.
    holder = models.UUIDField()
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="lease_is_unique")]

    def __str__(self) -> str:
        return self.name
