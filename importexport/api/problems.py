"""Problem details (RFC 9457) for every error of a request, whatever raised it."""

import json
import logging
import sys
from http import HTTPStatus
from typing import Any

from django import http
from django.core.exceptions import TooManyFieldsSent
from django.template import loader
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from importexport import errors
from importexport.api.causes import SOON, Cause, cause_of
from importexport.db import UNAVAILABLE, Busy
from importexport.history import plan_check
from importexport.history.plan_check import PlanChanged
from importexport.history.recorder import Stopped
from importexport.http.downloads import TooManyDownloads
from importexport.models import ImportRun
from importexport.runs.queue import TooManyWaiting

logger = logging.getLogger("rally.api")
CONTENT_TYPE = "application/problem+json"
#: As in RFC 9110; older versions of Python have another phrase.
TITLES = {413: "Content Too Large"}
NO_SUCH_IMPORT = "There is no such import."
AWAY = "The database cannot be reached. Try again later."


class Problem(exceptions.APIException):
    """An error response: its cause, one sentence, and headers beside those of the cause."""

    def __init__(self, cause: Cause, detail: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.cause = cause
        self.status_code = cause.status
        self.headers = headers or {}


def problem_body(status: int, detail: str, *, anchor: str) -> dict[str, Any]:
    """Return problem details; their ``type`` is the section of the docs that explains them."""
    return {"type": f"/api/docs/problems#{anchor}", "title": title_of(status), "status": status, "detail": detail}


def title_of(status: int) -> str:
    """Return the phrase of a status."""
    return TITLES.get(status) or HTTPStatus(status).phrase


def json_response(body: dict[str, Any], headers: dict[str, str]) -> http.HttpResponse:
    """Return a response with problem details."""
    headers = {"Cache-Control": "no-store", **headers}
    return http.HttpResponse(json.dumps(body), status=body["status"], content_type=CONTENT_TYPE, headers=headers)


def problem_response(cause: Cause, detail: str, headers: dict[str, str] | None = None) -> http.HttpResponse:
    """Return the response for a cause. It has a Retry-After if waiting helps."""
    waiting = {"Retry-After": str(cause.retry_after)} if cause.retry_after else {}
    return json_response(problem_body(cause.status, detail, anchor=cause.slug), waiting | (headers or {}))


#: Exceptions that say what to tell the client.
TELLING: dict[type[Exception], Cause] = {
    Busy: Cause.BUSY,
    Stopped: Cause.CANCELLED,
    TooManyWaiting: Cause.TOO_MANY_WAITING,
}
#: The cause and sentence of errors that have none themselves.
SENTENCES: dict[type[Exception], tuple[Cause, str]] = {
    TooManyFieldsSent: (Cause.MALFORMED_REQUEST, "The query has too many parameters."),
    TooManyDownloads: (Cause.TOO_MANY_DOWNLOADS, errors.TOO_MANY_DOWNLOADS),
    # Somebody has discarded it meanwhile.
    ImportRun.DoesNotExist: (Cause.NO_SUCH_IMPORT, NO_SUCH_IMPORT),
}


def handle_exception(error: Exception, context: dict[str, Any]) -> http.HttpResponse | Response:
    """Turn an error of a view into problem details; DRF's exception handler. A bug reveals nothing about itself."""
    match error:
        case errors.FileError():
            return problem_response(cause_of(error.code) or Cause.FAILED_FILE, str(error))
        case PlanChanged():
            return problem_response(Cause.PLAN_NO_LONGER_HOLDS, plan_check.sentence(error))
        case Problem():
            return problem_response(error.cause, str(error.detail), error.headers)
        case exceptions.APIException():
            return drf_response(error)
        case _ if type(error) in SENTENCES:
            return problem_response(*SENTENCES[type(error)])
        case errors.StorageUnavailable():
            log(error, "Storage of uploads unavailable", context)
            return problem_response(Cause.STORAGE_UNAVAILABLE, str(error))
        case _ if type(error) in TELLING:
            return problem_response(TELLING[type(error)], str(error))
        case _ if isinstance(error, UNAVAILABLE):
            log(error, "Database unavailable", context)
            return problem_response(Cause.DATABASE_UNAVAILABLE, AWAY)
    log(error, "Bug", context)
    return problem_response(Cause.INTERNAL_ERROR, errors.BUG)


def drf_response(error: exceptions.APIException) -> http.HttpResponse:
    """Return the response for an exception of DRF's, with the headers that DRF's own handler gives it.

    Its cause is the one that its code names. Without such a cause, its status is explained.
    """
    given = {"WWW-Authenticate": getattr(error, "auth_header", None), "Retry-After": getattr(error, "wait", None)}
    headers = {name: str(value) for name, value in given.items() if value}
    cause = cause_of(str(error.get_codes()))
    if cause and cause.status == error.status_code:
        return problem_response(cause, str(error.detail), headers)
    body = problem_body(error.status_code, str(error.detail), anchor=str(error.status_code))
    return json_response(body, headers)


def log(error: Exception, what: str, context: dict[str, Any]) -> None:
    """Log an error with the request that it belongs to."""
    request = context["request"]
    fields = {"method": request.method, "path": request.path}
    if caller := getattr(context["view"], "caller", None):
        fields["tenant"] = caller.slug
    logger.error("%s while handling a request", what, exc_info=error, extra={"fields": fields})


def is_api(request: http.HttpRequest) -> bool:
    """Whether a request is for the API."""
    return request.path.startswith("/api/")


def bad_request(request: http.HttpRequest, exception: Exception) -> http.HttpResponse:
    """Django's handler400, for example for a Host that is not served."""
    if is_api(request):
        return problem_response(Cause.MALFORMED_REQUEST, "The request is malformed, or its Host is not served here.")
    return defaults.bad_request(request, exception)


def forbidden(request: http.HttpRequest, exception: Exception) -> http.HttpResponse:
    """Django's handler403."""
    if is_api(request):
        return problem_response(Cause.FORBIDDEN, "This is not allowed.")
    return defaults.permission_denied(request, exception)


def not_found(request: http.HttpRequest, exception: Exception) -> http.HttpResponse:
    """Django's handler404."""
    if is_api(request):
        return problem_response(Cause.NO_SUCH_PATH, "There is nothing at this path.")
    return defaults.page_not_found(request, exception)


def unavailable(request: http.HttpRequest) -> http.HttpResponse:
    """Return the response while the database is unavailable."""
    if is_api(request):
        return problem_response(Cause.DATABASE_UNAVAILABLE, AWAY)
    # Rendered without the request: its user would have to be loaded from the database.
    return http.HttpResponse(loader.render_to_string("503.html"), status=503, headers={"Retry-After": str(SOON)})


def server_error(request: http.HttpRequest) -> http.HttpResponse:
    """Django's handler500, for a bug or an unavailable database."""
    if isinstance(sys.exception(), UNAVAILABLE):
        return unavailable(request)
    if is_api(request):
        return problem_response(Cause.INTERNAL_ERROR, "Something went wrong on our side.")
    return defaults.server_error(request)
