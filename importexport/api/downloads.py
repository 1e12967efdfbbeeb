"""File responses of the API: streamed, compressed if the client accepts that, and never made for HEAD."""

from collections.abc import Callable, Iterator
from typing import cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from importexport.engine.export.streams import CONTENT_TYPES, FileFormat
from importexport.http.downloads import file_response
from importexport.http.encoding import accepts_gzip, gzipped


def download(
    request: Request, make: Callable[[], Iterator[bytes]], name: str, *, file_format: FileFormat = "csv"
) -> HttpResponseBase:
    """Return the response that downloads a file under a name; ``make`` returns its pieces, and is called for GET only.

    CSV is sent as gzip if the client accepts that; a workbook is compressed already.
    """
    is_text = file_format == "csv"
    is_packed = is_text and accepts_gzip(request.META.get("HTTP_ACCEPT_ENCODING", ""))
    pieces = make() if request.method == "GET" else None
    packed = gzipped(pieces) if pieces and is_packed else pieces
    response = file_response(cast(HttpRequest, request), packed, name, CONTENT_TYPES[file_format])
    if is_text:
        response["Vary"] = "Accept-Encoding"
    if is_packed:
        response["Content-Encoding"] = "gzip"
    return response
