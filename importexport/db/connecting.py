"""Connections besides the one of the thread.

They go to PostgreSQL itself where DATABASE_URL is a connection pool's and RALLY_DIRECT_DATABASE_URL is set. A request
that has a place in the pool, for its transaction, must not wait for another one: with as many such requests as the pool
has places, all of them would wait for each other.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connection, connections


def second_connection(*, name: str = "") -> Any:
    """Return another connection to the database, past any pool, for what must outlive the transaction of the first.
    The caller closes it. ``name`` is what PostgreSQL shows of it, so that others find it."""
    own = connection.copy()
    own.settings_dict |= direct_settings()
    if name:
        own.settings_dict["OPTIONS"] = {**own.settings_dict["OPTIONS"], "application_name": name}
    return own


def direct_settings() -> dict[str, Any]:
    """Return the database settings that differ for PostgreSQL itself: none without RALLY_DIRECT_DATABASE_URL."""
    return connection.settings_dict.get("DIRECT") or {}


def libpq_parameters() -> dict[str, Any]:
    """Return the parameters of a second connection, for what connects without Django."""
    parameters = second_connection().get_connection_params()
    return {name: value for name, value in parameters.items() if name not in {"cursor_factory", "context"}}


@contextmanager
def directly() -> Iterator[None]:
    """Have the thread's connection go past the pool in this context."""
    usual = connections[DEFAULT_DB_ALIAS]
    if not direct_settings():
        yield
        return
    with closing(second_connection()) as own:
        connections[DEFAULT_DB_ALIAS] = own
        try:
            yield
        finally:
            connections[DEFAULT_DB_ALIAS] = usual


def is_pooled(over: Any) -> bool:
    """Whether a connection is a pool's, whose sessions other clients use in between.

    PostgreSQL says at the beginning of a connection which process serves it. A pool says something else, because that
    changes from one transaction to the next.
    """
    over.ensure_connection()
    with over.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return pid != over.connection.info.backend_pid


def check_direct_settings() -> None:
    """Raise ImproperlyConfigured if RALLY_DIRECT_DATABASE_URL is another database than DATABASE_URL."""
    if direct_settings():
        with closing(second_connection()) as own:
            if identity(own) != identity(connection):
                raise ImproperlyConfigured("RALLY_DIRECT_DATABASE_URL is another database than DATABASE_URL.")


def identity(over: Any) -> tuple[int, str]:
    """Return what a database is known by: the id of its cluster, and its name."""
    with over.cursor() as cursor:
        cursor.execute("SELECT system_identifier, current_database() FROM pg_control_system()")
        return cursor.fetchone()
