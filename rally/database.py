"""Database settings: from DATABASE_URL and RALLY_DIRECT_DATABASE_URL, or for the embedded server."""

from pathlib import Path
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured

from rally.postgres.embedded import NAME, USER, socket_directory

#: Connection parameters of libpq for detecting a server that has disappeared (in seconds, the last one in
#: milliseconds). DATABASE_URL can override them.
NETWORK = {
    "connect_timeout": "5",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


def from_environment(*, url: str | None, home: Path, direct: str | None = None) -> dict[str, Any]:
    """Return Django's database settings for a ``postgresql://`` URL, or for the embedded server.

    ``direct`` is the URL of PostgreSQL itself, where the other is a connection pool's; what differs with it is the
    entry ``DIRECT`` (see importexport.db.connecting). Raises ImproperlyConfigured for other values.
    """
    common = {"ENGINE": "rally.postgres", "CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
    if url:
        passed = {"DIRECT": from_url("RALLY_DIRECT_DATABASE_URL", direct)} if direct else {}
        return common | from_url("DATABASE_URL", url) | passed
    if direct:
        raise ImproperlyConfigured("RALLY_DIRECT_DATABASE_URL is set without DATABASE_URL, which it goes with.")
    embedded = {"NAME": NAME, "USER": USER, "HOST": str(socket_directory(home)), "EMBEDDED_IN": str(home)}
    return common | embedded | {"OPTIONS": {"connect_timeout": NETWORK["connect_timeout"]}}


def from_url(variable: str, url: str) -> dict[str, Any]:
    """Return Django's settings for the URL in an environment variable."""
    try:
        options = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ImproperlyConfigured(
            f"{variable} is not a PostgreSQL URL: postgresql://user:password@host/name"
        ) from None
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    known = {name: str(options.pop(key, None) or "") for name, key in names.items()}
    if not known["NAME"]:
        raise ImproperlyConfigured(f"{variable} names no database: postgresql://user:password@host/name")
    return known | {"OPTIONS": NETWORK | options}
