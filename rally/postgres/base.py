"""The backend that settings.DATABASES names."""

from pathlib import Path
from typing import Any

from django.db.backends.postgresql import base, features

from rally.database import ensure_running


class DatabaseFeatures(features.DatabaseFeatures):
    """NULLS NOT DISTINCT, which keeps activities unique, came with PostgreSQL 15."""

    minimum_database_version = (15,)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection; the first one of a process starts the embedded server, later ones find it running."""

    features_class = DatabaseFeatures

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, to a server that surely runs where it is ours to run."""
        if home := self.settings_dict.get("EMBEDDED_IN"):
            ensure_running(Path(home))
        return super().get_new_connection(conn_params)
