"""Files as streamed answers."""

from collections.abc import Iterator
from itertools import chain

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header


def file_response(pieces: Iterator[bytes] | None, name: str, content_type: str) -> StreamingHttpResponse:
    """Return a file as an answer, to be kept under a name; without pieces, its headers alone.

    The first pieces are made before the answer begins, so that a fault can still be said.
    """
    response = StreamingHttpResponse(started(pieces) if pieces else (), content_type=content_type)
    response["Content-Disposition"] = content_disposition_header(True, name)
    return response


def started(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Return an iterator whose first pieces have been made."""
    first = [piece for _, piece in zip(range(2), pieces, strict=False)]
    return closing_chain(first, pieces)


def closing_chain(first: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    """Yield both; when the client goes away, the rest is told."""
    try:
        yield from chain(first, rest)
    finally:
        rest.close()  # type: ignore[attr-defined]
