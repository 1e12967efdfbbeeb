"""Migration operations that build indexes and add keys without blocking writes for long, and that can be run again
whatever stopped them."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently, NotInTransactionMixin
from django.db import models
from django.db.migrations.operations import AddConstraint
from psycopg import sql

from crm.models.tenancy import SameTenant


class AddIndexAnew(AddIndexConcurrently):
    """Adds an index; what an interrupted attempt has left of it is dropped first."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._ensure_not_in_transaction(schema_editor)
        execute(schema_editor, drop_index(self.index.name))
        super().database_forwards(app_label, schema_editor, from_state, to_state)


class AddUniqueConcurrently(NotInTransactionMixin, AddConstraint):
    """Adds a unique constraint on fields, by an index that is built concurrently."""

    atomic = False
    constraint: models.UniqueConstraint

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._ensure_not_in_transaction(schema_editor)
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model) or is_there(
            schema_editor, self.constraint.name
        ):
            return
        execute(schema_editor, drop_index(self.constraint.name))
        execute(schema_editor, self._index(model, schema_editor))
        if not self.constraint.condition:
            execute(schema_editor, AS_CONSTRAINT.format(**self._names(model)))

    def _index(self, model: type[models.Model], schema_editor: Any) -> sql.Composed:
        columns = [sql.Identifier(str(model._meta.get_field(name).column)) for name in self.constraint.fields]  # type: ignore[union-attr]
        condition = self.constraint._get_condition_sql(model, schema_editor)  # type: ignore[attr-defined]
        where = sql.SQL(" WHERE {}").format(sql.SQL(condition)) if condition else sql.SQL("")
        return CREATE.format(columns=sql.SQL(", ").join(columns), where=where, **self._names(model))

    def _names(self, model: type[models.Model]) -> dict[str, sql.Identifier]:
        return {"name": sql.Identifier(self.constraint.name), "table": sql.Identifier(model._meta.db_table)}


class AddUnchecked(AddConstraint):
    """Adds a foreign key that holds for what is written from now on; ValidateConstraint checks what is there."""

    constraint: SameTenant

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model) and not is_there(
            schema_editor, self.constraint.name
        ):
            added = sql.SQL(self.constraint.create_sql(model, schema_editor))
            execute(schema_editor, NOT_VALID.format(added))


def is_there(schema_editor: Any, name: str) -> bool:
    """Whether there is a constraint, to which its index belongs; a partial index never becomes one."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_constraint WHERE conname = %s", [name])
        return bool(cursor.rowcount)


def execute(schema_editor: Any, statement: sql.Composed) -> None:
    """Execute a statement, or collect it for ``sqlmigrate``."""
    schema_editor.execute(statement.as_string(), params=None)


def drop_index(name: str) -> sql.Composed:
    """Return the statement that drops an index, if there is one with this name."""
    return sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name))


CREATE = sql.SQL("CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({columns}){where}")
NOT_VALID = sql.SQL("{} NOT VALID")
AS_CONSTRAINT = sql.SQL("ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}")
