"""How long an import waits for others."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import psycopg
from django.db import OperationalError

from importexport import errors


@dataclass(frozen=True)
class Patience:
    """How long a transaction may wait, in seconds; None means without limit."""

    #: For a lock that somebody else holds.
    wait: float | None = None
    #: Between two statements. Afterwards PostgreSQL ends the transaction, so that a frozen process loses its locks.
    idle: float | None = None


NO_LIMITS = Patience()
_patience: ContextVar[Patience] = ContextVar("patience", default=NO_LIMITS)


class Busy(OperationalError):
    """Somebody else holds a lock for longer than an import may wait. The text is for the user."""


@contextmanager
def patience(*, wait: float | None = None, idle: float | None = None) -> Iterator[None]:
    """Limit how long imports in this context may wait (see Patience); raise Busy if a lock takes longer."""
    before = _patience.set(Patience(wait, idle))
    try:
        yield
    except OperationalError as error:
        if is_lock_timeout(error):
            raise Busy(errors.RECORDS_BUSY) from error
        raise
    finally:
        _patience.reset(before)


def current_patience() -> Patience:
    """Return the limits of the current context."""
    return _patience.get()


def is_lock_timeout(error: OperationalError) -> bool:
    """Whether a lock was not acquired within PostgreSQL's ``lock_timeout``."""
    return isinstance(error.__cause__, psycopg.errors.LockNotAvailable)


def milliseconds(seconds: float | None) -> str:
    """Return a timeout as PostgreSQL's settings take it; 0 means without limit."""
    return str(round((seconds or 0) * 1000))
