"""Stores rows by COPY into a temporary table and a single INSERT, in which the first of several duplicates wins."""

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any

from django.db import connection, models
from psycopg import sql

from crm.models.fields import Digest
from importexport.db import ANY_TENANT, copy_in, identifiers
from importexport.engine.spec import Key

STAGING = "rally_incoming"
#: The column that tells records with the same name apart.
SLOT = "name_slot"


class Writer:
    """Stores batches of one entity in the current transaction. Use as a context manager.

    With ``keeps_names``, a row whose name or domain is taken is stored all the same if it has an external id that is
    not (see crm.models.slots).

    ``columns`` are the database columns except tenant_id. Only the database decides which rows are duplicates: rows are
    inserted in order, and a row that violates a unique constraint (because of a stored record, an earlier row or a
    concurrent insert) is skipped.
    """

    #: Additional columns of the temporary table and their types, for subclasses.
    extra_columns: Mapping[str, str] = {}

    def __init__(
        self, model: type[models.Model], *, tenant: Any, columns: Sequence[str], keeps_names: bool = False
    ) -> None:
        self.table = model._meta.db_table
        self.tenant = tenant
        self.columns = list(columns)
        self._fields = {str(field.column): field for field in model._meta.concrete_fields}
        # Where no external id is written, two records cannot have the same.
        unique = [rule for rule in unique_rules(model) if leading_column(model, rule) in self.columns]
        # If there is only one constraint, name it, so that PostgreSQL does not check all other indexes.
        named = sql.SQL("ON CONSTRAINT {}").format(sql.Identifier(unique[0].name))
        self._conflict = named if len(unique) == 1 else sql.SQL("")
        #: The columns of unique constraints; in place of a digest, its source.
        self._unique = {text_column(model._meta.get_field(name)) for rule in unique for name in rule.fields}
        self._identity = [i for i, name in enumerate(self.columns) if name in self._unique]
        leading = {leading_column(model, rule) for rule in unique}
        #: The places, in a row's identity, of the values that can be the same as another row's unless they are blank.
        self._leading = [place for place, i in enumerate(self._identity) if self.columns[i] in leading]
        #: The number of rows in the last batch that were sent to the database, and the indexes of those it skipped.
        self._staged = 0
        self._skipped: list[int] = []
        self._keeps_names = keeps_names and SLOT in self._fields
        #: The keys that several records can share, and whether some do.
        self._shared = [key_of(model, rule) for rule in unique if SLOT in rule.fields]
        self._is_shared = False

    def __enter__(self) -> "Writer":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [self.table])
            (sequence,) = cursor.fetchone()
            cursor.execute(
                CREATE.format(staging=self._staging, sequence=sql.Literal(sequence), columns=self._definitions())
            )
            if self._shared:
                cursor.execute(ANY_KEPT.format(table=self._table, slot=sql.Identifier(SLOT)), [self.tenant.pk])
                (self._is_shared,) = cursor.fetchone()
        return self

    def _definitions(self) -> sql.Composed:
        types = {name: column_type(self._fields[name]) for name in self.columns}
        types |= {name: sql.SQL(kind) for name, kind in self.extra_columns.items()}
        types |= {SLOT: sql.SQL("varchar DEFAULT ''")} if self._keeps_names else {}
        return sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(name), kind) for name, kind in types.items())

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL("DROP TABLE {}").format(self._staging))

    def write(self, rows: Sequence[Sequence[str | None]], count: int) -> list[int]:
        """Store rows, given as one list of COPY texts per column; return the indexes of duplicates."""
        repeated = self._repeated(rows)
        is_new = [n not in repeated for n in range(count)] if repeated else [True] * count
        if repeated:
            rows = [list(compress(values, is_new)) for values in rows]
        skipped = self._store(rows, list(map(str, compress(range(count), is_new))))
        return sorted([*repeated, *skipped]) if repeated else skipped

    def stored_rows(self) -> list[tuple[int, int, int]]:
        """Return the records of the batch's rows as stretches: index of the first row, id of its record, and count."""
        if len(self._skipped) == self._staged:
            return []
        with connection.cursor() as cursor:
            cursor.execute(STRETCHES.format(staging=self._staging), [self._skipped])
            return cursor.fetchall()

    def _repeated(self, rows: Sequence[Sequence[str | None]]) -> set[int]:
        """Return the rows with the same keys as an earlier row of the batch, and not just blank ones.

        They are duplicates even if that row is one itself. The database would take too long to find a million of them.
        """
        keys = list(zip(*(rows[i] for i in self._identity), strict=True))
        first: dict[tuple, int] = {}
        if len(set(keys)) == len(keys):
            return set()
        return {
            n
            for n, key in enumerate(keys)
            if first.setdefault(key, n) != n and any(key[place] for place in self._leading)
        }

    def _store(self, rows: Sequence[Sequence[str | None]], numbers: list[str]) -> list[int]:
        self._staged, self._skipped = len(numbers), []
        if not numbers:
            return []
        with connection.cursor() as cursor:
            self._stage(cursor, ["n", *self.columns], [numbers, *rows])
            cursor.execute(self._insertion(), self._for_rows(None))
            self._skipped = self._keep(cursor, [n for (n,) in cursor])
            return self._skipped

    def _for_rows(self, numbers: Sequence[int] | None) -> dict[str, Any]:
        """Return the parameters of an insertion, of all rows of the batch or of some."""
        return {"tenant": self.tenant.pk, "rows": numbers and list(numbers)}

    def _keep(self, cursor: Any, skipped: list[int]) -> list[int]:
        """Store those of the rows whose names alone are taken, if names are kept; return the others."""
        if not self._keeps_names or not skipped:
            return skipped
        cursor.execute(GIVE_SLOTS.format(staging=self._staging, slot=sql.Identifier(SLOT)), [skipped])
        cursor.execute(self._insertion_of(KEPT.format(slot=sql.Identifier(SLOT))), self._for_rows(skipped))
        left = [n for (n,) in cursor]
        self._is_shared = self._is_shared or len(left) < len(skipped)
        return left

    def _stage(self, cursor: Any, names: Sequence[str], columns: Sequence[Sequence[str | None]]) -> None:
        cursor.execute(sql.SQL("TRUNCATE {}").format(self._staging))
        copy_in(STAGING, names, columns)

    def taken(self, key: Key, wanted: Mapping[int, tuple[str | None, ...]]) -> set[int]:
        """Return which of the skipped rows, given with their keys, have the key of a record that was stored before.

        Records of later rows in the batch do not count.
        """
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("SELECT id, n FROM {}").format(self._staging))
            arrived = dict(cursor.fetchall())
            cursor.execute(
                OWNERS.format(
                    table=self._table,
                    key=sql.Identifier(key.stored),
                    names=identifiers(key.stored_columns),
                    tenant=ANY_TENANT,
                ),
                [self.tenant.pk, list({value for value, *_ in wanted.values()})],
            )
            since: dict[tuple, int] = {}
            for pk, *values in cursor:
                n, same = arrived.get(pk, -1), tuple(values)
                since[same] = min(n, since.get(same, n))
        return {n for n, values in wanted.items() if since.get(values, n) < n}

    # --- SQL ---

    _staging = sql.Identifier(STAGING)

    @property
    def _table(self) -> sql.Identifier:
        return sql.Identifier(self.table)

    def _insertion(self) -> sql.Composed:
        """Return the statement that inserts rows whose names are free."""
        free = map(self._is_free, self._shared) if self._is_shared else ()
        return self._insertion_of(sql.SQL(" AND ").join([sql.SQL("true"), *free]))

    def _is_free(self, key: Sequence[str]) -> sql.Composed:
        """Return the condition that no record that was kept beside another has a row's key.

        Of other records, the unique constraint sees to that.
        """
        same = sql.SQL(" AND ").join(sql.SQL("t.{0} = s.{0}").format(sql.Identifier(name)) for name in key)
        tenant = sql.Literal(self.tenant.pk)
        return FREE.format(
            table=self._table, tenant=tenant, same=same, key=sql.Identifier(key[0]), slot=sql.Identifier(SLOT)
        )

    def _insertion_of(self, condition: sql.Composable) -> sql.Composed:
        """Return the statement that inserts the rows of the temporary table that meet a condition, of all of them or of
        those that are given, and returns the others.
        """
        return INSERT.format(
            table=self._table,
            names=identifiers([*self.columns, SLOT] if self._keeps_names else self.columns),
            staging=self._staging,
            condition=condition,
            conflict=self._conflict,
        )


