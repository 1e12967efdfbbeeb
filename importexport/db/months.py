"""Tables in partitions by month, which are dropped as a whole instead of being deleted row by row.

There is no default partition: with one, PostgreSQL would lock it against everybody to attach another, and could detach
none without waiting for all. Without it, attaching and detaching keep nobody waiting who reads or writes rows.
"""

import datetime as dt
import logging
import re
from collections.abc import Collection, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone
from psycopg import sql

from importexport.db.connecting import is_pooled, second_connection
from importexport.db.locks import lock_apart, suppress_lock_timeout

logger = logging.getLogger("rally.jobs")
#: The month of what has no month (any more): its partition always exists, and is never dropped.
PAST = dt.date(1970, 1, 1)
#: The advisory lock of those who create partitions, and of the one who drops them; arbitrary unused numbers.
CREATING, DROPPING = 7_625_773, 7_625_774
#: PostgreSQL's lock_timeout: for creating a partition, and for detaching one, which waits for all transactions that
#: have used its table, and keeps those waiting who create one.
TO_CREATE, TO_DETACH = "60s", "10s"


def this_month() -> dt.date:
    """Return the first day of the current month (UTC)."""
    return timezone.now().date().replace(day=1)


def month_after(month: dt.date) -> dt.date:
    """Return the first day of the next month."""
    return (month + dt.timedelta(days=31)).replace(day=1)


def months_ahead() -> list[dt.date]:
    """Return the months whose partitions are created ahead: the current one and the next."""
    return [this_month(), month_after(this_month())]


def partition_of(table: str, month: dt.date) -> str:
    """Return the name of a table's partition for a month."""
    return f"{table}_past" if month == PAST else f"{table}_{month:%Y_%m}"


# --- creating -------------------------------------------------------------------------------------------------


def ensure_months(tables: Collection[str], months: Collection[dt.date]) -> None:
    """Create the partitions that do not exist yet. Whoever needs the same ones at the same time waits.

    They are created over a connection of their own: in the transaction of an import, others would have to wait until
    it ends to create the same ones.
    """
    if not missing(tables, months, over=connection):
        return
    with closing(second_connection()) as aside:
        aside.set_autocommit(False)
        with aside.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [TO_CREATE])
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CREATING])
            # Another process may have created them meanwhile.
            for table, month in missing(tables, months, over=aside):
                create_partition(cursor, table, month)
        aside.commit()


def missing(tables: Collection[str], months: Collection[dt.date], *, over: Any) -> list[tuple[str, dt.date]]:
    """Return the tables and months without a partition."""
    wanted = {partition_of(table, month): (table, month) for table in tables for month in months}
    with over.cursor() as cursor:
        cursor.execute("SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL", [list(wanted)])
        return [wanted[name] for (name,) in cursor]


def create_partition(cursor: Any, table: str, month: dt.date) -> None:
    """Create a table's partition for a month, in the current transaction."""
    parts = {"table": sql.Identifier(table), "partition": sql.Identifier(partition_of(table, month))}
    # CREATE TABLE … PARTITION OF would wait for everybody who uses the table, and keep all others waiting.
    cursor.execute(CREATE.format(**parts))
    cursor.execute(attachment(table, month))


def attachment(table: str, month: dt.date) -> sql.Composed:
    """Return the statement that makes a table with the name of a partition that partition."""
    return ATTACH.format(
        table=sql.Identifier(table),
        partition=sql.Identifier(partition_of(table, month)),
        first=sql.Literal(month),
        after=sql.Literal(month_after(month)),
    )


CREATE = sql.SQL("CREATE TABLE {partition} (LIKE {table} INCLUDING ALL)")
ATTACH = sql.SQL("ALTER TABLE {table} ATTACH PARTITION {partition} FOR VALUES FROM ({first}) TO ({after})")


# --- dropping -------------------------------------------------------------------------------------------------


POOL_ONLY = (
    "DATABASE_URL is a connection pool's, and RALLY_DIRECT_DATABASE_URL is not set: months of which nothing is kept any"
    " more are not dropped."
)


class Partition(NamedTuple):
    """A partition of a month, or what a process that died has left of one that it was dropping."""

    table: str
    month: dt.date
    is_attached: bool
    is_pending: bool

    @property
    def name(self) -> str:
        return partition_of(self.table, self.month)


def partitions(tables: Sequence[str]) -> list[Partition]:
    """Return the partitions of months, without the past, oldest first, and those of a month in the tables' order."""
    with connection.cursor() as cursor:
        cursor.execute(PARTITIONS, [[f"{re.escape(table)}_[0-9]{{4}}_[0-9]{{2}}" for table in tables]])
        return sorted(map(_partition, cursor), key=lambda one: (one.month, tables.index(one.table)))


def _partition(row: tuple[str, bool, bool]) -> Partition:
    name, is_attached, is_pending = row
    table, year, month = name.rsplit("_", 2)
    return Partition(table, dt.date(int(year), int(month), 1), is_attached, is_pending)


PARTITIONS = """
SELECT c.relname, i.inhrelid IS NOT NULL, coalesce(i.inhdetachpending, false)
FROM pg_class AS c LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid, unnest(%s::text[]) AS pattern
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname ~ ('^' || pattern || '$')
"""


def drop_partitions(found: Collection[Partition]) -> list[str]:
    """Drop partitions, over a connection of its own; return their names.

    A partition is detached first, which waits for everybody who may still read it. If that takes too long, or another
    process is at it, the rest is left to the next time, which goes on from there. Without a way past a connection pool
    nothing is dropped: PostgreSQL detaches in no transaction, and how long it waits can only be set for the session.
    """
    dropped: list[str] = []
    if not found:
        return dropped
    with closing(second_connection()) as aside:
        if is_pooled(aside):
            logger.warning(POOL_ONLY)
            return dropped
        with lock_apart([DROPPING], wait=False) as is_held, aside.cursor() as cursor, suppress_lock_timeout():
            for partition in found if is_held else ():
                _drop(cursor, partition)
                dropped.append(partition.name)
    return dropped


def _drop(cursor: Any, partition: Partition) -> None:
    if partition.is_attached:
        detach = FINALIZE if partition.is_pending else DETACH
        # In no transaction, where there is no other way to limit it.
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [TO_DETACH])
        try:
            cursor.execute(detach.format(sql.Identifier(partition.table), sql.Identifier(partition.name)))
        finally:
            cursor.execute("RESET lock_timeout")
    cursor.execute(DROP.format(sql.Identifier(partition.name)))


DETACH = sql.SQL("ALTER TABLE {} DETACH PARTITION {} CONCURRENTLY")
FINALIZE = sql.SQL("ALTER TABLE {} DETACH PARTITION {} FINALIZE")
DROP = sql.SQL("DROP TABLE {}")
