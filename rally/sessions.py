"""Database sessions (settings.SESSION_ENGINE)."""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.db import InterfaceError, OperationalError


class SessionStore(db.SessionStore):
    """Session store that reports a lost database connection as such when saving."""

    def save(self, must_create: bool = False) -> Any:
        """Save the session. Django takes any database error for a deleted session and responds with 400."""
        try:
            return super().save(must_create)
        except UpdateError as error:
            if isinstance(error.__context__, (OperationalError, InterfaceError)):
                raise error.__context__ from None
            raise
