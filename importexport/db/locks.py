"""Advisory locks, and those of imports: a tenant's entity is imported by one import at a time."""

import time
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

from django.db import Error, OperationalError, connection, transaction
from psycopg import sql

from crm.models import Tenant
from importexport import errors
from importexport.db.connecting import second_connection
from importexport.db.waiting import Busy, current_patience, is_lock_timeout, milliseconds


def advisory_lock(key: Sequence[int], *, wait: bool = True, over: Any = connection) -> bool:
    """Acquire an advisory lock, identified by one 64-bit or two 32-bit integers; return whether it was acquired.

    It is held until the transaction ends; a session's would be somebody else's next behind a connection pool (see
    leases). If somebody else holds it, returns False: immediately without ``wait``, otherwise after the transaction's
    ``lock_timeout``.
    """
    with over.cursor() as cursor:
        cursor.execute(call("pg_try_advisory_xact_lock", key), key)
        (is_taken,) = cursor.fetchone()
        if is_taken or not wait:
            return is_taken
        # With a savepoint, the transaction can continue without the lock.
        with suppress_lock_timeout(), transaction.atomic():
            cursor.execute(call("pg_advisory_xact_lock", key), key)
            is_taken = True
    return is_taken


@contextmanager
def lock_apart(key: Sequence[int], *, wait: bool = True) -> Iterator[bool]:
    """Hold an advisory lock in this context, whatever its transactions; the value is False if somebody else holds it.

    It is held by the transaction of another connection. Who waits for it does so without a transaction: with one,
    behind a connection pool, it would have a place in which the one who holds the lock could go on.
    """
    with closing(second_connection()) as own:
        own.set_autocommit(False)
        while not (is_held := advisory_lock(key, wait=False, over=own)) and wait:
            own.rollback()
            time.sleep(PACE)
        with own.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        try:
            yield is_held
        finally:
            with suppress(Error):
                own.rollback()


#: Seconds between two attempts to acquire a lock.
PACE = 0.2


def call(function: str, arguments: Sequence[int]) -> sql.Composed:
    """Return a SELECT that calls a function, with placeholders for the arguments."""
    placeholders = sql.SQL(", ").join([sql.Placeholder()] * len(arguments))
    return sql.SQL("SELECT {}({})").format(sql.Identifier(function), placeholders)


@contextmanager
def suppress_lock_timeout() -> Iterator[None]:
    """Leave the context without an error if a lock is not acquired in time."""
    try:
        yield
    except OperationalError as error:
        if not is_lock_timeout(error):
            raise


# --- one import of an entity at a time ------------------------------------------------------------------------


def lock_entities(tenant: Tenant, entities: Collection[str], *, name: str = "") -> None:
    """Wait until no other transaction imports these entities of the tenant. Held until the transaction ends.

    ``name`` is the id of the import, which the error messages of waiting imports show. The tenant cannot be deleted
    until then. Raises Busy if somebody else holds a lock for too long (see ``patience``), and Tenant.DoesNotExist if
    the tenant was deleted before.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('application_name', %s, true), set_config('lock_timeout', %s, true),"
            " set_config('idle_in_transaction_session_timeout', %s, true)",
            [session_name(name), milliseconds(current_patience().wait), milliseconds(current_patience().idle)],
        )
        # Sorted, because imports that acquire the same locks in different orders could deadlock.
        for entity in sorted(entities):
            key = entity_lock(tenant, entity)
            if not advisory_lock(key):
                raise Busy(errors.busy(entity, holder(cursor, *key)))
        cursor.execute("SELECT FROM crm_tenant WHERE id = %s FOR KEY SHARE", [tenant.pk])
        if not cursor.rowcount:
            raise Tenant.DoesNotExist


def session_name(name: str) -> str:
    """Return the application_name of the transactions and connections of the import with an id."""
    return f"{NAMED}{name}"


def name_transaction(name: str) -> None:
    """Let the current transaction be found as one of the import with an id."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('application_name', %s, true)", [session_name(name)])


def end_sessions(name: str) -> None:
    """End the transactions and connections of the import with an id, whose process is gone. PostgreSQL rolls back, and
    does nothing any more of what it is sent when a network is back. Waits until they have ended."""
    _signal("pg_terminate_backend", name, WAIT)


def cancel_statement(name: str) -> None:
    """Cancel the statement that the import with an id waits for, which gets an error."""
    _signal("pg_cancel_backend", name)


def _signal(function: str, name: str, *arguments: int) -> None:
    places = sql.SQL("").join([sql.SQL(", %s")] * len(arguments))
    with connection.cursor() as cursor:
        cursor.execute(SIGNAL.format(sql.Identifier(function), places), [*arguments, session_name(name)])


#: Milliseconds that a session has to end.
WAIT = 5000


#: Where each process has a role of its own, PostgreSQL would refuse: then what is left ends by itself, but later.
SIGNAL = sql.SQL("""
SELECT {}(pid{}) FROM pg_stat_activity
WHERE application_name = %s AND datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
""")


def stay_alive() -> None:
    """Run an empty statement, so that PostgreSQL does not end a transaction of which nothing is stored for long.

    Raises OperationalError if it has ended.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT")


#: The application_name of an import in pg_stat_activity, before its id.
NAMED = "rally import "


def entity_lock(tenant: Tenant, entity: str) -> tuple[int, int]:
    """Return the key of the lock for a tenant's entity. If two share a key, their imports only take turns."""
    return tenant.pk % 2**31, zlib.crc32(entity.encode()) >> 1


def holder(cursor: Any, first: int, second: int) -> str:
    """Return the id of the import that holds a lock, or "" if it is unknown."""
    cursor.execute(HOLDER, [first, second])
    found = cursor.fetchone()
    return found[0].removeprefix(NAMED) if found and found[0].startswith(NAMED) else ""


HOLDER = """
SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND classid = %s::bigint::oid AND objid = %s::bigint::oid AND objsubid = 2
AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
