"""What goes straight to PostgreSQL, past Django's cursor: COPY both ways, a question in one trip, the tenants' locks.

Django learns of a lost connection by the errors that pass through its wrapper, and only then replaces it. So every call
of psycopg or libpq stands in this module, under that wrapper; tests/importexport/test_db.py sees to it.
"""

import contextlib
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import InterfaceError, OperationalError, connection, transaction
from psycopg.pq import ExecStatus

from crm.models import Tenant
from importexport import errors

#: Errors that say nothing of what was asked: the database is away, or cannot serve anybody at this moment.
UNAVAILABLE = (OperationalError, InterfaceError)
#: PostgreSQL broke a tie with somebody else's transaction at our cost: all was undone, nothing is wrong.
TIES = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


# --- COPY -----------------------------------------------------------------------------------------------------


def copy_in(table: str, columns: str, texts: Sequence[Sequence[str | None]], *, over: Any = connection) -> None:
    """Write rows, given as a list of texts per column, into a table over a connection."""
    block = copy_block(texts)
    with (
        over.cursor() as cursor,
        over.wrap_database_errors,
        cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy,
    ):
        copy.write(block)


@contextlib.contextmanager
def copy_out(sql: str, parameters: Sequence[Any], options: str) -> Iterator[Iterator[bytes]]:
    """Give the rows of ``COPY (sql) TO STDOUT (options)``, one by one as the server sends them.

    Raises OperationalError where the connection is lost, at whichever row that is noticed.
    """
    with connection.cursor() as cursor, connection.wrap_database_errors:
        query = psycopg.ClientCursor(connection.connection).mogrify(sql, parameters)
        with cursor.copy(f"COPY ({query}) TO STDOUT ({options})") as copy:
            yield iter(copy)


def copy_block(columns: Sequence[Sequence[str | None]]) -> bytes:
    """Return columns as rows of PostgreSQL's COPY text format."""
    lines = map("\t".join, zip(*map(escape_column, columns), strict=True))
    return ("\n".join(lines) + "\n").encode()


def escape_column(values: Sequence[str | None]) -> Sequence[str]:
    """Return a column's values as COPY reads them; most columns need nothing but a look.

    No value has a NUL, which PostgreSQL cannot store: so it can stand between them while all are escaped at once.
    """
    joined = "\0".join(filter(None, values))
    if "\\" in joined or "\n" in joined or "\t" in joined:
        joined = "\0".join("\1" if value is None else value for value in values)
        joined = joined.replace("\\", r"\\").replace("\n", r"\n").replace("\t", r"\t")
        return joined.replace("\1", r"\N").split("\0")
    return [r"\N" if value is None else value for value in values] if None in values else values  # type: ignore[return-value]


# --- one question ---------------------------------------------------------------------------------------------


def ask(sql: bytes, parameter: str) -> list[str | None]:
    """Return the one row that a query has, as texts; meant for the first query of a request.

    Straight through libpq: with Django's cursor, and psycopg's below it, this one question would take a third of the
    time of a small request. A connection that went stale since its last use is replaced, once. Raises OperationalError
    where the database cannot be reached.
    """
    is_kept = connection.connection is not None
    try:
        return _ask(sql, parameter)
    except UNAVAILABLE as error:
        if not (is_kept and _is_stale(error)) or connection.in_atomic_block:
            raise
        connection.close()
        return _ask(sql, parameter)


def _ask(sql: bytes, parameter: str) -> list[str | None]:
    connection.ensure_connection()
    with connection.wrap_database_errors:
        result = connection.connection.pgconn.exec_params(sql, [parameter.encode()])
        if result.status != ExecStatus.TUPLES_OK:
            raise psycopg.errors.error_from_result(result)
    # It has just shown that it works: Django need not ask before its own first query of the request.
    connection.health_check_done = True  # type: ignore[attr-defined]
    values = (result.get_value(0, column) for column in range(result.nfields))
    return [None if value is None else value.decode() for value in values]


def _is_stale(error: Exception) -> bool:
    """Whether the connection is lost, or leads to a server that has become a standby."""
    return isinstance(error.__cause__, psycopg.errors.ReadOnlySqlTransaction) or not connection.is_usable()


# --- turns ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Patience:
    """How long a transaction may stand still, in seconds; None is for ever."""

    #: While it waits for somebody else's lock.
    wait: float | None = None
    #: While PostgreSQL waits for its next statement: a process that froze gives its locks back.
    idle: float | None = None


FOR_EVER = Patience()
_patience: ContextVar[Patience] = ContextVar("patience", default=FOR_EVER)


class Busy(OperationalError):
    """Somebody else holds what an import needs, for longer than this one may wait; its text is for the user."""


