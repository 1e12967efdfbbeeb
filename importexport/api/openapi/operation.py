"""The parts that the descriptions of all operations share."""

from typing import Any

Json = dict[str, Any]


def ref(name: str) -> Json:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def header(text: str, schema: Json | None = None) -> Json:
    """Describe a header of a response, by default a text."""
    return {"description": text, "schema": schema or {"type": "string"}}


#: On every response.
IDENTIFIED = {
    "X-Request-Id": header("The id of the request in the logs: that of the request's own X-Request-Id, or a new one")
}
#: On responses to requests with a valid key.
RATE_HEADERS = {
    "X-RateLimit-Limit": header("The tenant's requests per minute", {"type": "integer"}),
    "X-RateLimit-Remaining": header("Requests left in this minute", {"type": "integer"}),
    "X-RateLimit-Reset": header("When this minute ends, in Unix time", {"type": "integer"}),
}
#: Of CSV files.
ENCODED = {
    "Content-Encoding": "`gzip` if the request accepts that",
    "Vary": "The headers of the request on which the response depends",
}
#: Given where waiting helps.
RETRY_AFTER = header(
    "The number of seconds to wait before sending the request again, or before looking at the run", {"type": "integer"}
)


#: On responses to a request with an Idempotency-Key.
REPLAYED: Json = {
    "Idempotent-Replayed": header(
        "Given if the response is the first one to this Idempotency-Key again", {"type": "string", "const": "true"}
    )
}
LOCATION = "The path of the import, plan, undo or prepared export"
#: On responses to a request that a worker carries out.
ACCEPTED: Json = {
    "Location": header(LOCATION),
    "Preference-Applied": header("The preference (RFC 7240)", {"type": "string", "const": "respond-async"}),
    "Retry-After": RETRY_AFTER,
    "Vary": header(ENCODED["Vary"]),
}
#: The error statuses of an operation that reads, changes something, or takes a file, in the order of the checks.
READING = (401, 429, 403, 404, 405, 406, 400, 503, 500)
CHANGING = (401, 429, 403, 404, 405, 406, 400, 409, 422, 503, 500)
TAKING_A_FILE = (401, 429, 403, 404, 405, 406, 408, 409, 415, 413, 400, 422, 503, 500)
#: Of one that changes something, and takes no Idempotency-Key.
WRITING = tuple(status for status in CHANGING if status != 422)
#: The media type of all that is not a file.
JSON = "application/json"


def operation(
    operation_id: str,
    *,
    tag: str,
    summary: str,
    content: Json,
    statuses: tuple[int, ...],
    text: str,
    headers: dict[str, str] | None = None,
    filename: str = "",
    success: str = "200",
    accepted: Json | None = None,
) -> Json:
    """Describe an operation: the content of its success response, by media type, and its error statuses.

    ``headers`` are the success response's headers and their descriptions; with a ``filename``, it is an attachment.
    ``accepted`` is the content of the response when a worker does what was asked for.
    """
    given: Json = IDENTIFIED | RATE_HEADERS | (REPLAYED if 422 in statuses else {})
    given |= {name: header(said) for name, said in (headers or {}).items()}
    if filename:
        disposition = {"type": "string", "const": f'attachment; filename="{filename}"'}
        given["Content-Disposition"] = header("The name of the file", disposition)
    answers: Json = {success: {"description": "Done", "headers": given, "content": content}}
    if accepted:
        waiting = IDENTIFIED | RATE_HEADERS | (REPLAYED if 422 in statuses else {}) | ACCEPTED
        answers["202"] = {"description": "A worker does it", "headers": waiting, "content": accepted}
    answers |= {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in statuses}
    return {
        "operationId": operation_id,
        "tags": [tag],
        "summary": summary,
        "description": text.strip(),
        "responses": answers,
    }


def for_admins(
    operation_id: str,
    summary: str,
    text: str,
    schema: str,
    example: Json,
    parameters: list[Json],
    *,
    tag: str,
    **more: Any,
) -> Json:
    """Describe an operation with a key of an admin: the schema of its response, or "", with an example, and its
    parameters; ``more`` is passed to ``operation``."""
    content: Json = {JSON: {"schema": ref(schema), "example": example}} if schema else {}
    text = f"{text} Needs a key with the scope `admin`."
    options = {"statuses": READING} | more
    described = operation(operation_id, tag=tag, summary=summary, text=text, content=content, **options)
    return described | ({"parameters": parameters} if parameters else {})


def taking(described: Json, schema: str, example: Json) -> Json:
    """Add a body of JSON to the description of an operation."""
    content = {JSON: {"schema": ref(schema), "example": example}}
    return described | {"requestBody": {"required": True, "content": content}}
