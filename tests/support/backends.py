"""Backends of PostgreSQL that serve Django's connections, and how to end them."""

from contextlib import closing

from django.db import connections


def backend_of(over):
    with over.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def end_backend(pid):
    """Terminate a backend, and wait until it has ended."""
    with closing(connections.create_connection("default")) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
