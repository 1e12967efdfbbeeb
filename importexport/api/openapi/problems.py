"""The error statuses of the API, with examples of their details."""

from importexport import errors
from importexport.api import authentication, permissions
from importexport.api.idempotency import AT_WORK
from importexport.api.openapi import texts
from importexport.api.openapi.operation import RATE_HEADERS, Json
from importexport.api.problems import AWAY, problem_body
from importexport.api.throttling import OVER_SHARE
from importexport.history import plan_check
from importexport.history.plan_check import PlanChanged
from importexport.models import ImportRun
from importexport.runs import lifecycle

#: Status → its meaning, and examples of its detail.
PROBLEMS: dict[int, tuple[str, list[str]]] = {
    401: (
        "No key, or one that is malformed, unknown, expired or revoked",
        [authentication.MISSING, authentication.INVALID],
    ),
    429: (
        "The tenant has exceeded its requests per minute, or has too many requests in progress",
        ["More than 1000 requests in a minute. Try again in 17 seconds.", OVER_SHARE],
    ),
    403: (
        "The host names another tenant than the key's, or the key lacks the scope",
        [
            permissions.IsHostOfTenant.message,
            "The API key has the scope 'read'; this needs 'write'.",
        ],
    ),
    404: (
        "An unknown path, entity, import or record",
        ["There is nothing at this path.", "There is no such import.", "There is no such record."],
    ),
    405: (
        "A method that is not allowed; the Allow header lists the allowed ones",
        ["The method PUT is not allowed here."],
    ),
    406: (
        "The Accept header excludes the media type of the response",
        ["This endpoint gives text/csv, which the Accept header excludes."],
    ),
    408: (
        "The upload stalled or took too long",
        ["The body stood still for 30 seconds.", "The body took longer than 300 seconds."],
    ),
    409: (
        "The plan is out of date, or was applied already or is being applied; or the Idempotency-Key is in use",
        [
            lifecycle.WHY_NOT[ImportRun.Status.DONE],
            plan_check.sentence(PlanChanged(["Row 4 was to leave record 17 as it is; now: create a record"], 1)),
            AT_WORK,
        ],
    ),
    422: (
        "The Idempotency-Key was used with a different request",
        ["This Idempotency-Key has come with another request within the last 24 hours."],
    ),
    415: ("The body is not multipart/form-data, or the file is not CSV", [str(errors.NotCsv("an image"))]),
    413: ("The file exceeds the size limit", [str(errors.TooLarge(10 * 1024 * 1024))]),
    400: (
        "A query parameter is invalid, the body is malformed, or the file cannot be imported at all",
        texts.FILE_ERRORS,
    ),
    503: (
        "The database cannot be reached, or another import of the tenant has blocked this one for 30 seconds",
        [AWAY, errors.busy("contacts", "8c1c7a10-6f96-4ff8-8b86-d011b42d00c0"), errors.RECORDS_BUSY],
    ),
    500: ("A bug in the server; nothing was stored", [errors.BUG]),
}


def problem_answer(status: int) -> Json:
    """Describe the response with an error status."""
    meaning, details = PROBLEMS[status]
    headers: Json = {} if status == 401 else {name: {"$ref": f"#/components/headers/{name}"} for name in RATE_HEADERS}
    own = {401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"}.get(status)
    if own:
        headers[own] = {"schema": {"type": "string"}}
    shown = {
        f"problem{i}": {"summary": text[:60], "value": problem_body(status, text)} for i, text in enumerate(details, 1)
    }
    body = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": shown}
    return {"description": meaning, "headers": headers, "content": {"application/problem+json": body}}
