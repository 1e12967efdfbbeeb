"""Gives each request an id, which is in the response and all its log lines, and logs the request."""

import logging
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import loader

from crm.access import access_known
from importexport.api.authentication import Caller
from importexport.api.causes import SOON
from importexport.http.downloads import NO_TURN, TooManyDownloads
from rally import health
from rally.logs import request_id

logger = logging.getLogger("rally.request")
#: The key in META that says whether a request exceeds its tenant's share of the threads.
OVER_SHARE = "rally.is_over_share"
AT_ONCE = {"Retry-After": "1", "Cache-Control": "no-store"}
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class RequestMiddleware:
    """The outermost middleware. Also responds to health checks, which may have any Host header."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle a request. It is logged once the response has been sent completely."""
        start = time.perf_counter()
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        identifier = given if _ID.fullmatch(given) else secrets.token_hex(8)
        request_id.set(identifier)
        probe = health.PROBES.get(request.path)
        response = probe(request) if probe else self._in_turn(request)
        response.headers["X-Request-Id"] = identifier
        if request.method == "HEAD" and not response.streaming:
            response.content = b""  # The headers, including Content-Length, are those of a GET.
        level = logging.DEBUG if probe else logging.INFO
        if logger.isEnabledFor(level):
            line = RequestLine(request, response, identifier=identifier, start=start, level=level)
            call_when_closed(response, line.write)
        return response

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        """Reject a page if it exceeds the tenant's share of the threads. The API has its own check."""
        if request.path.startswith("/api/") or not request.META.get(OVER_SHARE):
            return None
        # Rendered without the request, because the user would be loaded from the database.
        return HttpResponse(loader.render_to_string("429.html"), status=429, headers=AT_ONCE)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Reject the download of a page if there are too many. The API has its own response."""
        if not isinstance(exception, TooManyDownloads):
            return None
        headers = {"Retry-After": str(SOON), "Cache-Control": "no-store"}
        return HttpResponse(loader.render_to_string("too_many_downloads.html"), status=503, headers=headers)

    def _in_turn(self, request: HttpRequest) -> HttpResponse:
        """Handle a request, and tell the server its tenant as soon as it is known."""
        turn = request.META.get("rally.turn")
        if turn is None:
            return self.get_response(request)
        name = NO_TURN if request.META.get("rally.is_download") else OVER_SHARE
        request.META[name] = OverShare(request, turn)
        try:
            return self.get_response(request)
        finally:
            # Evaluate it in case no one has, and drop the reference to the request.
            request.META[name] = bool(request.META[name])


def call_when_closed(response: HttpResponse, then: Callable[[], None]) -> None:
    """Call a function once a response is closed, which the server does after sending it or failing to."""
    close = response.close

    def close_and_call() -> None:
        try:
            close()
        finally:
            then()

    response.close = close_and_call  # type: ignore[method-assign]


class OverShare:
    """Whether a request exceeds its tenant's share of the server's threads (see rally.server.shares).

    Evaluate it once the tenant of the request is known: the server may not know the tenant of a new key or session.
    """

    def __init__(self, request: HttpRequest, turn: Any) -> None:
        self.request = request
        self.turn = turn

    def __bool__(self) -> bool:
        tenant = tenant_of(self.request)
        if tenant is not None and not self.turn.belongs_to(tenant):
            return True
        return self.turn.is_over


def caller_of(request: HttpRequest) -> Caller | None:
    """Return the caller of an API request if it is known, which DRF stores as ``auth``."""
    return getattr(request, "auth", None)


def tenant_of(request: HttpRequest) -> str | None:
    """Return the slug of a request's tenant if it is known and there is one."""
    if caller := caller_of(request):
        return caller.slug
    access = access_known(request)
    return access.tenant.slug if access and access.tenant else None


class RequestLine:
    """The log line of a request, written when the response is closed."""

    def __init__(
        self, request: HttpRequest, response: HttpResponse, *, identifier: str, start: float, level: int
    ) -> None:
        self.request = request
        self.response = response
        self.identifier = identifier
        self.start = start
        self.level = level

    def write(self) -> None:
        """Write the line. If the request has a caller, it is known by now."""
        logger.log(self.level, "request", extra={"request_id": self.identifier, "fields": self._fields()})

    def _fields(self) -> dict[str, Any]:
        fields = {
            "method": self.request.method,
            "path": self.request.path,
            "status": self.response.status_code,
            "duration_ms": round((time.perf_counter() - self.start) * 1000, 1),
        }
        if caller := caller_of(self.request):
            fields |= {"tenant": caller.slug, "key": caller.key_name}
        return fields