@contextlib.contextmanager
def patience(*, wait: float | None = None, idle: float | None = None) -> Iterator[None]:
    """Bound how long the imports inside may stand still, in seconds; raises Busy where a lock takes longer."""
    before = _patience.set(Patience(wait, idle))
    try:
        yield
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise Busy(errors.RECORDS_BUSY) from error
        raise
    finally:
        _patience.reset(before)


def lock_entities(tenant: Tenant, entities: Collection[str], *, name: str = "") -> None:
    """Wait until no other transaction imports these entities of this tenant; held until the transaction ends.

    ``name`` is the import's id, by which those who wait are told of it. The tenant itself cannot be deleted meanwhile.
    Raises Busy where somebody else holds a lock for too long (see ``patience``), Tenant.DoesNotExist where the tenant
    was deleted before.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('application_name', %s, true), set_config('lock_timeout', %s, true),"
            " set_config('idle_in_transaction_session_timeout', %s, true)",
            [f"{NAMED}{name}", milliseconds(_patience.get().wait), milliseconds(_patience.get().idle)],
        )
        # In one order for all, or two that want the same would wait for each other.
        for entity in sorted(entities):
            _take_turn(cursor, tenant, entity)
        cursor.execute("SELECT FROM crm_tenant WHERE id = %s FOR KEY SHARE", [tenant.pk])
        if not cursor.rowcount:
            raise Tenant.DoesNotExist


def milliseconds(seconds: float | None) -> str:
    """Return a time-out as PostgreSQL's settings have it, where 0 is for ever."""
    return str(round((seconds or 0) * 1000))


#: How the transactions of imports are called in pg_stat_activity, before the import's id.
NAMED = "rally import "


def entity_lock(tenant: Tenant, entity: str) -> tuple[int, int]:
    """Return the lock of a tenant's entity: two 31-bit numbers. A clash merely makes two of them take turns."""
    return tenant.pk % 2**31, zlib.crc32(entity.encode()) >> 1


def _take_turn(cursor: Any, tenant: Tenant, entity: str) -> None:
    """Take the lock of a tenant's entity; raise Busy, which names its holder, where that takes too long."""
    first, second = entity_lock(tenant, entity)
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [first, second])
    if cursor.fetchone()[0]:
        return
    try:
        # In a savepoint, after which the holder can still be asked for.
        with transaction.atomic():
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [first, second])
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise Busy(errors.busy(entity, holder(cursor, first, second))) from error
        raise


def holder(cursor: Any, first: int, second: int) -> str:
    """Return the id of the import that holds a lock, or "" where it has none."""
    cursor.execute(HOLDER, [first, second])
    found = cursor.fetchone()
    return found[0].removeprefix(NAMED) if found and found[0].startswith(NAMED) else ""


HOLDER = """
SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND classid = %s::bigint::oid AND objid = %s::bigint::oid AND objsubid = 2
AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


# --- who is at work -------------------------------------------------------------------------------------------


def lock_session(number: tuple[int, int], *, over: Any, wait: bool) -> bool:
    """Take a lock that ends with the connection; return False where somebody else has it and we do not ``wait``.

    Raises Busy where somebody else keeps it for longer than one may wait (see ``patience``).
    """
    with over.cursor() as cursor:
        if not wait:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", number)
            return bool(cursor.fetchone()[0])
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [milliseconds(_patience.get().wait)])
        try:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", number)
        except OperationalError as error:
            if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise Busy(errors.RUN_BUSY) from error
            raise
        cursor.execute("RESET lock_timeout")
        return True


def held_locks(first: int) -> set[int]:
    """Return the second halves of all locks with a first half that somebody holds at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(HELD, [first % 2**32])
        return {second for (second,) in cursor}


HELD = """
SELECT objid::bigint FROM pg_locks
WHERE locktype = 'advisory' AND granted AND classid = %s::bigint::oid AND objsubid = 2
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def is_tie(error: OperationalError) -> bool:
    """Whether a transaction of its own may simply be tried again."""
    return isinstance(error.__cause__, TIES) and not connection.in_atomic_block


#: A tenant in SQL, where records are looked up by tenant and key: a subquery, so that PostgreSQL plans for any tenant.
#: Planned for this one, which its statistics may not know yet, an index by tenant alone would do as well: and each
#: look-up would read all that the tenant has.
ANY_TENANT = "(SELECT %s::bigint)"

#: What would read a whole table, or a whole tenant, to find the records of a batch; and what would be made of the high
#: costs at which some versions put that off.
OTHER_WAYS = ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_material", "jit")


@contextmanager
def by_index(cursor: Any) -> Iterator[None]:
    """Let every statement inside look records up by an index, one by one; needs a transaction."""
    cursor.execute("; ".join(f"SET LOCAL {way} = off" for way in OTHER_WAYS))
    yield
    cursor.execute("; ".join(f"SET LOCAL {way} TO DEFAULT" for way in OTHER_WAYS))
