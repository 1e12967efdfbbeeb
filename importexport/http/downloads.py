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
    response = StreamingHttpResponse(Started(pieces) if pieces else (), content_type=content_type)
    response["Content-Disposition"] = content_disposition_header(True, name)
    return response


class Started:
    """Pieces of which the first have already been created. Closed, it closes them, whether or not any was taken: a
    generator around them would not, before it has begun."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._all = chain([piece for _, piece in zip(range(2), pieces, strict=False)], pieces)

    def __iter__(self) -> Iterator[bytes]:
        return self._all

    def close(self) -> None:
        """Close the pieces: the client has all of them, or has disconnected."""
        self._pieces.close()  # type: ignore[attr-defined]
