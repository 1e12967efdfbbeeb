"""The endpoints for prepared exports: their state, and their files, also in parts."""

import re
from uuid import UUID

from django.http import HttpResponseNotModified, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from importexport.api.authentication import caller_of, key_id
from importexport.api.causes import Cause
from importexport.api.preferences import accepted_response
from importexport.api.problems import Problem
from importexport.api.renderers import CsvRenderer, ExcelRenderer
from importexport.api.views.base import EndpointView
from importexport.engine.export.streams import CONTENT_TYPES
from importexport.errors import UploadLost
from importexport.files import storage
from importexport.http.downloads import file_response
from importexport.models import PreparedExport, export_json, path_of_export
from importexport.runs import exports

Status = PreparedExport.Status
#: A single range of bytes (RFC 9110, section 14.1.2); whoever asks for several gets the whole file.
RANGE = re.compile(r"bytes=\s*(\d{0,19})-(\d{0,19})\s*", re.ASCII)


def begun(request: Request, entity: str, file_format: str, query: dict[str, str], *, bom: bool) -> JsonResponse:
    """Have a worker prepare an export; return the response. Raises TooManyWaiting."""
    caller = caller_of(request)
    query = {name: value for name, value in query.items() if name != "bom"} | ({"bom": "true"} if bom else {})
    export = PreparedExport(
        tenant=caller.tenant,
        entity=entity,
        file_format=file_format,
        query=query,
        key_id=key_id(request),
        actor=caller.key_name,
    )
    exports.prepare(export)
    return accepted_response(path_of_export(export), export_json(export))


class PreparedView(EndpointView):
    """A prepared export."""

    def check_path(self, *, export_id: str = "", **_: str) -> None:
        """Load the export; raise Problem (404) if it does not exist (any more) or belongs to another tenant."""
        try:
            self.export = PreparedExport.objects.get(tenant=self.caller.tenant_id, pk=UUID(export_id))
        except (ValueError, PreparedExport.DoesNotExist):
            raise Problem(Cause.NO_SUCH_EXPORT, "There is no such export.") from None

    def get(self, request: Request, export_id: str) -> HttpResponseBase:
        """Return the state of the export."""
        return JsonResponse(export_json(self.export))


class PreparedFileView(PreparedView):
    """The file of a prepared export."""

    def get_renderers(self) -> list[BaseRenderer]:
        """Return the renderer of the file's format; before the export is known, all."""
        export = getattr(self, "export", None)
        found = [CsvRenderer(), ExcelRenderer()]
        return [each for each in found if export is None or each.format == export.file_format]

    def get(self, request: Request, export_id: str) -> HttpResponseBase:
        """Return the file, or a part of it."""
        export = self.export
        if export.status == Status.FAILED:
            raise Problem(Cause.EXPORT_FAILED, export.error)
        if export.status != Status.READY:
            raise Problem(Cause.EXPORT_NOT_READY, "The file is still being made.")
        size, etag = export.size or 0, f'"{export.sha256}"'
        if etag in request.META.get("HTTP_IF_NONE_MATCH", ""):
            return HttpResponseNotModified(headers={"ETag": etag})
        part = part_of(request, size, etag)
        start, end = part or (0, size)
        pieces = storage.read_range(export.upload_name, start, end) if request.method == "GET" else None
        content_type = CONTENT_TYPES["xlsx" if export.file_format == "xlsx" else "csv"]
        try:
            response = file_response(request._request, pieces, export.file_name, content_type)
        except UploadLost:
            raise Problem(Cause.NO_SUCH_EXPORT, "The file of this export is gone. Ask for it again.") from None
        return described(response, size, etag, part)

    def head(self, request: Request, export_id: str) -> HttpResponseBase:
        """Respond like GET, without reading the file."""
        return self.get(request, export_id)


def described(
    response: StreamingHttpResponse, size: int, etag: str, part: tuple[int, int] | None
) -> StreamingHttpResponse:
    """Return a response with the headers of a file of a size, or of a part of it."""
    start, end = part or (0, size)
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Content-Length": str(end - start)}
    if part:
        response.status_code = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    for name, value in headers.items():
        response[name] = value
    return response


def part_of(request: Request, size: int, etag: str) -> tuple[int, int] | None:
    """Return the part of a file that is asked for, as positions from and up to; None for the whole file.

    Raises Problem (416) if it begins after the end. A range of another file than the one that the client has begun with
    (If-Range) is ignored, and so is a malformed one.
    """
    found = RANGE.fullmatch(request.META.get("HTTP_RANGE", ""))
    if not found or not any(found.groups()) or request.META.get("HTTP_IF_RANGE", etag) != etag:
        return None
    first, last = found.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        detail = f"The range begins after the end of the file, which has {size} bytes."
        raise Problem(Cause.NO_SUCH_RANGE, detail, headers={"Content-Range": f"bytes */{size}"})
    return start, end