def unique_rules(model: type[models.Model]) -> list[models.UniqueConstraint]:
    """Return the unique constraints of a model."""
    return [rule for rule in model._meta.constraints if isinstance(rule, models.UniqueConstraint)]


def leading_column(model: type[models.Model], rule: models.UniqueConstraint) -> str:
    """Return the first column of a unique constraint after the tenant's; the constraint ignores rows without it."""
    return str(model._meta.get_field(rule.fields[1]).column)  # type: ignore[union-attr]


def key_of(model: type[models.Model], rule: models.UniqueConstraint) -> list[str]:
    """Return the columns of a unique constraint, apart from the tenant and the slot."""
    names = [name for name in rule.fields if name not in {"tenant", SLOT}]
    return [str(model._meta.get_field(name).column) for name in names]  # type: ignore[union-attr]


def text_column(field: Any) -> str:
    """Return the database column that says what a field is: of a digest, that of its text."""
    return field.source if isinstance(field, Digest) else field.column


def column_type(field: models.Field) -> sql.Composable:
    """Return a column's type and collation. Texts with different collations could not be compared."""
    kind = sql.SQL(field.db_type(connection) or "")
    collation = getattr(field, "db_collation", None)
    return sql.SQL("{} COLLATE {}").format(kind, sql.Identifier(collation)) if collation else kind


