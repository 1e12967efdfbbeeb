"""Probes for load balancers: /healthz (the process answers) and /readyz (database and migrations are there)."""

from collections.abc import Callable

from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from importexport.api.problems import problem_response


def healthz(request: HttpRequest) -> HttpResponse:
    """Say that the process answers; no database is asked."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether requests can be served: 200, or 503 with what is missing."""
    if fault := what_is_missing():
        return problem_response(status=503, detail=fault)
    return JsonResponse({"status": "ready"})


def what_is_missing() -> str | None:
    """Return why requests cannot be served, or None."""
    try:
        connection = connections[DEFAULT_DB_ALIAS]
        connection.close_if_unusable_or_obsolete()
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error:
        return "The database cannot be reached."
    return f"{len(pending)} migrations are not applied." if pending else None


PROBES: dict[str, Callable[[HttpRequest], HttpResponse]] = {"/healthz": healthz, "/readyz": readyz}
