"""Which database the environment names: DATABASE_URL's, or the embedded one."""

from pathlib import Path
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured

from rally.postgres.embedded import NAME, USER, socket_directory

#: How a connection over a network is given up whose other end has gone without a word (libpq's parameters; in seconds,
#: the last one in milliseconds). What DATABASE_URL says of them counts.
NETWORK = {
    "connect_timeout": "5",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


def from_environment(*, url: str | None, home: Path) -> dict[str, Any]:
    """Return Django's settings of the database: that of a ``postgresql://`` URL, or the embedded one's."""
    common = {"ENGINE": "rally.postgres", "CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
    if not url:
        return common | {"NAME": NAME, "USER": USER, "HOST": str(socket_directory(home)), "EMBEDDED_IN": str(home)}
    try:
        options = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ImproperlyConfigured(
            "DATABASE_URL is not a PostgreSQL URL: postgresql://user:password@host/name"
        ) from None
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    known = {name: str(options.pop(key, None) or "") for name, key in names.items()}
    if not known["NAME"]:
        raise ImproperlyConfigured("DATABASE_URL names no database: postgresql://user:password@host/name")
    return common | known | {"OPTIONS": NETWORK | options}
