"""The base class of contacts, companies, deals and activities."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy

from crm.models.fields import Folding, Text


class Record(Folding):
    """A record of a tenant. Timestamps have database defaults, because COPY does not call save()."""

    #: No foreign key constraint: checking it would take a tenth of an import. lock_entities locks the tenant instead.
    tenant = models.ForeignKey("crm.Tenant", models.CASCADE, db_index=False, db_constraint=False)
    #: The id of the record in another program, and that program: together they identify the record in the tenant.
    external_source = Text(max_length=50, db_default="", db_collation="C")
    external_id = Text(max_length=255, db_default="", db_collation="C", verbose_name=gettext_lazy("external ID"))
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


def unique_external_id(noun: str) -> models.UniqueConstraint:
    """Return the constraint that no two of a tenant's records have the same id in the same other program."""
    return models.UniqueConstraint(
        # The id first, so that the index also serves look-ups by id alone.
        fields=["tenant", "external_id", "external_source"],
        condition=~Q(external_id=""),
        name=f"{noun}_external_id_is_unique",
        violation_error_message=gettext_lazy("Another record has the same external source and ID."),
    )
