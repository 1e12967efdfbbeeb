"""Health checks: /healthz (the process responds) and /readyz (the database is available and migrated)."""

import functools
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, Error, NotSupportedError, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse

from importexport.api.causes import Cause
from importexport.api.problems import problem_response


def healthz(request: HttpRequest) -> HttpResponse:
    """Respond without using the database."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> HttpResponse:
    """Respond with 200 if requests can be served, or with 503 and the reason."""
    if error := what_is_missing():
        return problem_response(Cause.NOT_READY, error)
    return JsonResponse({"status": "ready"})


def what_is_missing() -> str | None:
    """Return why requests cannot be served, or None."""
    try:
        connection = connections[DEFAULT_DB_ALIAS]
        connection.close_if_unusable_or_obsolete()
        pending = known_migrations() - set(MigrationRecorder(connection).applied_migrations())
        is_read_only = reads_only(connection)
    except NotSupportedError:
        return "The database is older than PostgreSQL 15."
    except (Error, ImproperlyConfigured):
        return "The database cannot be reached."
    if is_read_only:
        # The next check may reach another server at the same address.
        connection.close()
        return "The database takes no changes at the moment."
    return f"{len(pending)} migration(s) not applied." if pending else None


def reads_only(connection: Any) -> bool:
    """Whether the database is read-only, like a standby. Every API request writes, at least its rate limit."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        return cursor.fetchone() == ("on",)


@functools.cache
def known_migrations() -> set[tuple[str, str]]:
    """Return the migrations of all apps. They are cached, because reading them is slow."""
    return set(MigrationLoader(None).disk_migrations)


PROBES: dict[str, Callable[[HttpRequest], HttpResponse]] = {"/healthz": healthz, "/readyz": readyz}
