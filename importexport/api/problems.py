"""Problem details (RFC 9457) for every error of a request, whatever raised it."""

import json
import logging
import sys
from http import HTTPStatus
from typing import Any

from django import http
from django.template import loader
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from importexport import errors
from importexport.db import UNAVAILABLE, Busy
from importexport.history import plan_check
from importexport.history.plan_check import PlanChanged

logger = logging.getLogger("rally.api")
CONTENT_TYPE = "application/problem+json"
#: As in RFC 9110; older versions of Python have another phrase.
TITLES = {413: "Content Too Large"}
AWAY = "The database cannot be reached. Try again later."
RETRY_AFTER = {"Retry-After": "5"}


class Problem(exceptions.APIException):
    """An error response: its status, one sentence, and its headers."""

    def __init__(self, status: int, detail: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status_code = status
        self.headers = headers or {}


def problem_body(status: int, detail: str) -> dict[str, Any]:
    """Return problem details; their ``type`` is the section of the docs that explains them."""
    title = TITLES.get(status) or HTTPStatus(status).phrase
    return {"type": f"/api/docs/problems#{status}", "title": title, "status": status, "detail": detail}


class ProblemResponse(http.HttpResponse):
    """A response with problem details."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(
            json.dumps(problem_body(status, detail)), status=status, content_type=CONTENT_TYPE, headers=headers
        )
        self["Cache-Control"] = "no-store"


def problem_response(*, status: int, detail: str) -> ProblemResponse:
    """Return a response with problem details."""
    return ProblemResponse(status, detail)


def handle_exception(error: Exception, context: dict[str, Any]) -> http.HttpResponse | Response:
    """Turn an error of a view into problem details; DRF's exception handler. A bug reveals nothing about itself."""
    match error:
        case errors.NotCsv():
            return ProblemResponse(415, str(error))
        case errors.TooLarge():
            return ProblemResponse(413, str(error))
        case errors.FileError():
            return ProblemResponse(400, str(error))
        case PlanChanged():
            return ProblemResponse(409, plan_check.sentence(error))
        case exceptions.APIException():
            return ProblemResponse(error.status_code, str(error.detail), headers_of(error))
        case Busy():
            return ProblemResponse(503, str(error), RETRY_AFTER)
        case _ if isinstance(error, UNAVAILABLE):
            log(error, "Database unavailable", context)
            return ProblemResponse(503, AWAY, RETRY_AFTER)
    log(error, "Bug", context)
    return ProblemResponse(500, errors.BUG)


def log(error: Exception, what: str, context: dict[str, Any]) -> None:
    """Log an error with the request that it belongs to."""
    request = context["request"]
    fields = {"method": request.method, "path": request.path}
    if caller := getattr(context["view"], "caller", None):
        fields["tenant"] = caller.slug
    logger.error("%s while handling a request", what, exc_info=error, extra={"fields": fields})


def headers_of(error: exceptions.APIException) -> dict[str, str]:
    """Return the headers of an error response."""
    if isinstance(error, Problem):
        return error.headers
    # The same as in DRF's own handler.
    given = {"WWW-Authenticate": getattr(error, "auth_header", None), "Retry-After": getattr(error, "wait", None)}
    return {name: str(value) for name, value in given.items() if value}


def is_api(request: http.HttpRequest) -> bool:
    """Whether a request is for the API."""
    return request.path.startswith("/api/")


def bad_request(request: http.HttpRequest, exception: Exception) -> http.HttpResponse:
    """Django's handler400, for example for a Host that is not served."""
    if is_api(request):
        return ProblemResponse(400, "The request is malformed, or its Host is not served here.")
    return defaults.bad_request(request, exception)


def forbidden(request: http.HttpRequest, exception: Exception) -> http.HttpResponse:
    """Django's handler403."""
    if is_api(request):
        return ProblemResponse(403, "This is not allowed.")
    return defaults.permission_denied(request, exception)


def not_found(request: http.HttpRequest, exception: Exception) -> http.HttpResponse:
    """Django's handler404."""
    if is_api(request):
        return ProblemResponse(404, "There is nothing at this path.")
    return defaults.page_not_found(request, exception)


def unavailable(request: http.HttpRequest) -> http.HttpResponse:
    """Return the response while the database is unavailable."""
    if is_api(request):
        return ProblemResponse(503, AWAY, RETRY_AFTER)
    # Rendered without the request: its user would have to be loaded from the database.
    return http.HttpResponse(loader.render_to_string("503.html"), status=503, headers=RETRY_AFTER)


def server_error(request: http.HttpRequest) -> http.HttpResponse:
    """Django's handler500, for a bug or an unavailable database."""
    if isinstance(sys.exception(), UNAVAILABLE):
        return unavailable(request)
    if is_api(request):
        return ProblemResponse(500, "Something went wrong on our side.")
    return defaults.server_error(request)
