"""The problems that the API answers with, described."""

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

#: Status → what it means here, and an example of its detail. The order is that in which a request is judged.
PROBLEMS: dict[int, tuple[str, list[str]]] = {
    401: (
        "No key, or one that is malformed, unknown, expired or revoked",
        [authentication.MISSING, authentication.INVALID],
    ),
    429: (
        "The tenant has made more requests than a minute allows, or has too many under way at once",
        ["More than 1000 requests in a minute. Try again in 17 seconds.", OVER_SHARE],
    ),
    403: (
        "The key belongs to another tenant than the host names, or lacks the scope",
        [
            permissions.IsHostOfTenant.message,
            "The API key has the scope 'read'; this needs 'write'.",
        ],
    ),
    404: (
        "An unknown path or entity; an import or record that there is not",
        ["There is nothing at this path.", "There is no such import.", "There is no such record."],
    ),
    405: ("An unknown method; the header Allow names those there are", ["The method PUT is not allowed here."]),
    406: (
        "The Accept header excludes what the endpoint gives",
        ["This endpoint gives text/csv, which the Accept header excludes."],
    ),
    408: (
        "The body stood still, or took too long",
        ["The body stood still for 30 seconds.", "The body took longer than 300 seconds."],
    ),
    409: (
        "A plan that does not hold any more, was applied already or is being applied; an Idempotency-Key in use",
        [
            lifecycle.WHY_NOT[ImportRun.Status.DONE],
            plan_check.sentence(PlanChanged(["Row 4 was to leave record 17 as it is; now: create a record"], 1)),
            AT_WORK,
        ],
    ),
    422: (
        "An Idempotency-Key that came with another request",
        ["This Idempotency-Key has come with another request within the last 24 hours."],
    ),
    415: ("Not multipart/form-data, or a file that is no CSV", [str(errors.NotCsv("an image"))]),
    413: ("The file is over the limit", [str(errors.TooLarge(10 * 1024 * 1024))]),
    400: ("A query parameter, a malformed body, or a file that cannot be read as a whole", texts.FILE_ERRORS),
    503: (
        "The database cannot be reached, or another import of the tenant's is in the way for longer than 30 seconds",
        [AWAY, errors.busy("contacts", "8c1c7a10-6f96-4ff8-8b86-d011b42d00c0"), errors.RECORDS_BUSY],
    ),
    500: ("A bug of ours", [errors.BUG]),
}


def problem_answer(status: int) -> Json:
    """Describe a problem's answer, with an example of each detail."""
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
