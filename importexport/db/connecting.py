"""Connections besides the one of the thread."""

from typing import Any

from django.db import connection


def second_connection() -> Any:
    """Return another connection to the database, for what must outlive the transaction of the first. The caller closes
    it."""
    return connection.copy()
