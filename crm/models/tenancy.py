"""The tenant in every key that crosses rows, so that the database itself refuses a reference into another tenant."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, models
from psycopg import sql

#: The fields that references are to, besides the primary key, which Django and its admin need.
KEY = ("tenant", "id")


class Referable(models.UniqueConstraint):
    """A unique constraint on tenant and id: what foreign keys of the same tenant refer to (see SameTenant)."""

    def __init__(self, *, name: str, **_: Any) -> None:
        super().__init__(fields=KEY, name=name)

    def deconstruct(self) -> tuple[str, Any, dict[str, Any]]:
        """Return how migrations write the constraint."""
        path, _, _ = super().deconstruct()
        return path, (), {"name": self.name}

    def validate(self, *_: Any, **__: Any) -> None:
        """Ask the database nothing: no two records have the same id in the first place."""


class SameTenant(models.BaseConstraint):
    """A foreign key of a reference and the tenant: the record that ``field`` refers to is of the same tenant.

    The field has ``db_constraint=False``: a second key, by the id alone, would be checked for every row as well, and an
    undo would take half as long again. Like Django's own keys, this one is checked at the end of the transaction, and
    deletes nothing: before it deletes a record, Django sets references to NULL or deletes what refers, while SQL that
    does neither has to fail.
    """

    def __init__(self, field: str, *, name: str, **texts: Any) -> None:
        super().__init__(name=name, **texts)
        self.field = field

    def constraint_sql(self, model: Any, schema_editor: Any) -> str:
        """Return the constraint as CREATE TABLE has it."""
        return self._definition(model).as_string()

    def _definition(self, model: Any) -> sql.Composed:
        reference = model._meta.get_field(self.field)
        return DEFINITION.format(
            name=sql.Identifier(self.name),
            column=sql.Identifier(reference.column),
            target=sql.Identifier(reference.related_model._meta.db_table),
        )

    def create_sql(self, model: Any, schema_editor: Any) -> str:
        """Return the statement that adds the constraint."""
        return ADD.format(sql.Identifier(model._meta.db_table), self._definition(model)).as_string()

    def remove_sql(self, model: Any, schema_editor: Any) -> str:
        """Return the statement that drops the constraint."""
        names = {"table": sql.Identifier(model._meta.db_table), "name": sql.Identifier(self.name)}
        return DROP.format(**names).as_string()

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str = DEFAULT_DB_ALIAS) -> None:
        """Ask the database nothing: forms offer a tenant's own records alone."""

    def deconstruct(self) -> tuple[str, Any, dict[str, Any]]:
        """Return how migrations write the constraint."""
        path, arguments, options = super().deconstruct()
        return path, arguments, {"field": self.field, **options}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SameTenant) and self.deconstruct() == other.deconstruct()

    __hash__ = models.BaseConstraint.__hash__


DEFINITION = sql.SQL(
    "CONSTRAINT {name} FOREIGN KEY (tenant_id, {column}) REFERENCES {target} (tenant_id, id)"
    " DEFERRABLE INITIALLY DEFERRED"
)
ADD = sql.SQL("ALTER TABLE {} ADD {}")
DROP = sql.SQL("ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")


def referable(noun: str) -> Referable:
    """Return the constraint that lets records of the same tenant refer to a model's."""
    return Referable(name=f"{noun}_is_of_its_tenant")


def same_tenant(noun: str, *fields: str) -> list[SameTenant]:
    """Return the constraints that a model's references stay in its tenant."""
    return [SameTenant(field, name=f"{noun}_{field}_is_of_its_tenant") for field in fields]
