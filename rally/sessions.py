"""Sessions in the database, as Django keeps them (settings.SESSION_ENGINE)."""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.db import InterfaceError, OperationalError


class SessionStore(db.SessionStore):
    """A session; where the database is away as it is saved, that is what is said of it."""

    def save(self, must_create: bool = False) -> Any:
        """Save it; Django takes any error for a session deleted meanwhile, and answers the request as a bad one."""
        try:
            return super().save(must_create)
        except UpdateError as error:
            if isinstance(error.__context__, (OperationalError, InterfaceError)):
                raise error.__context__ from None
            raise
