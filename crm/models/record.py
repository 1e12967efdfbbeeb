"""What contacts, companies, deals and activities have in common."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models.functions import Now

from crm.models.fields import Folded, FoldingQuerySet


class Record(models.Model):
    """A tenant's record. Timestamps have database defaults, because COPY knows nothing of save()."""

    #: No constraint in the database: its check would cost a tenth of an import. lock_entity holds the tenant instead.
    tenant = models.ForeignKey("crm.Tenant", models.CASCADE, db_index=False, db_constraint=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = FoldingQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["id"]

    def save(self, **options: Any) -> None:
        """Save, with the time of the change and, in a partial save, the keys of the changed fields."""
        if not self._state.adding:
            self.updated_at = Now()
        if (names := options.get("update_fields")) is not None:
            options["update_fields"] = {*names, *self._keys_of(names), "updated_at"}
        super().save(**options)

    def clean_fields(self, exclude: Any = None) -> None:
        """Fold the keys before validation, so that the form can report a duplicate."""
        for field in self._meta.concrete_fields:
            if isinstance(field, Folded):
                field.pre_save(self, add=False)
        super().clean_fields(exclude)

    @classmethod
    def _keys_of(cls, names: Iterable[str]) -> set[str]:
        return {f.name for f in cls._meta.concrete_fields if isinstance(f, Folded) and f.source in names}
