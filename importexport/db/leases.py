"""Leases: who works on something at this moment, as rows of a table that their holders renew.

A session lock ends with its session. Behind a connection pool in transaction mode the session is another client's next,
and a server that is cut off from a network notices it only after minutes. A lease ends RALLY_LEASE seconds after its
holder was last heard of: when its process was killed, is frozen, or cannot reach the database.
"""

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from math import inf
from typing import Any

from django.conf import settings
from django.db import Error, OperationalError, connection
from psycopg import sql

from importexport import errors
from importexport.db.asking import UNAVAILABLE
from importexport.db.connecting import second_connection

logger = logging.getLogger("rally.jobs")
#: How often a lease is renewed in the time after which it would end.
TIMES = 5
#: Seconds between two attempts to take a lease that somebody else holds.
MOMENT = 0.02
TABLE = "importexport_lease"


class LeaseLost(OperationalError):
    """Somebody else may have taken over what this process works on. The text is for the user."""


class Lease:
    """A lease on something of a tenant, by its name. Not held before ``take``."""

    def __init__(self, tenant_id: int, name: str) -> None:
        self.tenant_id, self.name = tenant_id, name
        self.holder = uuid.uuid4()
        #: Whether it had not been given back by the one who held it before.
        self.was_left = False
        #: Until when it holds for certain (time.monotonic).
        self._until = 0.0

    def take(self, *, over: Any = connection) -> bool:
        """Take the lease unless somebody else holds it; return whether it is ours.

        Within a transaction, it is not renewed: nobody else could see it.
        """
        start = time.monotonic()
        try:
            with over.cursor() as cursor:
                cursor.execute(TAKE, [self.tenant_id, self.name, self.holder, settings.RALLY_LEASE])
                found = cursor.fetchone()
        except Error:
            # It may have been taken all the same. Whoever tries again should not have to wait until it ends.
            if not over.in_atomic_block:
                self.give_back(over=over)
            raise
        if found is None:
            return False
        (self.was_left,) = found
        self._until = start + settings.RALLY_LEASE
        if not over.in_atomic_block:
            RENEWER.add(self)
        return True

    def renewed(self, start: float) -> None:
        """Note that the lease was renewed by a statement that was sent at ``start``."""
        self._until = start + settings.RALLY_LEASE

    def lose(self) -> None:
        """Note that somebody else holds the lease."""
        self._until = 0.0

    def check(self) -> None:
        """Raise LeaseLost if somebody else may hold the lease."""
        if time.monotonic() > self._until:
            raise LeaseLost(errors.TAKEN_OVER)

    def give_back(self, *, over: Any = connection) -> None:
        """Let others take the lease at once. If the database is unavailable, they can when it ends."""
        RENEWER.remove(self)
        if over.in_atomic_block:
            self._delete(over)
            return
        try:
            self._delete(over)
        except Error:
            over.close()
            with contextlib.suppress(Error):
                self._delete(over)

    def _delete(self, over: Any) -> None:
        with over.cursor() as cursor:
            cursor.execute(GIVE_BACK, [self.tenant_id, self.name, self.holder])


@contextlib.contextmanager
def leased(
    tenant_id: int, name: str, *, wait: float | None = 0.0, try_again: Callable[[], bool] = lambda: False
) -> Iterator[Lease | None]:
    """Hold a lease in this context; the value is None if somebody else still holds it after ``wait`` seconds.

    A ``wait`` of None has no end. ``try_again`` is called after that, and returns whether to go on.
    """
    lease, end = Lease(tenant_id, name), time.monotonic() + (inf if wait is None else wait)
    while not (is_held := lease.take()) and (time.monotonic() < end or try_again()):
        time.sleep(MOMENT)
    try:
        yield lease if is_held else None
    finally:
        if is_held:
            lease.give_back()


TAKE = sql.SQL(
    "INSERT INTO {table} AS lease (tenant_id, name, holder, seen_at)"
    " VALUES (%s, %s, %s, clock_timestamp())"
    " ON CONFLICT (tenant_id, name) DO UPDATE SET holder = excluded.holder, seen_at = excluded.seen_at"
    " WHERE lease.seen_at < clock_timestamp() - make_interval(secs => %s)"
    # An inserted row has no xmax: an updated one was somebody's.
    " RETURNING xmax <> 0"
).format(table=sql.Identifier(TABLE))
GIVE_BACK = sql.SQL("DELETE FROM {} WHERE tenant_id = %s AND name = %s AND holder = %s").format(sql.Identifier(TABLE))
RENEW = sql.SQL(
    "UPDATE {} AS lease SET seen_at = clock_timestamp()"
    " FROM unnest(%s::bigint[], %s::text[], %s::uuid[]) AS mine (tenant_id, name, holder)"
    " WHERE lease.tenant_id = mine.tenant_id AND lease.name = mine.name AND lease.holder = mine.holder"
    " RETURNING lease.holder"
).format(sql.Identifier(TABLE))


class Renewer:
    """The thread that renews this process's leases, for as long as there are any."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: set[Lease] = set()
        self._thread: threading.Thread | None = None

    def add(self, lease: Lease) -> None:
        """Renew a lease from now on."""
        with self._guard:
            self._held.add(lease)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="lease renewer", daemon=True)
                self._thread.start()

    def remove(self, lease: Lease) -> None:
        """No longer renew a lease."""
        with self._guard:
            self._held.discard(lease)

    def _run(self) -> None:
        own = second_connection()
        with contextlib.closing(own):
            while True:
                time.sleep(settings.RALLY_LEASE / TIMES)
                with self._guard:
                    leases = list(self._held)
                    if not leases:
                        self._thread = None
                        return
                self._try_to_renew(leases, own)

    def _try_to_renew(self, leases: list[Lease], own: Any) -> None:
        try:
            renew(leases, own)
        except UNAVAILABLE as error:
            logger.warning("Database unavailable while renewing leases: %s", error)
            own.close()
        except Exception:
            logger.exception("Bug while renewing leases")
            own.close()


def renew(leases: list[Lease], own: Any) -> None:
    """Renew leases over a connection; those that others have taken are lost."""
    start = time.monotonic()
    columns = [[lease.tenant_id for lease in leases], [lease.name for lease in leases]]
    with own.cursor() as cursor:
        cursor.execute(RENEW, [*columns, [lease.holder for lease in leases]])
        renewed = {holder for (holder,) in cursor}
    for lease in leases:
        if lease.holder in renewed:
            lease.renewed(start)
        else:
            lease.lose()


RENEWER = Renewer()
