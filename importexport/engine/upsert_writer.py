"""Rows that may be records that there are already: which they are, what would change, and the change itself.

The database compares: it knows the types, and a batch is three statements whatever its rows say.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from django.db import IntegrityError, connection, models, transaction

from crm.models.fields import Folded, TagList, folded_fields
from importexport.columns.fields import Column
from importexport.db import ANY_TENANT, by_index
from importexport.engine.copy_writer import STAGING, Writer
from importexport.engine.options import Options
from importexport.engine.spec import Key

#: Records that the file has been at already.
SEEN = "rally_seen"
#: How often a batch is tried anew that met with a change by hand of this very moment.
TRIES = 3
#: A row of the batch, by its index, and the id of the record that it is.
Pair = tuple[int, int]


@dataclass(frozen=True)
class Changeable:
    """A column that may change a record; ``bit`` stands for it in the masks of what a row gives and clears."""

    column: Column
    bit: int


class Merger(Writer):
    """A Writer that also finds and changes records. Use as a context manager; of each batch, first ``stage`` the rows,
    then ``find`` their records, and then ``compare``, ``update`` and ``insert``.

    ``changeable`` are the file's columns that are not part of the ``key``, which says who
    a record is and never changes.
    """

    besides = ", given bigint, cleared bigint"

    def __init__(
        self,
        model: type[models.Model],
        *,
        tenant: Any,
        columns: Sequence[str],
        key: Key,
        changeable: Sequence[Changeable],
        options: Options,
    ) -> None:
        super().__init__(model, tenant=tenant, columns=columns)
        self._key, self._options = key, options
        self._changeable = {entry.column.stores: entry for entry in changeable}
        self._folded = folded_fields(model, self._changeable)
        self._new = NewValues(self._value)

    def __enter__(self) -> "Merger":
        super().__enter__()
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMPORARY TABLE {SEEN} (id bigint PRIMARY KEY) ON COMMIT DROP")
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        super().__exit__(kind, *exc)
        if kind is None:
            with connection.cursor() as cursor:
                cursor.execute(f"DROP TABLE {SEEN}")

    def stage(self, rows: Sequence[Sequence[str | None]], given: Sequence[int], cleared: Sequence[int]) -> None:
        """Bring rows, given as one list of COPY texts per column, and what each row gives and clears."""
        self._staged, self._lost_ones = len(given), []
        if given:
            numbers, masks = map(str, range(len(given))), (map(str, given), map(str, cleared))
            with connection.cursor() as cursor:
                names = f"n, given, cleared, {', '.join(self.columns)}"
                self._stage(cursor, names, [list(numbers), *map(list, masks), *rows])

    def find(self) -> list[Pair]:
        """Return which rows are records already, and which, in the order of rows. The records are locked."""
        if not self._staged:
            return []
        keys = [self._key.stored, *self._key.others.values()]
        nullable = [name for name in keys if self._fields[name].null]
        with connection.cursor() as cursor, by_index(cursor):
            found = self._find_any(cursor, keys, nullable) if nullable else self._find_next(cursor, keys)
        return sorted(found)

    def _find_next(self, cursor: Any, keys: list[str]) -> list[Pair]:
        """Find records as the next ones in the order of the key, which one index alone has: PostgreSQL may take a new
        tenant's records for so few that any index by tenant would do."""
        names = ["t.tenant_id", *(f"t.{name}" for name in keys)]
        # Once more when it is locked, for it may have changed at this very moment.
        same = " AND ".join(f"t.{name} = s.{name}" for name in keys)
        cursor.execute(
            f"SELECT s.n, held.id FROM {STAGING} AS s CROSS JOIN LATERAL"
            f" (SELECT t.id, t.tenant_id = %s AND {same} AS is_it FROM {self.table} AS t"
            f" WHERE ({', '.join(names)}) >= (%s, {', '.join(f's.{name}' for name in keys)})"
            f" AND t.{self._key.stored} <> '' ORDER BY {', '.join(names)} LIMIT 1) AS found CROSS JOIN LATERAL"
            f" (SELECT t.id FROM {self.table} AS t WHERE found.is_it AND t.id = found.id AND {same} LIMIT 1"
            " FOR NO KEY UPDATE) AS held",
            [self.tenant.pk] * 2,
        )
        return cursor.fetchall()

    def _find_any(self, cursor: Any, keys: list[str], nullable: list[str]) -> list[Pair]:
        """Find records by a key of which parts may be NULL."""
        found: list[Pair] = []
        # NULLs are the same here, which no index finds by "=": so each pattern of them is asked for by itself.
        for pattern in product([False, True], repeat=len(nullable)):
            blank = dict(zip(nullable, pattern, strict=True))
            own = [f"s.{name} IS {'' if blank[name] else 'NOT '}NULL" for name in nullable]
            same = [f"t.{name} IS NULL" if blank.get(name) else f"t.{name} = s.{name}" for name in keys]
            cursor.execute(
                f"SELECT s.n, found.id FROM {STAGING} AS s CROSS JOIN LATERAL (SELECT t.id FROM {self.table} AS t"
                f" WHERE t.tenant_id = {ANY_TENANT} AND {' AND '.join(same)} LIMIT 1 FOR NO KEY UPDATE) AS found"
                f" WHERE {' AND '.join(own)}",
                [self.tenant.pk],
            )
            found.extend(cursor.fetchall())
        return found

    def seen(self, ids: Iterable[int]) -> set[int]:
        """Return those records that an earlier row of the file was."""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id FROM {SEEN} WHERE id = ANY(%s)", [list(ids)])
            return {pk for (pk,) in cursor}

    def claims(self, key: Key, pairs: Sequence[Pair]) -> dict[int, tuple[str, bool]]:
        """Return the rows that would give their record another value of a unique key: the value, and whether some
        other record has it."""
        folded = next((field for field in self._folded if field.column == key.stored), None)
        if folded is None or not pairs:
            return {}
        wanted = self._folded_value(folded)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT n, wanted, EXISTS (SELECT FROM {self.table} AS o WHERE o.tenant_id = {ANY_TENANT}"
                f" AND o.{key.stored} <> '' AND o.{key.stored} = wanted AND o.id <> claim.id)"
                f" FROM (SELECT s.n, t.id, {wanted} AS wanted FROM {self._joined()}"
                f" WHERE {wanted} <> '' AND {wanted} <> t.{key.stored}) AS claim",
                [self.tenant.pk, *unzipped(pairs)],
            )
            return {n: (value, taken) for n, value, taken in cursor}

    def compare(self, pairs: Sequence[Pair]) -> dict[int, str]:
        """Return what each row would change of its record, as JSON (see models.RowChange), where it is anything."""
        if not pairs or not self._changeable:
            return {}
        new = ", ".join(f"{value} AS {name}" for name, value in self._values())
        members = ", ".join(self._difference(name) for name, _ in self._values())
        names = [name for name, _ in self._values()]
        differs = " OR ".join(f"new.{n} IS DISTINCT FROM t.{n}" for n in names)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT n, (changes || stamp)::text FROM (SELECT s.n,"
                f" jsonb_strip_nulls(jsonb_build_object({members})) AS changes,"
                " jsonb_build_object('updated_at', jsonb_build_array(t.updated_at, now())) AS stamp"
                f" FROM {self._joined()} CROSS JOIN LATERAL (SELECT {new} OFFSET 0) AS new"
                f" WHERE {differs}) AS compared",
                unzipped(pairs),
            )
            return dict(cursor.fetchall())

    def update(self, pairs: Sequence[Pair]) -> bool:
        """Change records as their rows say; False where a change by hand of this very moment stands in the way."""
        values = ", ".join(f"{name} = {value}" for name, value in self._values())
        if not pairs:
            return True
        try:
            with transaction.atomic(savepoint=bool(self._folded)), connection.cursor() as cursor:
                cursor.execute(
                    f"UPDATE {self.table} AS t SET {values}, updated_at = now()"
                    f" FROM unnest(%s::int[], %s::bigint[]) AS m(n, id) JOIN {STAGING} AS s ON s.n = m.n"
                    " WHERE t.id = m.id",
                    unzipped(pairs),
                )
        except IntegrityError:
            return False
        return True

    def insert(self, numbers: Sequence[int]) -> list[int]:
        """Create records for some of the rows; return those passed over, for somebody else has them."""
        if not numbers:
            return []
        with connection.cursor() as cursor:
            cursor.execute(self._insertion("WHERE n = ANY(%s)"), [self.tenant.pk, list(numbers)])
            return [] if cursor.rowcount == len(numbers) else sorted({*numbers}.intersection(self._lost(cursor)))

    def created(self, numbers: Sequence[int]) -> list[Pair]:
        """Return the records that were created for some of the rows."""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT n, id FROM {STAGING} WHERE n = ANY(%s) ORDER BY n", [list(numbers)])
            return cursor.fetchall()

    def see(self, ids: Iterable[int]) -> None:
        """Remember that the file has been at these records."""
        with connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {SEEN} SELECT unnest(%s::bigint[])", [list(ids)])

    # --- SQL ---

    def _joined(self) -> str:
        return (
            f"unnest(%s::int[], %s::bigint[]) AS m(n, id) JOIN {STAGING} AS s ON s.n = m.n"
            f" JOIN {self.table} AS t ON t.id = m.id"
        )

    def _values(self) -> Iterator[tuple[str, str]]:
        """Yield each database column that a row may change, and its new value."""
        for name in self._changeable:
            yield name, self._new[name]
        for field in self._folded:
            yield str(field.column), self._folded_value(field)

    def _value(self, name: str) -> str:
        """Return a column's new value: ``t`` is the record, ``s`` the row."""
        entry = self._changeable.get(name)
        if entry is None:
            return f"t.{name}"
        cleared = entry.column.widget.cleared_sql.format_map(self._new) or f"s.{name}"
        return self._case(entry, name, cleared=cleared, given=self._given(name))

    def _case(self, entry: Changeable, name: str, *, cleared: str, given: str) -> str:
        has_given = f"s.given & {entry.bit} <> 0"
        if self._options.blank == "fill":
            has_given += f" AND {is_nothing(self._fields[entry.column.stores])}"
        return f"CASE WHEN s.cleared & {entry.bit} <> 0 THEN {cleared} WHEN {has_given} THEN {given} ELSE t.{name} END"

    def _given(self, name: str) -> str:
        """Return what a record gets from a cell that is not blank."""
        if not isinstance(self._fields[name], TagList) or self._options.tags == "replace":
            return f"s.{name}"
        one, other = ("s", "t") if self._options.tags == "add" else ("t", "s")
        rest = (
            f"ARRAY(SELECT tag FROM unnest({one}.{name}) WITH ORDINALITY AS u(tag, place)"
            f" WHERE tag <> ALL({other}.{name}) ORDER BY place)"
        )
        return f"t.{name} || {rest}" if self._options.tags == "add" else rest

    def _folded_value(self, field: Folded) -> str:
        """Return a matching key's new value, which follows its source's."""
        own = f"s.{field.column}"
        return self._case(self._changeable[field.source], str(field.column), cleared=own, given=own)

    def _difference(self, name: str) -> str:
        """Return a column's name and, where it changes, its values before and after as a JSON array."""
        shown = ""
        if column := self._changeable.get(name):
            shown = "".join(f", {sql}" for sql in shown_as(column.column, name))
        return (
            f"'{name}', CASE WHEN new.{name} IS DISTINCT FROM t.{name}"
            f" THEN jsonb_build_array(t.{name}, new.{name}{shown}) END"
        )


class NewValues(dict[str, str]):
    """A record's columns with their new values in SQL, each written when it is first asked for: one may be made of
    others."""

    def __init__(self, write: Callable[[str], str]) -> None:
        super().__init__()
        self._write = write

    def __missing__(self, name: str) -> str:
        value = self[name] = self._write(name)
        return value


def is_nothing(field: models.Field) -> str:
    """Return, in SQL, whether a record has nothing in a column; some columns always have something."""
    if field.null:
        return f"t.{field.column} IS NULL"
    if isinstance(field, TagList):
        return f"t.{field.column} = '{{}}'"
    return f"t.{field.column} = ''" if field.blank else "false"


def shown_as(column: Column, name: str) -> list[str]:
    """Return, in SQL, what a reference's values before and after show to people; nothing for another column."""
    _, _, shown = column.attribute.partition("__")
    if not shown:
        return []
    table = column.source.related_model._meta.db_table  # type: ignore[union-attr]
    return [f"(SELECT x.{shown} FROM {table} AS x WHERE x.id = {side}.{name})" for side in ("t", "new")]


def unzipped(pairs: Sequence[Pair]) -> list[list[int]]:
    """Return pairs as two lists."""
    return [[n for n, _ in pairs], [record for _, record in pairs]]
