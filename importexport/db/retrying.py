"""Retries when a concurrent edit wins."""

from collections.abc import Callable
from typing import TypeVar

import psycopg
from django.db import DatabaseError, IntegrityError, connection

T = TypeVar("T")
#: The maximum number of attempts, including the first.
TRIES = 3
#: PostgreSQL rolled the transaction back so that another one could continue; running it again is safe.
TIES = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


def retry(attempt: Callable[[], T], *, when: Callable[[DatabaseError], bool]) -> T:
    """Return what ``attempt`` returns; retry after errors for which ``when`` is true (``is_tie``, ``is_clash``).

    Other errors, and that of the last attempt, are raised. A failed attempt must have no effects: it has to be a
    transaction or a savepoint, and to rewind the files that it reads.
    """
    for _ in range(TRIES - 1):
        try:
            return attempt()
        except DatabaseError as error:
            if not when(error):
                raise
    return attempt()


def is_tie(error: DatabaseError) -> bool:
    """Whether PostgreSQL rolled a whole transaction back because of a deadlock or a serialization failure."""
    return isinstance(error.__cause__, TIES) and not connection.in_atomic_block


def is_clash(error: DatabaseError) -> bool:
    """Whether a record conflicts with one that somebody else has just stored or deleted."""
    return isinstance(error, IntegrityError)
