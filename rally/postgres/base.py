"""The database backend for Django, which starts the embedded PostgreSQL and recognises lost connections."""

import contextlib
import time
from pathlib import Path
from typing import Any

import psycopg
from django.db import Error, OperationalError
from django.db.backends.postgresql import base, features
from django.db.backends.utils import CursorWrapper
from django.db.utils import DatabaseErrorWrapper
from django.utils.functional import cached_property
from psycopg.pq import ConnStatus

from rally.postgres.embedded import EmbeddedServerError, ensure_running, is_kept

#: Errors with which PostgreSQL ends a session or rejects all writes. psycopg treats them as internal errors; they are
#: handled like any other lost connection.
LOST = (
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,
)


class ErrorWrapper(DatabaseErrorWrapper):
    """Translates psycopg's errors to Django's, using OperationalError if the connection is lost."""

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, LOST) or (isinstance(error, psycopg.Error) and self._is_lost(error)):
            self.wrapper.errors_occurred = True  # type: ignore[attr-defined]
            # Close the connection after the request even if it still works: the server may have become a standby.
            self.wrapper.close_at = time.monotonic()  # type: ignore[attr-defined]
            raise OperationalError(*error.args).with_traceback(traceback) from error
        super().__exit__(kind, error, traceback)

    def _is_lost(self, error: psycopg.Error) -> bool:
        """Whether an error means that the connection is lost.

        An error without an SQLSTATE comes from libpq rather than the server. libpq may not have closed the connection
        yet.
        """
        connection = self.wrapper.connection  # type: ignore[attr-defined]
        is_broken = connection is not None and connection.pgconn.status != ConnStatus.OK
        return is_broken or (type(error) is psycopg.DatabaseError and error.sqlstate is None)


class Cursor(CursorWrapper):
    """A cursor that also translates errors when it is closed: a server-side cursor then uses the connection."""

    def close(self) -> None:
        """Close the cursor, translating errors as for all other calls."""
        with self.db.wrap_database_errors:
            self.cursor.close()

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Error):
            self.close()


class DatabaseFeatures(features.DatabaseFeatures):
    """Requires PostgreSQL 15 for NULLS NOT DISTINCT, which the unique constraint of activities uses."""

    minimum_database_version = (15,)


class DatabaseWrapper(base.DatabaseWrapper):
    """A database connection. Starts the embedded server if it is not running."""

    features_class = DatabaseFeatures

    @cached_property
    def wrap_database_errors(self) -> ErrorWrapper:
        """The context manager around all calls to psycopg."""
        return ErrorWrapper(self)

    def make_cursor(self, cursor: Any) -> Cursor:
        """Wrap a psycopg cursor."""
        return Cursor(cursor, self)

    def chunked_cursor(self) -> Any:
        """Return a cursor whose rows come in pieces if it is within a transaction, and otherwise at once.

        Without one, Django's would be the session's (WITH HOLD), which is somebody else's by the next statement behind
        a connection pool. So who reads many rows does it in a transaction.
        """
        return super().chunked_cursor() if self.in_atomic_block else self.cursor()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, after starting the embedded server if it is used; raise psycopg's OperationalError if that fails."""
        if home := self.settings_dict.get("EMBEDDED_IN"):
            if is_kept(Path(home)):
                # Without asking first whether it runs, which would take a connection, too.
                with contextlib.suppress(psycopg.OperationalError):
                    return super().get_new_connection(conn_params)
            try:
                ensure_running(Path(home))
            except EmbeddedServerError as error:
                raise psycopg.OperationalError(str(error)) from error
        return super().get_new_connection(conn_params)
