"""Names that several records bear, because an import kept all of them (``duplicates=keep``).

The records of a name are told apart by their slots: "" for the only one, or the first; for each of the others the
external id that it was kept for. So the unique constraints that ordinary imports rely on have one column more, and
hold; what else looks for a name finds all records that bear it.
"""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, models
from django.db.models import Q

from crm.models.fields import Text


class NameSlot(Text):
    """What tells a record apart from others with the same name; blank unless it was kept beside another."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 306, "db_default": "", "db_collation": "C", "editable": False, **options})


class UniqueUnlessKept(models.UniqueConstraint):
    """A unique constraint with a slot. Validation ignores the slot: a name may be kept, but not newly taken."""

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str = DEFAULT_DB_ALIAS) -> None:
        """Raise ValidationError if another record has the same values, unless the record has had them before."""
        names = [name for name in self.fields if name != "name_slot"]
        values = {name: getattr(instance, model._meta.get_field(name).attname) for name in names}
        if not model._base_manager.using(using).filter(pk=instance.pk, **values).exists():
            self._without_slot(names).validate(model, instance, exclude, using)

    def _without_slot(self, names: list[str]) -> models.UniqueConstraint:
        return models.UniqueConstraint(
            fields=names,
            name=self.name,
            condition=self.condition,
            violation_error_message=self.violation_error_message,
        )


def kept_in_tenant(noun: str) -> models.Index:
    """Return the index that tells whether a tenant has records that were kept beside others."""
    return models.Index(fields=["tenant"], condition=~Q(name_slot=""), name=f"{noun}_kept")
