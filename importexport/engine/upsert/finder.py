"""Matches the rows of a batch with existing records, by the key of an update or upsert."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection, models
from psycopg import sql

from importexport.db import ANY_TENANT, by_index, identifiers

#: The temporary table of records that have already been matched with a row of the file.
SEEN = "rally_seen"
#: The index of a row in the batch, and the id of its record.
Pair = tuple[int, int]


class Found(NamedTuple):
    """The rows of a batch that match existing records, with the records, in row order.

    Of the other rows, those in ``unclear`` match more than one record, and those in ``repeated`` match a record that
    belongs to another row. ``exact`` has the records whose rows have the same details (see ``Key``).
    """

    pairs: list[Pair]
    exact: Collection[int] = ()
    unclear: Collection[int] = ()
    repeated: Collection[int] = ()


class Finder:
    """Matches rows with records by a unique key, and remembers matched records. Use as a context manager.

    ``fields`` has the fields of the key by database column, the most selective first. Matched records are locked. With
    ``adopts``, a row with an external id matches no record that has another id of the same source.
    """

    def __init__(
        self,
        *,
        table: sql.Identifier,
        staging: sql.Identifier,
        tenant: Any,
        fields: Mapping[str, models.Field],
        adopts: bool = False,
    ) -> None:
        self._table, self._staging, self._tenant, self._fields = table, staging, tenant, fields
        self._keys = list(fields)
        self._may_match = ADOPTABLE if adopts else ALL

    def __enter__(self) -> "Finder":
        with connection.cursor() as cursor:
            cursor.execute(CREATE_SEEN)
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        if kind is None:
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL("DROP TABLE {}").format(_SEEN))

    def find(self, count: int, among: Sequence[int] | None = None) -> Found:
        """Match the ``count`` rows of the temporary table, or those ``among`` them, with records.

        Finds each record as the next one in the order of the key, which only one index supports: PostgreSQL may
        underestimate a new tenant's records, and would then use any index by tenant.
        """
        statement = FIND_NEXT.format(
            staging=self._staging,
            table=self._table,
            same=all_of(EQUAL.format(sql.Identifier(name)) for name in self._keys),
            order=identifiers(["tenant_id", *self._keys], of="t"),
            wanted=identifiers(self._keys, of="s"),
            key=sql.Identifier("t", self._keys[0]),
            may_match=self._may_match,
            among=ALL if among is None else AMONG,
        )
        with connection.cursor() as cursor, by_index(cursor):
            cursor.execute(statement, [self._tenant.pk] * 2 + ([] if among is None else [list(among)]))
            return Found(sorted(cursor.fetchall()))

    def seen(self, ids: Iterable[int]) -> dict[int, bool]:
        """Return which of the records have been matched with an earlier row, and whether with an exact one."""
        with connection.cursor() as cursor:
            cursor.execute(WAS_SEEN, [list(ids)])
            return dict(cursor.fetchall())

    def see(self, ids: Iterable[int], *, exact: Collection[int]) -> None:
        """Remember that these records have been matched with rows; ``exact`` has those with the same details."""
        records = list(ids)
        with connection.cursor() as cursor:
            cursor.execute(SEE, [records, [record in exact for record in records]])


class DetailFinder(Finder):
    """Matches rows with records by a key that is not unique, or has nullable columns.

    ``details`` has the fields of the details (see ``Key``) that the file has, by database column. A row matches the
    record with its key and details; if there is none, the only record with its key. If several records have the key,
    the row is unclear. But if other rows match all of these records exactly, it is a new record (if ``may_create``).
    """

    def __init__(self, *, details: Mapping[str, models.Field], may_create: bool, **parts: Any) -> None:
        super().__init__(**parts)
        self._details = list(details)
        self._nullable = {name for name, field in (*self._fields.items(), *details.items()) if field.null}
        self._may_be_new = may_create and bool(details)

    def find(self, count: int, among: Sequence[int] | None = None) -> Found:
        """Match the ``count`` rows of the temporary table, or those ``among`` them, with records."""
        with connection.cursor() as cursor, by_index(cursor):
            rows = range(count) if among is None else among
            same = self._look_up(cursor, [*self._keys, *self._details], rows) if self._details else {}
            alike = self._look_up(cursor, self._keys, [n for n in rows if n not in same])
            exact = {records[0] for records in same.values() if len(records) == 1}
            shared = {n for n, records in alike.items() if len(records) > 1}
            unclear = self._with_unmatched(cursor, shared, exact)
        pairs, repeated = self._match_alone({n: records[0] for n, records in alike.items() if n not in shared}, exact)
        if not self._may_be_new:
            repeated |= shared - unclear
        unclear.update(n for n, records in same.items() if len(records) > 1)
        pairs += [(n, records[0]) for n, records in same.items() if len(records) == 1]
        return Found(sorted(pairs), exact, unclear, repeated)

    def _match_alone(self, alone: Mapping[int, int], exact: Collection[int]) -> tuple[list[Pair], set[int]]:
        """Match rows with the only record that has their key; return the pairs, and the rows whose record is taken."""
        seen = self.seen(alone.values()) | dict.fromkeys(exact, True)
        pairs, repeated = [], set()
        for n, record in sorted(alone.items()):
            if record not in seen:
                pairs.append((n, record))
                seen[record] = False
            elif not (seen[record] and self._may_be_new):
                repeated.add(n)
        return pairs, repeated

    def _look_up(self, cursor: Any, names: Sequence[str], rows: Collection[int]) -> dict[int, list[int]]:
        """Return the records, at most two for each row, that have the same values in some columns."""
        found: dict[int, list[int]] = defaultdict(list)
        for own, same in self._patterns(cursor, names, rows):
            statement = LOOK_UP.format(
                staging=self._staging,
                table=self._table,
                tenant=ANY_TENANT,
                same=all_of([same, self._may_match]),
                own=own,
            )
            cursor.execute(statement, [self._tenant.pk, list(rows)])
            for n, record in cursor:
                found[n].append(record)
        return found

    def _with_unmatched(self, cursor: Any, rows: Collection[int], exact: Collection[int]) -> set[int]:
        """Return the rows for which not all records with their key have been matched exactly by other rows."""
        found: set[int] = set()
        for own, same in self._patterns(cursor, self._keys, rows):
            statement = UNMATCHED.format(
                staging=self._staging,
                table=self._table,
                tenant=ANY_TENANT,
                keys=identifiers(self._keys, of="s"),
                seen=_SEEN,
                same=same,
                own=own,
            )
            cursor.execute(statement, [list(rows), self._tenant.pk, list(exact)])
            found.update(n for (together,) in cursor for n in together)
        return found

    def _patterns(
        self, cursor: Any, names: Sequence[str], rows: Collection[int]
    ) -> list[tuple[sql.Composable, sql.Composable]]:
        """Return, for each combination of NULLs that occurs in some columns, the conditions for such rows and for the
        records that are equal to them. NULLs are equal here, but an index cannot find them by "="."""
        if not rows:
            return []
        nullable = [name for name in names if name in self._nullable]
        nulls = sql.SQL(", ").join([ALL, *(IS_NULL.format(sql.Identifier("s", name)) for name in nullable)])
        cursor.execute(PATTERNS.format(nulls=nulls, staging=self._staging), [list(rows)])
        patterns = [dict(zip(nullable, pattern, strict=True)) for _, *pattern in cursor.fetchall()]
        return [(self._own(pattern), self._same(names, pattern)) for pattern in patterns]

    def _own(self, pattern: Mapping[str, bool]) -> sql.Composed:
        own = ((IS_NULL if is_null else IS_NOT_NULL).format(sql.Identifier("s", n)) for n, is_null in pattern.items())
        return all_of([FILLED.format(sql.Identifier("s", self._keys[0])), *own])

    def _same(self, names: Sequence[str], pattern: Mapping[str, bool]) -> sql.Composed:
        return all_of((BOTH_NULL if pattern.get(name) else EQUAL).format(sql.Identifier(name)) for name in names)


_SEEN = sql.Identifier(SEEN)
ALL = sql.SQL("true")
CREATE_SEEN = sql.SQL("CREATE TEMPORARY TABLE {} (id bigint PRIMARY KEY, is_exact boolean) ON COMMIT DROP").format(
    _SEEN
)
WAS_SEEN = sql.SQL("SELECT id, is_exact FROM {} WHERE id = ANY(%s)").format(_SEEN)
SEE = sql.SQL("INSERT INTO {} SELECT * FROM unnest(%s::bigint[], %s::boolean[])").format(_SEEN)

#: The key is compared again once the record is locked, because a concurrent edit may have changed it.
FIND_NEXT = sql.SQL(
    "SELECT s.n, held.id FROM {staging} AS s CROSS JOIN LATERAL"
    " (SELECT t.tenant_id, t.id, t.tenant_id = %s AND {same} AS is_it FROM {table} AS t"
    " WHERE ({order}) >= (%s, {wanted}) AND {key} <> '' ORDER BY {order} LIMIT 1) AS found CROSS JOIN LATERAL"
    " (SELECT t.id FROM {table} AS t WHERE found.is_it AND t.tenant_id = found.tenant_id AND t.id = found.id"
    " AND {same} AND {may_match} LIMIT 1"
    " FOR NO KEY UPDATE) AS held WHERE {among}"
)
AMONG = sql.SQL("s.n = ANY(%s)")
#: Whether a record can be the one of a row with an external id, as far as its own id says it.
ADOPTABLE = sql.SQL("(s.external_id = '' OR t.external_id = '' OR t.external_source <> s.external_source)")

PATTERNS = sql.SQL("SELECT DISTINCT {nulls} FROM {staging} AS s WHERE s.n = ANY(%s)")
LOOK_UP = sql.SQL(
    "SELECT s.n, found.id FROM {staging} AS s CROSS JOIN LATERAL (SELECT t.id FROM {table} AS t"
    " WHERE t.tenant_id = {tenant} AND {same} LIMIT 2 FOR NO KEY UPDATE) AS found WHERE {own} AND s.n = ANY(%s)"
)
#: Each key is checked only once, however many rows have it, because all records with the key may have to be read.
UNMATCHED = sql.SQL(
    "SELECT s.together FROM (SELECT array_agg(s.n) AS together, {keys} FROM {staging} AS s"
    " WHERE {own} AND s.n = ANY(%s) GROUP BY {keys}) AS s"
    " WHERE EXISTS (SELECT FROM {table} AS t WHERE t.tenant_id = {tenant} AND {same} AND t.id <> ALL(%s)"
    " AND NOT EXISTS (SELECT FROM {seen} AS x WHERE x.id = t.id AND x.is_exact))"
)
#: Whether a row has the key at all: two records without a domain have nothing in common.
FILLED = sql.SQL("{} <> ''")
IS_NULL, IS_NOT_NULL = sql.SQL("{} IS NULL"), sql.SQL("{} IS NOT NULL")
BOTH_NULL, EQUAL = sql.SQL("t.{} IS NULL"), sql.SQL("t.{0} = s.{0}")


def all_of(conditions: Iterable[sql.Composable]) -> sql.Composed:
    """Return the conjunction of some conditions."""
    return sql.SQL(" AND ").join(conditions)
