"""The backend that settings.DATABASES names."""

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

from rally.postgres.embedded import EmbeddedServerError, ensure_running

#: Errors by which PostgreSQL ends a session or refuses to write, whatever is asked of it. psycopg takes them for
#: internal ones; for us they are what every other lost connection is.
LOST = (
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,
)


class ErrorWrapper(DatabaseErrorWrapper):
    """Raises Django's errors for psycopg's: OperationalError wherever the database is at fault, and not the query."""

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        """Raise Django's error for one of psycopg's."""
        if isinstance(error, LOST) or (isinstance(error, psycopg.Error) and self._is_lost(error)):
            self.wrapper.errors_occurred = True  # type: ignore[attr-defined]
            # Replaced when the request ends, though it may still answer: a primary that is a standby now does.
            self.wrapper.close_at = time.monotonic()  # type: ignore[attr-defined]
            raise OperationalError(*error.args).with_traceback(traceback) from error
        super().__exit__(kind, error, traceback)

    def _is_lost(self, error: psycopg.Error) -> bool:
        """Whether the connection is lost, whatever psycopg calls the error by which that is noticed.

        Where the server said nothing at all, so that there is no SQLSTATE, libpq has noticed it, and may not have
        given the connection up yet.
        """
        connection = self.wrapper.connection  # type: ignore[attr-defined]
        is_broken = connection is not None and connection.pgconn.status != ConnStatus.OK
        return is_broken or (type(error) is psycopg.DatabaseError and error.sqlstate is None)


class Cursor(CursorWrapper):
    """A cursor that is closed under the wrapper, too: one on the server is told so, maybe over a lost connection."""

    def close(self) -> None:
        """Close it; raise Django's errors, as Django's own does of all other calls."""
        with self.db.wrap_database_errors:
            self.cursor.close()

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Error):
            self.close()


class DatabaseFeatures(features.DatabaseFeatures):
    """NULLS NOT DISTINCT, which keeps activities unique, came with PostgreSQL 15."""

    minimum_database_version = (15,)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection; the first one of a process starts the embedded server, later ones find it running."""

    features_class = DatabaseFeatures

    @cached_property
    def wrap_database_errors(self) -> ErrorWrapper:
        """What every call of psycopg runs in."""
        return ErrorWrapper(self)

    def make_cursor(self, cursor: Any) -> Cursor:
        """Return one of psycopg's cursors as one of ours."""
        return Cursor(cursor, self)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, to a server that surely runs where it is ours to run; raise psycopg's OperationalError else."""
        if home := self.settings_dict.get("EMBEDDED_IN"):
            try:
                ensure_running(Path(home))
            except EmbeddedServerError as error:
                raise psycopg.OperationalError(str(error)) from error
        return super().get_new_connection(conn_params)
