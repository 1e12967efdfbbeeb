"""The parts that the descriptions of all operations share."""

from typing import Any

Json = dict[str, Any]
RATE_HEADERS = {
    "X-RateLimit-Limit": "The tenant's requests per minute",
    "X-RateLimit-Remaining": "Requests left in this minute",
    "X-RateLimit-Reset": "When this minute ends, in Unix time",
}
#: Of CSV files.
ENCODED = {"Content-Encoding": "`gzip` if the request accepts that", "Vary": "`Accept-Encoding`"}


#: On responses to a request with an Idempotency-Key.
REPLAYED: Json = {
    "Idempotent-Replayed": {
        "description": "Given if the response is the first one to this Idempotency-Key again",
        "schema": {"type": "string", "const": "true"},
    }
}
#: The error statuses of an operation that reads, changes something, or takes a file, in the order of the checks.
READING = (401, 429, 403, 404, 405, 406, 400, 503, 500)
CHANGING = (401, 429, 403, 404, 405, 406, 400, 409, 422, 503, 500)
TAKING_A_FILE = (401, 429, 403, 404, 405, 406, 408, 409, 415, 413, 400, 422, 503, 500)


def operation(
    operation_id: str,
    *,
    tag: str,
    summary: str,
    content: Json,
    statuses: tuple[int, ...],
    text: str = "",
    headers: dict[str, str] | None = None,
    filename: str = "",
    success: str = "200",
) -> Json:
    """Describe an operation: the content of its success response, by media type, and its error statuses.

    ``headers`` are the success response's headers and their descriptions; with a ``filename``, it is an attachment.
    """
    given: Json = {header: {"$ref": f"#/components/headers/{header}"} for header in RATE_HEADERS}
    given |= REPLAYED if 422 in statuses else {}
    given |= {name: {"description": said, "schema": {"type": "string"}} for name, said in (headers or {}).items()}
    if filename:
        disposition = {"type": "string", "const": f'attachment; filename="{filename}"'}
        given["Content-Disposition"] = {"schema": disposition}
    answers: Json = {success: {"description": "Done", "headers": given, "content": content}}
    answers |= {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in statuses}
    described: Json = {"operationId": operation_id, "tags": [tag], "summary": summary, "responses": answers}
    return described | ({"description": text} if text else {})
