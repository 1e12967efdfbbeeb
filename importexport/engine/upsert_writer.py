"""Rows that may be records that exist already: which they are, what would change, and the change itself.

The database compares: it knows the types, and a batch takes a fixed number of statements whatever its rows say.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import product
from typing import Any

from django.db import connection, models, transaction
from psycopg import sql

from crm.models.fields import folded_fields
from importexport.db import ANY_TENANT, by_index, identifiers, unzipped
from importexport.engine.copy_writer import Writer
from importexport.engine.options import Options
from importexport.engine.spec import Key
from importexport.engine.upsert_sql import Changeable, NewValues

#: Records that a row of the file was matched with already.
SEEN = "rally_seen"
#: A row of the batch, by its index, and the id of the record that it is.
Pair = tuple[int, int]


class Merger(Writer):
    """A Writer that also finds and changes records. Use as a context manager; of each batch, first ``stage`` the rows,
    then ``find`` their records, and then ``compare``, ``update`` and ``insert``.

    ``changeable`` are the file's columns that are not part of the ``key``, which says which record a row is and never
    changes.
    """

    besides = {"given": "bigint", "cleared": "bigint"}

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
        self._key = key
        self._changeable = {entry.column.stores: entry for entry in changeable}
        self._folded = folded_fields(model, self._changeable)
        self._new = NewValues(self._changeable, self._folded, fields=self._fields, options=options)

    def __enter__(self) -> "Merger":
        super().__enter__()
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL("CREATE TEMPORARY TABLE {} (id bigint PRIMARY KEY) ON COMMIT DROP").format(self._seen)
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        super().__exit__(kind, *exc)
        if kind is None:
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL("DROP TABLE {}").format(self._seen))

    def stage(self, rows: Sequence[Sequence[str | None]], given: Sequence[int], cleared: Sequence[int]) -> None:
        """Take a batch's rows, as one list of COPY texts per column, and the masks of what each gives and clears."""
        self._staged, self._lost_ones = len(given), []
        if given:
            numbers, masks = map(str, range(len(given))), (map(str, given), map(str, cleared))
            with connection.cursor() as cursor:
                names = ["n", "given", "cleared", *self.columns]
                self._stage(cursor, names, [list(numbers), *map(list, masks), *rows])

    def find(self) -> list[Pair]:
        """Return the rows that are records already, with the records, in the order of rows. The records are locked."""
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
        statement = FIND_NEXT.format(
            staging=self._staging,
            table=self._table,
            same=all_of(EQUAL.format(sql.Identifier(name)) for name in keys),
            order=identifiers(["tenant_id", *keys], of="t"),
            wanted=identifiers(keys, of="s"),
            key=sql.Identifier("t", self._key.stored),
        )
        cursor.execute(statement, [self.tenant.pk] * 2)
        return cursor.fetchall()

    def _find_any(self, cursor: Any, keys: list[str], nullable: list[str]) -> list[Pair]:
        """Find records by a key of which parts may be NULL."""
        found: list[Pair] = []
        # Two NULLs are equal here, which no index finds by "=": so each pattern of them is a query of its own.
        for pattern in product([False, True], repeat=len(nullable)):
            is_null = dict(zip(nullable, pattern, strict=True))
            own = [(IS_NULL if is_null[name] else IS_NOT_NULL).format(sql.Identifier("s", name)) for name in nullable]
            same = [(BOTH_NULL if is_null.get(name) else EQUAL).format(sql.Identifier(name)) for name in keys]
            statement = FIND_ANY.format(
                staging=self._staging, table=self._table, tenant=ANY_TENANT, same=all_of(same), own=all_of(own)
            )
            cursor.execute(statement, [self.tenant.pk])
            found.extend(cursor.fetchall())
        return found

    def seen(self, ids: Iterable[int]) -> set[int]:
        """Return those records that an earlier row of the file was matched with."""
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("SELECT id FROM {} WHERE id = ANY(%s)").format(self._seen), [list(ids)])
            return {pk for (pk,) in cursor}

    def claims(self, key: Key, pairs: Sequence[Pair]) -> dict[int, tuple[str, bool]]:
        """Return the rows that would give their record another value of a unique key: the value, and whether some
        other record has it."""
        folded = next((field for field in self._folded if field.column == key.stored), None)
        if folded is None or not pairs:
            return {}
        statement = CLAIMS.format(
            table=self._table,
            tenant=ANY_TENANT,
            key=sql.Identifier(key.stored),
            wanted=self._new.folded(folded),
            joined=self._joined,
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, [self.tenant.pk, *unzipped(pairs)])
            return {n: (value, taken) for n, value, taken in cursor}

    def compare(self, pairs: Sequence[Pair]) -> dict[int, str]:
        """Return what each row would change of its record, as JSON (see models.RowChange); nothing for an equal one."""
        if not pairs or not self._changeable:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(self._comparison, unzipped(pairs))
            return dict(cursor.fetchall())

    def update(self, pairs: Sequence[Pair]) -> None:
        """Change records as their rows say; raise IntegrityError where a concurrent edit has taken a unique key."""
        if pairs:
            with transaction.atomic(savepoint=bool(self._folded)), connection.cursor() as cursor:
                cursor.execute(self._change, unzipped(pairs))

    def insert(self, numbers: Sequence[int]) -> list[int]:
        """Create records for some of the rows; return those passed over, whose keys somebody else has taken."""
        if not numbers:
            return []
        with connection.cursor() as cursor:
            cursor.execute(self._insertion_of_some, [self.tenant.pk, list(numbers)])
            return [] if cursor.rowcount == len(numbers) else sorted({*numbers}.intersection(self._lost(cursor)))

    def created(self, numbers: Sequence[int]) -> list[Pair]:
        """Return the records that were created for some of the rows."""
        with connection.cursor() as cursor:
            statement = sql.SQL("SELECT n, id FROM {} WHERE n = ANY(%s) ORDER BY n").format(self._staging)
            cursor.execute(statement, [list(numbers)])
            return cursor.fetchall()

    def see(self, ids: Iterable[int]) -> None:
        """Remember that rows of the file were matched with these records."""
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("INSERT INTO {} SELECT unnest(%s::bigint[])").format(self._seen), [list(ids)])

    # --- SQL ---

    _seen = sql.Identifier(SEEN)

    @cached_property
    def _joined(self) -> sql.Composed:
        return JOINED.format(staging=self._staging, table=self._table)

    @cached_property
    def _comparison(self) -> sql.Composed:
        new = self._new
        return COMPARE.format(
            members=new.differences(), joined=self._joined, new=new.named(), differs=new.any_differs()
        )

    @cached_property
    def _change(self) -> sql.Composed:
        return UPDATE.format(table=self._table, values=self._new.assignments(), staging=self._staging)

    @cached_property
    def _insertion_of_some(self) -> sql.Composed:
        return self._insertion_of(sql.SQL("n = ANY(%s)"))


