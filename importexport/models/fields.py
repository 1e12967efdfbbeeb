"""Field types for import runs."""

import json
from decimal import Decimal
from typing import Any, Self

from django.db import models


class JsonText(models.TextField):
    """JSON stored as ASCII text, since cells may contain characters that neither jsonb nor text allows, such as NUL."""

    # The types of the field's values, for the type checker.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        """Return the value unchanged: no form writes these fields."""
        return value

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else json.dumps(value)


def tenant_of_run() -> models.ForeignKey:
    """Return the field for the tenant of what belongs to a run.

    Nothing of its own in the database holds it: what refers to a run is of the tenant of that run, and deleted with it.
    """
    return models.ForeignKey("crm.Tenant", models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)


class OfRunQuerySet(models.QuerySet):
    """Filters what belongs to runs."""

    def of(self, run: models.Model) -> Self:
        """Return what belongs to a run."""
        return self.filter(tenant=run.tenant_id, run=run)  # type: ignore[attr-defined]


class OfMonthQuerySet(OfRunQuerySet):
    """Filters what belongs to runs, and is in the partition of the run's month."""

    def of(self, run: models.Model) -> Self:
        """Return what belongs to a run; PostgreSQL reads one partition for it."""
        return super().of(run).filter(month=run.month)  # type: ignore[attr-defined]


#: An empty JSON object, and an empty list, as database defaults.
EMPTY = models.Value("{}", output_field=models.TextField())
EMPTY_LIST = models.Value("[]", output_field=models.TextField())


class ExactDecoder(json.JSONDecoder):
    """Decodes JSON numbers as Decimal: amounts must not become binary fractions."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"parse_float": Decimal})
