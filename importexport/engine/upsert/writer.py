"""Compares rows with existing records, and updates the records.

The database does the comparison, because it knows the types. A batch takes a fixed number of statements.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from django.db import IntegrityError, connection, models, transaction
from psycopg import sql

from crm.models.fields import Digest, TagList, folded_fields
from importexport.db import ANY_TENANT, identifiers, unzipped
from importexport.engine.copy_writer import GIVE_SLOTS, SLOT, Writer, column_type
from importexport.engine.options import Options
from importexport.engine.spec import Key
from importexport.engine.upsert.finder import DetailFinder, Finder, Found, Pair, all_of
from importexport.engine.upsert.tags import TagMerger
from importexport.engine.upsert.upsert_sql import Changeable, NewValues, comma_separated


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
        keeps_names: bool = False,
    ) -> None:
        super().__init__(model, tenant=tenant, columns=columns, keeps_names=keeps_names)
        self._key, self._options = key, options
        self._changeable = {entry.column.stores: entry for entry in changeable}
        self._folded = folded_fields(model, self._changeable)
        more = {SLOT: NEW_SLOT.format(sql.Identifier(SLOT))} if self._keeps_names else {}
        self._new = NewValues(self._changeable, self._folded, fields=self._fields, options=options, more=more)
        self._tags = [
            TagMerger(name, bit=entry.bit, widget=entry.column.widget, how=options.tags)
            for name, entry in self._changeable.items()
            if isinstance(self._fields[name], TagList)
        ]
        self._given = [entry.column.column_name for entry in changeable]
        self._found = Found([])
        changed = {*self._changeable, *(str(field.column) for field in self._folded)}
        #: Whether an update can violate a unique constraint.
        self._may_clash = not changed.isdisjoint(self._unique)

    def _new_finder(self, key: Key, *, adopts: bool = False) -> Finder:
        fields = {name: self._fields[name] for name in key.stored_columns}
        parts = {
            "table": self._table,
            "staging": self._staging,
            "tenant": self.tenant,
            "fields": fields,
            "adopts": adopts,
        }
        # Records whose first key is NULL match no row, as if it were blank.
        if (
            key.details
            or self._may_be_shared(key)
            or any(field.null for name, field in fields.items() if name != key.stored)
        ):
            return DetailFinder(details=self._details(key), may_create=self._options.may_create, **parts)
        return Finder(**parts)

    def _may_be_shared(self, key: Key) -> bool:
        """Whether several records can have the key, because an import has kept or can keep them."""
        return (self._is_shared or self._keeps_names) and any(key.stored in names for names in self._shared)

    def _details(self, key: Key) -> dict[str, Any]:
        """Return the fields of a key's details that the file has, by database column."""
        return {name: self._fields[name] for column, name in key.details.items() if column in self._given}

    def _detailed_key(self) -> Key:
        """Return the key whose details tell records apart."""
        return self._key

    def _definitions(self) -> sql.Composed:
        digests = [field for field in self._details(self._detailed_key()).values() if isinstance(field, Digest)]
        return comma_separated([super()._definitions(), *map(generated, digests)])

    def __enter__(self) -> "Merger":
        super().__enter__()
        self._finder = self._new_finder(self._key).__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        super().__exit__(kind, *exc)
        self._finder.__exit__(kind, *exc)

    def stage(self, rows: Sequence[Sequence[str | None]], given: Sequence[int], cleared: Sequence[int]) -> None:
        """Load a batch: one list of COPY texts per column, and for each row the masks of given and cleared columns."""
        self._staged, self._skipped = len(given), []
        if given:
            numbers, masks = map(str, range(len(given))), (map(str, given), map(str, cleared))
            with connection.cursor() as cursor:
                names = ["n", "given", "cleared", *self.columns]
                self._stage(cursor, names, [list(numbers), *map(list, masks), *rows])

    def find(self) -> Found:
        """Match rows with existing records. The records are locked."""
        return self.remember(self._finder.find(self._staged) if self._staged else Found([]))

    def remember(self, found: Found) -> Found:
        """Note the records that rows match, for ``see``."""
        self._found = found
        return found

    def merge_tags(self, pairs: Sequence[Pair]) -> None:
        """Replace the tags of rows by the new tags of their records. Call once: it overwrites the tags of the file."""
        for tags in self._tags if pairs else ():
            tags.merge(self._staging, self._joined, unzipped(pairs))

    def seen(self, ids: Iterable[int]) -> set[int]:
        """Return which of the records have already been matched with a row of the file."""
        return set(self._finder.seen(ids))

    def claims(self, key: Key, pairs: Sequence[Pair]) -> dict[int, tuple[tuple, bool]]:
        """Return the rows that would change a unique key of their record: the new value, and whether another record
        has it."""
        names = key.stored_columns
        if not pairs or not self.can_claim(key) or self._new.all.keys().isdisjoint(names):
            return {}
        wanted = {name: self._new.all.get(name, sql.Identifier("t", name)) for name in names}
        statement = CLAIMS.format(
            table=self._table,
            tenant=ANY_TENANT,
            key=sql.Identifier(key.stored),
            same=all_of(sql.SQL("o.{0} = claim.{0}").format(sql.Identifier(name)) for name in names),
            names=identifiers(names, of="claim"),
            wanted=comma_separated(
                sql.SQL("{} AS {}").format(value, sql.Identifier(name)) for name, value in wanted.items()
            ),
            first=wanted[key.stored],
            differs=sql.SQL(" OR ").join(
                sql.SQL("{} IS DISTINCT FROM t.{}").format(value, sql.Identifier(name))
                for name, value in wanted.items()
            ),
            joined=self._joined,
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, [self.tenant.pk, *unzipped(pairs)])
            return {n: (tuple(values), taken) for n, taken, *values in cursor}

    def can_claim(self, key: Key) -> bool:
        """Whether an index finds who has a key. Of others, the update itself shows that it is taken."""
        return not key.details and not any(self._fields[name].null for name in key.others.values())

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
            with transaction.atomic(savepoint=self._may_clash), connection.cursor() as cursor:
                cursor.execute(self._change, unzipped(pairs))

    def update_each(self, pairs: Sequence[Pair]) -> list[int]:
        """Update records from their rows; return the rows whose records would be the same as others."""
        try:
            self.update(pairs)
        except IntegrityError:
            if len(pairs) == 1:
                return [pairs[0][0]]
            half = len(pairs) // 2
            return self.update_each(pairs[:half]) + self.update_each(pairs[half:])
        return []

    def may_keep(self, key: Key) -> bool:
        """Whether records are stored although others have their key."""
        return self._keeps_names and any(key.stored in names for names in self._shared)

    def keep_names(self, numbers: Sequence[int]) -> None:
        """Let the records of some rows have names that are taken."""
        if numbers:
            with connection.cursor() as cursor:
                cursor.execute(GIVE_SLOTS.format(staging=self._staging, slot=sql.Identifier(SLOT)), [list(numbers)])

    def insert(self, numbers: Sequence[int]) -> list[int]:
        """Create records for some of the rows; return the rows whose keys have been taken by concurrent inserts."""
        if not numbers:
            return []
        with connection.cursor() as cursor:
            cursor.execute(self._insertion(), self._for_rows(numbers))
            return self._keep(cursor, [n for (n,) in cursor])

    def created(self, numbers: Sequence[int]) -> list[Pair]:
        """Return the records that were created for some of the rows."""
        with connection.cursor() as cursor:
            statement = sql.SQL("SELECT n, id FROM {} WHERE n = ANY(%s) ORDER BY n").format(self._staging)
            cursor.execute(statement, [list(numbers)])
            return cursor.fetchall()

    def see(self, matched: Sequence[Pair], created: Sequence[Pair]) -> None:
        """Remember that these records have been matched with, or created from, rows of the file."""
        new = {record for _, record in created}
        self._finder.see([*(record for _, record in matched), *new], exact={*self._found.exact, *new})

    # --- SQL ---

    @cached_property
    def _joined(self) -> sql.Composed:
        return JOINED.format(rows=self._rows, table=self._table)

    @cached_property
    def _rows(self) -> sql.Composed:
        return ROWS.format(tenant=sql.Literal(self.tenant.pk), staging=self._staging)

    @cached_property
    def _comparison(self) -> sql.Composed:
        new = self._new
        return COMPARE.format(
            members=new.differences(), joined=self._joined, new=new.named(), differs=new.any_differs()
        )

    @cached_property
    def _change(self) -> sql.Composed:
        return UPDATE.format(table=self._table, values=self._new.assignments(), rows=self._rows)


