"""An upsert in SQL: what a record gets from a row, and what that changes.

Within these expressions ``t`` is the record, ``s`` the row as staged, ``new`` the record's values after the change.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from string import Formatter

from django.db import models
from psycopg import sql

from crm.models.fields import Folded, TagList
from importexport.columns.fields import Column
from importexport.engine.options import Options


@dataclass(frozen=True)
class Changeable:
    """A column that may change a record; ``bit`` stands for it in the masks of what a row gives and clears."""

    column: Column
    bit: int


class NewValues:
    """A record's new values as SQL expressions.

    ``changeable`` are columns by the database column that they store; ``folded`` are the matching keys that follow
    them, ``more`` the values of other database columns, and ``fields`` the model's fields by database column.
    """

    def __init__(
        self,
        changeable: Mapping[str, Changeable],
        folded: Sequence[Folded],
        *,
        fields: Mapping[str, models.Field],
        options: Options,
        more: Mapping[str, sql.Composable],
    ) -> None:
        self._changeable, self._folded, self._fields, self._options = changeable, folded, fields, options
        self._more = more

    @cached_property
    def all(self) -> dict[str, sql.Composable]:
        """Each database column that a row may change, and its new value."""
        values = {name: self.value(name) for name in self._changeable}
        return values | {str(field.column): self.folded(field) for field in self._folded} | {**self._more}

    def value(self, name: str) -> sql.Composable:
        """Return a column's new value, which is the present one where no row may change it."""
        entry = self._changeable.get(name)
        if entry is None:
            return sql.Identifier("t", name)
        template = entry.column.widget.cleared_sql
        cleared = self._filled(template) if template else sql.Identifier("s", name)
        return self._case(entry, name, cleared=cleared, given=sql.Identifier("s", name))

    def folded(self, field: Folded) -> sql.Composable:
        """Return a matching key's new value, which follows its source's."""
        own = sql.Identifier("s", str(field.column))
        return self._case(self._changeable[field.source], str(field.column), cleared=own, given=own)

    def assignments(self) -> sql.Composed:
        """Return what an UPDATE sets."""
        return comma_separated(
            sql.SQL("{} = {}").format(sql.Identifier(name), value) for name, value in self.all.items()
        )

    def named(self) -> sql.Composed:
        """Return the new values as a SELECT lists them."""
        return comma_separated(
            sql.SQL("{} AS {}").format(value, sql.Identifier(name)) for name, value in self.all.items()
        )

    def differences(self) -> sql.Composed:
        """Return each column's name and, where it changes, its values before and after as a JSON array."""
        return comma_separated(map(self._difference, self.all))

    def any_differs(self) -> sql.Composed:
        """Return the condition that a row changes its record."""
        return sql.SQL(" OR ").join(DIFFERS.format(sql.Identifier(name)) for name in self.all)

    def _filled(self, template: str) -> sql.Composed:
        """Return an expression made of the record's other new values, which its template names in braces."""
        names = {name for _, name, _, _ in Formatter().parse(template) if name}
        return sql.SQL(template).format(**{name: self.value(name) for name in names})

    def _case(self, entry: Changeable, name: str, *, cleared: sql.Composable, given: sql.Composable) -> sql.Composable:
        is_fill = self._options.blank == "fill"
        return CASE.format(
            bit=sql.Literal(entry.bit),
            cleared=cleared,
            condition=is_nothing(self._fields[entry.column.stores]) if is_fill else sql.SQL("true"),
            given=given,
            present=sql.Identifier("t", name),
        )

    def _difference(self, name: str) -> sql.Composed:
        entry = self._changeable.get(name)
        return DIFFERENCE.format(
            key=sql.Literal(name),
            differs=DIFFERS.format(sql.Identifier(name)),
            new=sql.Identifier("new", name),
            present=sql.Identifier("t", name),
            shown=sql.SQL("").join(shown_as(entry.column, name)) if entry else sql.SQL(""),
        )


CASE = sql.SQL(
    "CASE WHEN s.cleared & {bit} <> 0 THEN {cleared} WHEN s.given & {bit} <> 0 AND {condition} THEN {given}"
    " ELSE {present} END"
)

DIFFERS = sql.SQL("new.{0} IS DISTINCT FROM t.{0}")
DIFFERENCE = sql.SQL("{key}, CASE WHEN {differs} THEN jsonb_build_array({present}, {new}{shown}) END")


def comma_separated(parts: Iterable[sql.Composable]) -> sql.Composed:
    """Return a list in SQL."""
    return sql.SQL(", ").join(parts)


def is_nothing(field: models.Field) -> sql.Composable:
    """Return the condition that a record has nothing in a column; some columns always have something."""
    column = sql.Identifier("t", str(field.column))
    if field.null:
        return sql.SQL("{} IS NULL").format(column)
    if isinstance(field, TagList):
        return sql.SQL("{} = '{{}}'").format(column)
    return sql.SQL("{} = ''").format(column) if field.blank else sql.SQL("false")


def shown_as(column: Column, name: str) -> list[sql.Composed]:
    """Return what a reference's values before and after show to people; nothing for another column."""
    _, _, shown = column.attribute.partition("__")
    if not shown:
        return []
    table = column.source.related_model._meta.db_table  # type: ignore[union-attr]
    return [
        sql.SQL(", (SELECT x.{} FROM {} AS x WHERE x.tenant_id = t.tenant_id AND x.id = {})").format(
            sql.Identifier(shown), sql.Identifier(table), sql.Identifier(side, name)
        )
        for side in ("t", "new")
    ]
