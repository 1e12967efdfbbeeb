"""Field types of what is kept."""

import json
from decimal import Decimal
from typing import Any

from django.db import models


class JsonText(models.TextField):
    """JSON kept as ASCII text: cells may hold what neither jsonb nor text can, such as NUL."""

    # What the type checker reads of a field's values.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        """Return what was kept."""
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        """Return a value as it is: forms do not write such fields."""
        return value

    def get_prep_value(self, value: Any) -> Any:
        """Return a value as text."""
        return None if value is None else json.dumps(value)


#: An empty object, for the database to fill in.
EMPTY = models.Value("{}", output_field=models.TextField())


class ExactDecoder(json.JSONDecoder):
    """Reads numbers as they are written: an amount is no binary fraction."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"parse_float": Decimal})