def generated(digest: Digest) -> sql.Composed:
    """Return the definition of a generated column, as in the model's table."""
    expression, _ = digest.generated_sql(connection)
    return sql.SQL("{} {} GENERATED ALWAYS AS ({}) STORED").format(
        sql.Identifier(str(digest.column)), column_type(digest), sql.SQL(expression)
    )


#: Rows of a batch with their records' ids and tenant. OFFSET 0 has them put together first: PostgreSQL takes tenant and
#: id for independent, expects hardly a record for a batch, and would go through all rows for each one that it finds.
ROWS = sql.SQL(
    "(SELECT s.*, m.id AS record, {tenant}::bigint AS tenant_id"
    " FROM unnest(%s::int[], %s::bigint[]) AS m(n, id) JOIN {staging} AS s ON s.n = m.n OFFSET 0) AS s"
)
#: The rows of a batch joined with their records.
JOINED = sql.SQL("{rows} JOIN {table} AS t ON t.tenant_id = s.tenant_id AND t.id = s.record")

CLAIMS = sql.SQL(
    "SELECT claim.n, EXISTS (SELECT FROM {table} AS o WHERE o.tenant_id = {tenant}"
    " AND o.{key} <> '' AND {same} AND o.id <> claim.id), {names}"
    " FROM (SELECT s.n, t.id, {wanted} FROM {joined} WHERE {first} <> '' AND ({differs})) AS claim"
)
NEW_SLOT = sql.SQL("CASE WHEN s.{0} <> '' THEN s.{0} ELSE t.{0} END")

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
    " FROM {rows} WHERE t.tenant_id = s.tenant_id AND t.id = s.record"
)
