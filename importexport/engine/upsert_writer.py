"""Matches rows with existing records, compares them, and updates the records.

The database does the comparison, because it knows the types. A batch takes a fixed number of statements.
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

#: The temporary table of records that have already been matched with a row of the file.
SEEN = "rally_seen"
#: The index of a row in the batch, and the id of its record.
Pair = tuple[int, int]


class Merger(Writer):
    """A Writer that also updates records. Use as a context manager; for each batch, call ``stage``, then ``find``, and
    then ``compare``, ``update`` and ``insert``.

    ``changeable`` are the columns of the file that are not part of the ``key``, which identifies the record and never
    changes.
    """

    extra_columns = {"given": "bigint", "cleared": "bigint"}

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
        """Load a batch: one list of COPY texts per column, and for each row the masks of given and cleared columns."""
        self._staged, self._skipped = len(given), []
        if given:
            numbers, masks = map(str, range(len(given))), (map(str, given), map(str, cleared))
            with connection.cursor() as cursor:
                names = ["n", "given", "cleared", *self.columns]
                self._stage(cursor, names, [list(numbers), *map(list, masks), *rows])

    def find(self) -> list[Pair]:
        """Return the rows that match existing records, with the records, in row order. The records are locked."""
        if not self._staged:
            return []
        keys = [self._key.stored, *self._key.others.values()]
        nullable = [name for name in keys if self._fields[name].null]
        with connection.cursor() as cursor, by_index(cursor):
            found = self._find_any(cursor, keys, nullable) if nullable else self._find_next(cursor, keys)
        return sorted(found)

    def _find_next(self, cursor: Any, keys: list[str]) -> list[Pair]:
        """Find each record as the next one in the order of the key, which only one index supports: PostgreSQL may
        underestimate a new tenant's records, and would then use any index by tenant."""
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
        """Find records by a key with nullable columns."""
        found: list[Pair] = []
        # NULLs are equal here, but an index cannot find them by "=", so each combination of NULLs needs its own query.
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
        """Return which of the records have already been matched with a row of the file."""
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("SELECT id FROM {} WHERE id = ANY(%s)").format(self._seen), [list(ids)])
            return {pk for (pk,) in cursor}

    def claims(self, key: Key, pairs: Sequence[Pair]) -> dict[int, tuple[str, bool]]:
        """Return the rows that would change a unique key of their record: the new value, and whether another record
        has it."""
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
        """Return what each row would change in its record, as JSON (see models.RowChange), without unchanged rows."""
        if not pairs or not self._changeable:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(self._comparison, unzipped(pairs))
            return dict(cursor.fetchall())

    def update(self, pairs: Sequence[Pair]) -> None:
        """Update records from their rows; raise IntegrityError if a concurrent edit has taken a unique key."""
        if pairs:
            with transaction.atomic(savepoint=bool(self._folded)), connection.cursor() as cursor:
                cursor.execute(self._change, unzipped(pairs))

    def insert(self, numbers: Sequence[int]) -> list[int]:
        """Create records for some of the rows; return the rows whose keys have been taken by concurrent inserts."""
        if not numbers:
            return []
        with connection.cursor() as cursor:
            cursor.execute(self._insertion_of_some, [self.tenant.pk, list(numbers)])
            if cursor.rowcount == len(numbers):
                return []
            return sorted({*numbers}.intersection(self._find_skipped(cursor)))

    def created(self, numbers: Sequence[int]) -> list[Pair]:
        """Return the records that were created for some of the rows."""
        with connection.cursor() as cursor:
            statement = sql.SQL("SELECT n, id FROM {} WHERE n = ANY(%s) ORDER BY n").format(self._staging)
            cursor.execute(statement, [list(numbers)])
            return cursor.fetchall()

    def see(self, ids: Iterable[int]) -> None:
        """Remember that these records have been matched with rows of the file."""
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


#: The rows of a batch joined with their records.
JOINED = sql.SQL(
    "unnest(%s::int[], %s::bigint[]) AS m(n, id) JOIN {staging} AS s ON s.n = m.n JOIN {table} AS t ON t.id = m.id"
)

#: The key is compared again once the record is locked, because a concurrent edit may have changed it.
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

#: When a file is imported again, most rows change nothing, so JSON is created only for the others. OFFSET 0 prevents
#: PostgreSQL from computing a new value again each time it is used.
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
    """Return the conjunction of some conditions."""
    return sql.SQL(" AND ").join(conditions)
