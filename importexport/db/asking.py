"""A query in a single round trip."""

import psycopg
from django.db import InterfaceError, OperationalError, connection
from psycopg.pq import ExecStatus

from importexport.errors import StorageUnavailable

#: Errors that are not about the statement: the database, or the storage of files, cannot be reached, or cannot serve
#: anybody at the moment.
UNAVAILABLE = (OperationalError, InterfaceError, StorageUnavailable)


def ask(query: bytes, parameter: str) -> list[str | None]:
    """Return the only row of a query, as texts. For the first query of a request.

    Calls libpq directly: with the cursors of Django and psycopg, this query would take a third of the time of a small
    request. If the connection was lost since its last use, retries once over a new one. Raises OperationalError if the
    database cannot be reached.
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
    # The connection works, so Django does not need to check it before its own first query of the request.
    connection.health_check_done = True  # type: ignore[attr-defined]
    values = (result.get_value(0, column) for column in range(result.nfields))
    return [None if value is None else value.decode() for value in values]


def _is_stale(error: Exception) -> bool:
    """Whether the connection is lost, or its server has become a standby."""
    return isinstance(error.__cause__, psycopg.errors.ReadOnlySqlTransaction) or not connection.is_usable()
