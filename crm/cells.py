"""Cells: installations of the whole product, between which a tenant can be moved with the ids of all its records.

Each cell has ids of its own, so that records keep theirs wherever they are. A new installation takes them from the
range of its cell; one that has records already keeps to the range that it has.
"""

import string
import sys
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from psycopg import sql

from crm.models import Tenant

#: The number of ids per cell. With 36² cells, an id has at most 15 digits: what a spreadsheet keeps of a number, and
#: less than the 2^53 of JavaScript.
IDS = 5 * 10**11
DIGITS = string.digits + string.ascii_lowercase


class Sequence(NamedTuple):
    """Where the ids of a table come from."""

    schema: str
    name: str
    table: str
    start: int
    #: The last id that was given, or None.
    last: int | None


def first_id(cell: str) -> int:
    """Return the first id of a cell: 1 for ``00``."""
    return int(cell, 36) * IDS + 1


def cell_of(record_id: int) -> str:
    """Return the cell whose range an id is in."""
    high, low = divmod((record_id - 1) // IDS, 36)
    return DIGITS[high] + DIGITS[low]


def id_sequences() -> list[Sequence]:
    """Return the sequences of tenants and of all tables with a tenant, as the database's catalogue has them."""
    with connection.cursor() as cursor:
        cursor.execute(SEQUENCES, [Tenant._meta.db_table])
        return [Sequence(*row) for row in cursor]


SEQUENCES = """
SELECT n.nspname, s.relname, t.relname, q.seqstart, pg_sequence_last_value(s.oid)
FROM pg_sequence AS q
JOIN pg_class AS s ON s.oid = q.seqrelid
JOIN pg_namespace AS n ON n.oid = s.relnamespace
JOIN pg_depend AS d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass
    AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
JOIN pg_class AS t ON t.oid = d.refobjid
WHERE t.relnamespace = current_schema()::regnamespace AND (t.relname = %s OR EXISTS (
    SELECT FROM pg_attribute AS a WHERE a.attrelid = t.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped))
ORDER BY t.relname, s.relname
"""


def take_range(**_: Any) -> None:
    """Let a new installation take its ids from the range of its cell (a signal handler, after migrations).

    Tables that a later version adds join the others. If there are records with ids of another cell, nothing is changed,
    and a line on stderr says so.
    """
    first = first_id(settings.RALLY_CELL)
    others = [sequence for sequence in id_sequences() if sequence.start != first]
    if not others:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        # Nobody creates the first tenant meanwhile. Without tenants, there are no records.
        cursor.execute(LOCK.format(sql.Identifier(Tenant._meta.db_table)))
        of_tenants = [sequence for sequence in others if sequence.table == Tenant._meta.db_table]
        if of_tenants and Tenant.objects.exists():
            sys.stderr.write(f"{kept(cell_of(of_tenants[0].start))}\n")
            return
        for sequence in others:
            bounds = {"first": first, "last": first + IDS - 1, "following": following_id(sequence, first)}
            name = sql.Identifier(sequence.schema, sequence.name)
            cursor.execute(RESTART.format(sequence=name, **{key: sql.Literal(bound) for key, bound in bounds.items()}))


LOCK = sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE")
#: The bounds keep other ways to set a sequence (loaddata, setval) out of the ranges of other cells.
RESTART = sql.SQL(
    "ALTER SEQUENCE {sequence} MINVALUE {first} MAXVALUE {last} START WITH {first} RESTART WITH {following}"
)


def following_id(sequence: Sequence, first: int) -> int:
    """Return the next id in a range: that after the last one, if a migration made the sequence of a table anew."""
    last = sequence.last or 0
    return last + 1 if first <= last < first + IDS - 1 else first


def kept(cell: str) -> str:
    """Return the sentence for an installation that keeps to the range of another cell."""
    return (
        f"RALLY_CELL is {settings.RALLY_CELL}, but there are records already: they keep their ids, and new ones get"
        f" theirs from the range of cell {cell} as before."
    )