CREATE = sql.SQL(
    "CREATE TEMPORARY TABLE {staging} (n integer, id bigint DEFAULT nextval({sequence}), {columns}) ON COMMIT DROP"
)

#: What came back tells which rows were stored, and a count would not tell as much. Avoids a join, whose plan can be
#: quadratic without statistics.
INSERT = sql.SQL(
    "WITH new AS (INSERT INTO {table} (id, tenant_id, {names}) SELECT id, %(tenant)s, {names} FROM {staging} AS s"
    " WHERE (%(rows)s::int[] IS NULL OR n = ANY(%(rows)s::int[])) AND {condition}"
    " ORDER BY n ON CONFLICT {conflict} DO NOTHING RETURNING id)"
    " SELECT n FROM {staging} WHERE (%(rows)s::int[] IS NULL OR n = ANY(%(rows)s::int[]))"
    " AND id NOT IN (SELECT id FROM new) ORDER BY n"
)

STRETCHES = sql.SQL(
    "SELECT lower(r), lower(r) + ahead, upper(r) - lower(r) FROM"
    " (SELECT unnest(range_agg(int8range(n, n + 1))) AS r, id - n AS ahead FROM {staging}"
    " WHERE n <> ALL(%s) GROUP BY id - n) AS stretches ORDER BY 1"
)

ANY_KEPT = sql.SQL("SELECT EXISTS (SELECT FROM {table} WHERE tenant_id = %s AND {slot} <> '')")
GIVE_SLOTS = sql.SQL(
    "UPDATE {staging} SET {slot} = external_source || ' ' || external_id WHERE n = ANY(%s) AND external_id <> ''"
)
KEPT = sql.SQL("{slot} <> ''")
FREE = sql.SQL(
    "NOT EXISTS (SELECT FROM {table} AS t WHERE t.tenant_id = {tenant} AND {same} AND t.{key} <> '' AND t.{slot} <> '')"
)

OWNERS = sql.SQL("SELECT id, {names} FROM {table} WHERE tenant_id = {tenant} AND {key} <> '' AND {key} = ANY(%s)")
