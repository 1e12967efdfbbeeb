"""PostgreSQL beyond Django's cursor: COPY both ways, a query in one round trip, advisory locks, retries.

Django notices a lost connection by the errors that pass through its wrapper, and only then replaces it. So every call
of psycopg or libpq is in this module, under that wrapper; tests/importexport/db sees to it. Composing
statements with ``psycopg.sql`` needs no connection, and is done where the statements are used.
"""

import contextlib
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import psycopg
from django.db import DatabaseError, Error, IntegrityError, InterfaceError, OperationalError, connection, transaction
from psycopg import sql
from psycopg.pq import ExecStatus

from crm.models import Tenant
from importexport import errors

T = TypeVar("T")
#: Errors that are not about the statement: the database is away, or cannot serve anybody at this moment.
UNAVAILABLE = (OperationalError, InterfaceError)


# --- composing ------------------------------------------------------------------------------------------------


def identifiers(names: Iterable[str], *, of: str = "") -> sql.Composed:
    """Return names as a list in SQL, each quoted: ``"email", "phone"``, or ``"t"."email", "t"."phone"`` of ``t``."""
    return sql.SQL(", ").join(sql.Identifier(of, name) if of else sql.Identifier(name) for name in names)


def unzipped(pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return pairs as two lists, as ``unnest`` takes them."""
    return [[one for one, _ in pairs], [other for _, other in pairs]]


#: A tenant in SQL, where records are looked up by tenant and key: a subquery, so that PostgreSQL plans for any tenant.
#: Planned for the given one, which its statistics may not know yet, an index by tenant alone would seem as good: and
#: each look-up would read all that the tenant has.
ANY_TENANT = sql.SQL("(SELECT %s::bigint)")

#: What would read a whole table, or a whole tenant, to find the records of a batch; and what follows from the high
#: costs by which some versions avoid that.
OTHER_WAYS = ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_material", "jit")
BY_INDEX, BY_ANY_WAY = (
    sql.SQL("; ").join(sql.SQL(setting).format(sql.Identifier(way)) for way in OTHER_WAYS)
    for setting in ("SET LOCAL {} = off", "SET LOCAL {} TO DEFAULT")
)


@contextmanager
def by_index(cursor: Any) -> Iterator[None]:
    """Let every statement inside look records up by an index, one by one; needs a transaction."""
    cursor.execute(BY_INDEX)
    yield
    cursor.execute(BY_ANY_WAY)


# --- COPY -----------------------------------------------------------------------------------------------------


def copy_in(
    table: str, columns: Iterable[str], texts: Sequence[Sequence[str | None]], *, over: Any = connection
) -> None:
    """Write rows, given as a list of texts per column, into a table over a connection."""
    block = copy_block(texts)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), identifiers(columns))
    with over.cursor() as cursor, over.wrap_database_errors, cursor.copy(statement) as copy:
        copy.write(block)


@contextlib.contextmanager
def copy_out(
    query: sql.Composable, parameters: Sequence[Any], *, style: Literal["csv", "text"]
) -> Iterator[Iterator[bytes]]:
    """Give the rows of a query as COPY writes them in a format, one by one as the server sends them.

    Raises OperationalError where the connection is lost, at whichever row that is noticed.
    """
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT {})").format(query, sql.Literal(style))
    with connection.cursor() as cursor, connection.wrap_database_errors:
        # COPY itself takes no parameters.
        merged = psycopg.ClientCursor(connection.connection).mogrify(statement, parameters)
        with cursor.copy(merged) as copy:
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


# --- one query in one round trip ------------------------------------------------------------------------------


def ask(query: bytes, parameter: str) -> list[str | None]:
    """Return the single row of a query, as texts; meant for the first query of a request.

    Straight through libpq: with Django's cursor, and psycopg's below it, this one query would take a third of the time
    of a small request. A connection that was lost since its last use is replaced, once. Raises OperationalError where
    the database cannot be reached.
    """
    is_kept = connection.connection is not None
    try:
        return _ask(query, parameter)
    except UNAVAILABLE as error:
        if not (is_kept and _is_stale(error)) or connection.in_atomic_block:
            raise
        connection.close()
        return _ask(query, parameter)


def _ask(query: bytes, parameter: str) -> list[str | None]:
    connection.ensure_connection()
    with connection.wrap_database_errors:
        result = connection.connection.pgconn.exec_params(query, [parameter.encode()])
        if result.status != ExecStatus.TUPLES_OK:
            raise psycopg.errors.error_from_result(result)
    # It has just shown that it works: Django need not ask before its own first query of the request.
    connection.health_check_done = True  # type: ignore[attr-defined]
    values = (result.get_value(0, column) for column in range(result.nfields))
    return [None if value is None else value.decode() for value in values]


def _is_stale(error: Exception) -> bool:
    """Whether the connection is lost, or leads to a server that has become a standby."""
    return isinstance(error.__cause__, psycopg.errors.ReadOnlySqlTransaction) or not connection.is_usable()


# --- waiting for others ---------------------------------------------------------------------------------------


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
    """Somebody else holds what an import needs for longer than it may wait; the text is for the user."""


@contextlib.contextmanager
def patience(*, wait: float | None = None, idle: float | None = None) -> Iterator[None]:
    """Bound how long the imports inside may stand still, in seconds; raises Busy where a lock takes longer."""
    before = _patience.set(Patience(wait, idle))
    try:
        yield
    except OperationalError as error:
        if is_lock_timeout(error):
            raise Busy(errors.RECORDS_BUSY) from error
        raise
    finally:
        _patience.reset(before)


def is_lock_timeout(error: OperationalError) -> bool:
    """Whether a lock could not be had within PostgreSQL's ``lock_timeout``."""
    return isinstance(error.__cause__, psycopg.errors.LockNotAvailable)


def milliseconds(seconds: float | None) -> str:
    """Return a time-out for PostgreSQL's settings, where 0 is for ever."""
    return str(round((seconds or 0) * 1000))


# --- advisory locks -------------------------------------------------------------------------------------------


def advisory_lock(key: Sequence[int], *, session: bool = False, wait: bool = True, over: Any = connection) -> bool:
    """Take an advisory lock, named by one number of 64 bits or two of 32; return whether it was got.

    It is held until the transaction ends; with ``session``, until the connection does, whatever becomes of its
    transactions. Where somebody else holds it, returns False at once without ``wait``, else after the time that one may
    wait: a transaction's own ``lock_timeout``, or what ``patience`` says where a ``session`` waits, which must not be
    within a transaction.
    """
    attempt, request = SESSION_LEVEL if session else TRANSACTION_LEVEL
    with over.cursor() as cursor:
        cursor.execute(call(attempt, key), key)
        (is_taken,) = cursor.fetchone()
        if is_taken or not wait:
            return is_taken
        # After a savepoint, the transaction can go on without the lock.
        with suppress_lock_timeout(), session_timeout(cursor) if session else transaction.atomic():
            cursor.execute(call(request, key), key)
            is_taken = True
    return is_taken


#: The functions that try to take a lock, and that wait for it.
TRANSACTION_LEVEL = ("pg_try_advisory_xact_lock", "pg_advisory_xact_lock")
SESSION_LEVEL = ("pg_try_advisory_lock", "pg_advisory_lock")


def call(function: str, arguments: Sequence[int]) -> sql.Composed:
    """Return the call of a function with so many arguments."""
    placeholders = sql.SQL(", ").join([sql.Placeholder()] * len(arguments))
    return sql.SQL("SELECT {}({})").format(sql.Identifier(function), placeholders)


@contextmanager
def suppress_lock_timeout() -> Iterator[None]:
    """End the block where a lock inside is not to be had in time."""
    try:
        yield
    except OperationalError as error:
        if not is_lock_timeout(error):
            raise


@contextmanager
def session_timeout(cursor: Any) -> Iterator[None]:
    """Bound how long a statement outside a transaction waits for locks, as ``patience`` says."""
    cursor.execute("SELECT set_config('lock_timeout', %s, false)", [milliseconds(_patience.get().wait)])
    try:
        yield
    finally:
        cursor.execute("RESET lock_timeout")


@contextmanager
def session_lock(key: Sequence[int], *, wait: bool = True) -> Iterator[bool]:
    """Hold an advisory lock inside, over any number of transactions; gives False where it was not got.

    See ``advisory_lock`` for ``key`` and ``wait``.
    """
    is_taken = advisory_lock(key, session=True, wait=wait)
    try:
        yield is_taken
    finally:
        if is_taken:
            release_lock(key)


def release_lock(key: Sequence[int]) -> None:
    """Give up a lock of the session; where the connection is lost, the lock has gone with it."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(call("pg_advisory_unlock", key), key)
    except Error:
        connection.close()


def held_locks(first: int) -> set[int]:
    """Return the second halves of all locks with a given first half that somebody holds at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(HELD, [first % 2**32])
        return {second for (second,) in cursor}


HELD = """
SELECT objid::bigint FROM pg_locks
WHERE locktype = 'advisory' AND granted AND classid = %s::bigint::oid AND objsubid = 2
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


# --- one import of an entity at a time ------------------------------------------------------------------------


def lock_entities(tenant: Tenant, entities: Collection[str], *, name: str = "") -> None:
    """Wait until no other transaction imports these entities of this tenant; held until the transaction ends.

    ``name`` is the import's id, which those who wait are told. The tenant itself cannot be deleted meanwhile. Raises
    Busy where somebody else holds a lock for too long (see ``patience``), Tenant.DoesNotExist where the tenant was
    deleted before.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('application_name', %s, true), set_config('lock_timeout', %s, true),"
            " set_config('idle_in_transaction_session_timeout', %s, true)",
            [f"{NAMED}{name}", milliseconds(_patience.get().wait), milliseconds(_patience.get().idle)],
        )
        # Sorted: two imports that want the same locks in different orders would wait for each other.
        for entity in sorted(entities):
            key = entity_lock(tenant, entity)
            if not advisory_lock(key):
                raise Busy(errors.busy(entity, holder(cursor, *key)))
        cursor.execute("SELECT FROM crm_tenant WHERE id = %s FOR KEY SHARE", [tenant.pk])
        if not cursor.rowcount:
            raise Tenant.DoesNotExist