#: The pairs of a batch with their rows and records.
JOINED = sql.SQL(
    "unnest(%s::int[], %s::bigint[]) AS m(n, id) JOIN {staging} AS s ON s.n = m.n JOIN {table} AS t ON t.id = m.id"
)

#: A record is compared once more when it is locked, for a concurrent edit may have changed it.
FIND_NEXT = sql.SQL(
    "SELECT s.n, held.id FROM {staging} AS s CROSS JOIN LATERAL"
    " (SELECT t.id, t.tenant_id = %s AND {same} AS is_it FROM {table} AS t"
    " WHERE ({order}) >= (%s, {wanted}) AND {key} <> '' ORDER BY {order} LIMIT 1) AS found CROSS JOIN LATERAL"
    " (SELECT t.id FROM {table} AS t WHERE found.is_it AND t.id = found.id AND {same} LIMIT 1"
    " FOR NO KEY UPDATE) AS held"
)

FIND_ANY = sql.SQL(
    "SELECT s.n, found.id FROM {staging} AS s CROSS JOIN LATERAL (SELECT t.id FROM {table} AS t"
    " WHERE t.tenant_id = {tenant} AND {same} LIMIT 1 FOR NO KEY UPDATE) AS found WHERE {own}"
)
IS_NULL, IS_NOT_NULL = sql.SQL("{} IS NULL"), sql.SQL("{} IS NOT NULL")
BOTH_NULL, EQUAL = sql.SQL("t.{} IS NULL"), sql.SQL("t.{0} = s.{0}")

CLAIMS = sql.SQL(
    "SELECT n, wanted, EXISTS (SELECT FROM {table} AS o WHERE o.tenant_id = {tenant}"
    " AND o.{key} <> '' AND o.{key} = wanted AND o.id <> claim.id)"
    " FROM (SELECT s.n, t.id, {wanted} AS wanted FROM {joined} WHERE {wanted} <> '' AND {wanted} <> t.{key}) AS claim"
)

#: Most rows of a file that comes again change nothing: JSON is made of the others alone. OFFSET 0 keeps PostgreSQL from
#: working out each new value wherever it is named.
COMPARE = sql.SQL(
    "SELECT n, (changes || stamp)::text FROM"
    " (SELECT s.n, jsonb_strip_nulls(jsonb_build_object({members})) AS changes,"
    " jsonb_build_object('updated_at', jsonb_build_array(t.updated_at, now())) AS stamp"
    " FROM {joined} CROSS JOIN LATERAL (SELECT {new} OFFSET 0) AS new WHERE {differs}) AS compared"
)

UPDATE = sql.SQL(
    "UPDATE {table} AS t SET {values}, updated_at = now()"
    " FROM unnest(%s::int[], %s::bigint[]) AS m(n, id) JOIN {staging} AS s ON s.n = m.n WHERE t.id = m.id"
)


def all_of(conditions: Iterable[sql.Composable]) -> sql.Composed:
    """Return the condition that all conditions hold."""
    return sql.SQL(" AND ").join(conditions)
