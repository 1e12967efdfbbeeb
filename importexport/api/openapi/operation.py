"""What descriptions of operations have in common (see schema)."""

from typing import Any

Json = dict[str, Any]
RATE_HEADERS = {
    "X-RateLimit-Limit": "Requests a minute that the tenant has",
    "X-RateLimit-Remaining": "Requests left in this minute",
    "X-RateLimit-Reset": "When the minute ends, in Unix time",
}


def operation(
    operation_id: str,
    *,
    tag: str,
    summary: str,
    content: Json,
    statuses: tuple[int, ...],
    text: str = "",
    media_type: str = "application/json",
    filename: str = "",
    success: str = "200",
) -> Json:
    """Describe an operation: its good answer, and the problems it can answer with."""
    headers: Json = {header: {"$ref": f"#/components/headers/{header}"} for header in RATE_HEADERS}
    if filename:
        disposition = {"type": "string", "const": f'attachment; filename="{filename}"'}
        headers["Content-Disposition"] = {"schema": disposition}
    answers: Json = {success: {"description": "Done", "headers": headers, "content": {media_type: content}}}
    answers |= {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in statuses}
    described: Json = {"operationId": operation_id, "tags": [tag], "summary": summary, "responses": answers}
    return described | ({"description": text} if text else {})
