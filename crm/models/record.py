"""The base class of contacts, companies, deals and activities."""

from typing import Any

from django.db import models
from django.db.models.functions import Now

from crm.models.fields import Folding


class Record(Folding):
    """A record of a tenant. Timestamps have database defaults, because COPY does not call save()."""

    #: No foreign key constraint: checking it would take a tenth of an import. lock_entities locks the tenant instead.
    tenant = models.ForeignKey("crm.Tenant", models.CASCADE, db_index=False, db_constraint=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True
        ordering = ["id"]

    def save(self, **options: Any) -> None:
        """Save, and update the time of the last change."""
        if not self._state.adding:
            self.updated_at = Now()
        if (names := options.get("update_fields")) is not None:
            options["update_fields"] = {*names, "updated_at"}
        super().save(**options)
