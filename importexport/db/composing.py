"""Parts of statements, composed with psycopg.sql, and look-ups by index."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg import sql


def identifiers(names: Iterable[str], *, of: str = "") -> sql.Composed:
    """Return names as a list in SQL, each quoted: ``"email", "phone"``, or ``"t"."email", "t"."phone"`` of ``t``."""
    return sql.SQL(", ").join(sql.Identifier(of, name) if of else sql.Identifier(name) for name in names)


def unzipped(pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return pairs as two lists, the parameters of ``unnest``."""
    return [[one for one, _ in pairs], [other for _, other in pairs]]


#: The tenant in look-ups by tenant and key. It is a subquery so that PostgreSQL plans for any tenant: for the given
#: one, which its statistics may not include yet, it might prefer an index by tenant alone, and read all of the tenant's
#: records in each look-up.
ANY_TENANT = sql.SQL("(SELECT %s::bigint)")


def any_tenant(pk: int) -> sql.Composed:
    """Return a given tenant in the same form."""
    return sql.SQL("(SELECT {}::bigint)").format(sql.Literal(pk))


#: Plans that read a whole table or tenant to find the records of a batch, and JIT, which the high costs of disabled
#: plans cause in some versions.
OTHER_WAYS = ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_material", "jit")
BY_INDEX, BY_ANY_WAY = (
    sql.SQL("; ").join(sql.SQL(setting).format(sql.Identifier(way)) for way in OTHER_WAYS)
    for setting in ("SET LOCAL {} = off", "SET LOCAL {} TO DEFAULT")
)


@contextmanager
def by_index(cursor: Any) -> Iterator[None]:
    """Make statements in this context look records up one by one, by an index. Requires a transaction."""
    cursor.execute(BY_INDEX)
    yield
    cursor.execute(BY_ANY_WAY)
