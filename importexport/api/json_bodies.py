"""Request bodies that are JSON."""

import contextlib
from typing import Any, cast

from importexport.api.causes import Cause
from importexport.api.negotiation import media_type_of
from importexport.api.parsers import body_chunks
from importexport.api.problems import Problem
from importexport.api.requests import ApiRequest
from importexport.sources.wishes import LIMIT, read_object

MEDIA_TYPE = "application/json"


def json_body(request: ApiRequest) -> dict[str, Any]:
    """Return the object that a body is; raise Problem (400, 408, 415) for any other body."""
    if media_type_of(request) != MEDIA_TYPE:
        raise Problem(Cause.UNSUPPORTED_MEDIA_TYPE, f"The body must be {MEDIA_TYPE}.")
    try:
        return read_object("body", received(request).decode())
    except UnicodeDecodeError:
        raise Problem(Cause.MALFORMED_BODY, "The body is not UTF-8.") from None
    except ValueError as error:
        raise Problem(Cause.MALFORMED_BODY, str(error)) from None


def received(request: ApiRequest) -> bytes:
    """Return a body, or as much of it as shows that it is too long."""
    body = bytearray()
    stream = cast(Any, request.stream)
    with contextlib.closing(body_chunks(stream, request.META.get("gunicorn.socket"))) as chunks:
        for chunk in chunks:
            body += chunk
            # No character takes more bytes.
            if len(body) > 4 * LIMIT:
                raise Problem(Cause.MALFORMED_BODY, f"'body' must have at most {LIMIT} characters.")
    return bytes(body)
