"""Streamed file responses."""

from collections.abc import Iterator
from itertools import chain

from django.http import HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header

#: The key in META by which the server says that it makes too many files already (see rally.server).
NO_TURN = "rally.is_download_refused"


class TooManyDownloads(Exception):
    """The server makes as many files as it may, of the tenant or of all."""


def file_response(
    request: HttpRequest, pieces: Iterator[bytes] | None, name: str, content_type: str
) -> StreamingHttpResponse:
    """Return a response that downloads a file under a name, or only its headers without ``pieces``.

    The first pieces are created before the response starts, so that an error can still change its status. Raises
    TooManyDownloads if it is not the request's turn.
    """
    if pieces and request.META.get(NO_TURN):
        raise TooManyDownloads
    response = StreamingHttpResponse(started(pieces) if pieces else (), content_type=content_type)
    response["Content-Disposition"] = content_disposition_header(True, name)
    return response


def started(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Return an iterator whose first pieces have already been created."""
    first = [piece for _, piece in zip(range(2), pieces, strict=False)]
    return closing_chain(first, pieces)


def closing_chain(first: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    """Yield both; close the rest when the client disconnects."""
    try:
        yield from chain(first, rest)
    finally:
        rest.close()  # type: ignore[attr-defined]
