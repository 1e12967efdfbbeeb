"""What every request gets: an id, in its answer and in its log lines, and one log line of its own."""

import logging
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from rally import health
from rally.logs import request_id

logger = logging.getLogger("rally.request")
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class RequestMiddleware:
    """The outermost middleware. Answers the health probes itself, since a probe's Host may be anything."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request, with its id; its log line follows when the last byte has gone."""
        start = time.perf_counter()
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        identifier = given if _ID.fullmatch(given) else secrets.token_hex(8)
        request_id.set(identifier)
        probe = health.PROBES.get(request.path)
        response = probe(request) if probe else self.get_response(request)
        response.headers["X-Request-Id"] = identifier
        if request.method == "HEAD" and not response.streaming:
            response.content = b""  # Its headers, Content-Length among them, are those of a GET.
        level = logging.DEBUG if probe else logging.INFO
        if logger.isEnabledFor(level):
            line = RequestLine(request, response, identifier=identifier, start=start, level=level)
            response._resource_closers.append(line.write)  # type: ignore[attr-defined]
        return response


class RequestLine:
    """The log line of a request, written when its answer is closed."""

    def __init__(
        self, request: HttpRequest, response: HttpResponse, *, identifier: str, start: float, level: int
    ) -> None:
        self.request = request
        self.response = response
        self.identifier = identifier
        self.start = start
        self.level = level

    def write(self) -> None:
        """Write the line; who asked is known by now, if anybody is."""
        logger.log(self.level, "request", extra={"request_id": self.identifier, "fields": self._fields()})

    def _fields(self) -> dict[str, Any]:
        fields = {
            "method": self.request.method,
            "path": self.request.path,
            "status": self.response.status_code,
            "duration_ms": round((time.perf_counter() - self.start) * 1000, 1),
        }
        for name in ("tenant", "key"):
            if value := getattr(self.request, f"rally_{name}", None):
                fields[name] = value
        return fields
