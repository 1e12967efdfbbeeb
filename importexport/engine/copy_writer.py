"""Rows to the database: COPY into a temporary table, then one INSERT in which the first row wins."""

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any

from django.db import connection, models

from importexport.db import ANY_TENANT, copy_in
from importexport.engine.spec import Key

STAGING = "rally_incoming"


class Writer:
    """Stores batches of one entity in the current transaction. Use as a context manager.

    ``columns`` are database columns besides tenant_id. Whether a row is a duplicate is the database's to say, so
    that it is said once: rows go in by their order, and one that meets a unique constraint (a stored record, an
    earlier row, or somebody else's insert of this very moment) is passed over.
    """

    #: Further columns of the temporary table, for a subclass.
    besides = ""

    def __init__(self, model: type[models.Model], *, tenant: Any, columns: Sequence[str]) -> None:
        self.table = model._meta.db_table
        self.tenant = tenant
        self.columns = list(columns)
        self._fields = {field.column: field for field in model._meta.concrete_fields}
        unique = [rule for rule in model._meta.constraints if isinstance(rule, models.UniqueConstraint)]
        # Where only one constraint can be met, naming it spares PostgreSQL a look at every other index.
        self._conflict = f"ON CONSTRAINT {unique[0].name}" if len(unique) == 1 else ""
        keys = {model._meta.get_field(name).column for rule in unique for name in rule.fields}  # type: ignore[union-attr]
        self._identity = [i for i, name in enumerate(self.columns) if name in keys]
        #: Of the batch written last: how many rows went to the database, and which of them it passed over.
        self._staged = 0
        self._lost_ones: list[int] = []

    def __enter__(self) -> "Writer":
        types = ", ".join(f"{name} {self._type_of(name)}" for name in self.columns)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [self.table])
            (sequence,) = cursor.fetchone()
            cursor.execute(
                f"CREATE TEMPORARY TABLE {STAGING}"
                f" (n integer, id bigint DEFAULT nextval('{sequence}'), {types}{self.besides}) ON COMMIT DROP"
            )
        return self

    def _type_of(self, name: str) -> str:
        """Return a column's type, and its collation, without which its texts could not be compared with the table's."""
        collation = getattr(self._fields[name], "db_collation", None)
        return (
            f"{self._fields[name].db_type(connection)}{f' COLLATE {chr(34)}{collation}{chr(34)}' if collation else ''}"
        )

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            with connection.cursor() as cursor:
                cursor.execute(f"DROP TABLE {STAGING}")

    def write(self, rows: Sequence[Sequence[str | None]], count: int) -> list[int]:
        """Store rows, given as one list of COPY texts per column; return the indexes of those passed over."""
        repeated = self._repeated(rows)
        is_new = [n not in repeated for n in range(count)] if repeated else [True] * count
        if repeated:
            rows = [list(compress(values, is_new)) for values in rows]
        lost = self._store(rows, list(map(str, compress(range(count), is_new))))
        return sorted([*repeated, *lost]) if repeated else lost

    def stored_rows(self) -> list[tuple[int, int, int]]:
        """Return where the batch's rows went, as stretches: index of the first row, id of its record, how many."""
        if len(self._lost_ones) == self._staged:
            return []
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT lower(r), lower(r) + ahead, upper(r) - lower(r) FROM ("
                f"SELECT unnest(range_agg(int8range(n, n + 1))) AS r, id - n AS ahead FROM {STAGING}"
                " WHERE n <> ALL(%s) GROUP BY id - n) AS stretches ORDER BY 1",
                [self._lost_ones],
            )
            return cursor.fetchall()

    def _repeated(self, rows: Sequence[Sequence[str | None]]) -> set[int]:
        """Return which rows have all that makes a record the same in common with an earlier one of the batch.

        Whether or not that one can be stored, they cannot; the database is slow to say so a million times.
        """
        keys = list(zip(*(rows[i] for i in self._identity), strict=True))
        first: dict[tuple, int] = {}
        if len(set(keys)) == len(keys):
            return set()
        return {n for n, key in enumerate(keys) if first.setdefault(key, n) != n}

    def _store(self, rows: Sequence[Sequence[str | None]], numbers: list[str]) -> list[int]:
        self._staged, self._lost_ones = len(numbers), []
        if not numbers:
            return []
        names = ", ".join(self.columns)
        with connection.cursor() as cursor:
            self._stage(cursor, f"n, {names}", [numbers, *rows])
            cursor.execute(self._insertion(), [self.tenant.pk])
            self._lost_ones = [] if cursor.rowcount == len(numbers) else self._lost(cursor)
            return self._lost_ones

    def _stage(self, cursor: Any, names: str, columns: Sequence[Sequence[str | None]]) -> None:
        cursor.execute(f"TRUNCATE {STAGING}")
        copy_in(STAGING, names, columns)

    def _insertion(self, where: str = "") -> str:
        names = ", ".join(self.columns)
        return (
            f"INSERT INTO {self.table} (id, tenant_id, {names}) SELECT id, %s, {names} FROM {STAGING} {where}"
            f" ORDER BY n ON CONFLICT {self._conflict} DO NOTHING"
        )

    def _lost(self, cursor: Any) -> list[int]:
        """Ask which ids did not arrive; not by a join, whose plan can come out quadratic without statistics."""
        cursor.execute(
            f"SELECT n FROM {STAGING} WHERE id NOT IN (SELECT id FROM {self.table} WHERE id BETWEEN"
            f" (SELECT min(id) FROM {STAGING}) AND (SELECT max(id) FROM {STAGING})) ORDER BY n"
        )
        return [n for (n,) in cursor]

    def taken(self, key: Key, wanted: Mapping[int, str]) -> set[int]:
        """Return which of the rows passed over, given with their keys, met a record with the same key.

        A row that came later in the batch does not count: it was not there yet.
        """
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id, n FROM {STAGING}")
            arrived = dict(cursor.fetchall())
            cursor.execute(
                f"SELECT {key.stored}, id FROM {self.table} WHERE tenant_id = {ANY_TENANT} AND {key.stored} <> ''"
                f" AND {key.stored} = ANY(%s)",
                [self.tenant.pk, list(set(wanted.values()))],
            )
            since = {text: arrived.get(pk, -1) for text, pk in cursor}
        return {n for n, text in wanted.items() if since.get(text, n) < n}