#: How the transactions of imports are called in pg_stat_activity, before the import's id.
NAMED = "rally import "


def entity_lock(tenant: Tenant, entity: str) -> tuple[int, int]:
    """Return the lock of a tenant's entity. Where two have the same, they merely take turns."""
    return tenant.pk % 2**31, zlib.crc32(entity.encode()) >> 1


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


# --- trying again ---------------------------------------------------------------------------------------------

#: How often ``retry`` makes an attempt, the first one included.
TRIES = 3
#: PostgreSQL ended our transaction in favour of somebody else's: all was rolled back, nothing is wrong.
TIES = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


def retry(attempt: Callable[[], T], *, when: Callable[[DatabaseError], bool]) -> T:
    """Return what ``attempt`` returns, making up to three attempts where a concurrent edit wins.

    Retries after an error for which ``when`` is true (``is_tie``, ``is_clash``); any other error is raised at once, and
    so is that of the last attempt. An attempt has to leave all as it found it when it fails: it is a transaction or a
    savepoint, and rewinds the files that it reads.
    """
    for _ in range(TRIES - 1):
        try:
            return attempt()
        except DatabaseError as error:
            if not when(error):
                raise
    return attempt()


def is_tie(error: DatabaseError) -> bool:
    """Whether PostgreSQL ended a transaction of its own to break a deadlock or the like."""
    return isinstance(error.__cause__, TIES) and not connection.in_atomic_block


def is_clash(error: DatabaseError) -> bool:
    """Whether what is being stored contradicts what somebody else has just stored or deleted."""
    return isinstance(error, IntegrityError)
