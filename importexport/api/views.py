"""The endpoints: unpack the request, call the service, pack the answer."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import accumulate, chain
from typing import Any, BinaryIO, ClassVar
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from rest_framework.request import Request
from rest_framework.views import APIView

from importexport import formats, service
from importexport.api import authentication, uploads
from importexport.api.accept import accepts
from importexport.api.idempotency import Retry, earlier_like
from importexport.api.parameters import choice, read_query
from importexport.api.problems import Problem
from importexport.api.rendering import moment
from importexport.db import patience
from importexport.formats import FileFormat
from importexport.jobs import IDLE
from importexport.journal import tidy_name
from importexport.models import ImportRun
from importexport.options import NAMES, OptionFault, Options, read_options
from importexport.report import Report
from importexport.resources import RESOURCES

BASE = "/api/v1/importexport"
IGNORED_COLUMNS_LIMIT = 1024
#: A result with more messages than this is streamed.
MESSAGES_AT_ONCE = 1_000


class DoorView(APIView):
    """What all endpoints share: the order in which a request is judged, and what every answer carries."""

    #: The scope that a key needs, and the parameters that a query may have.
    scope: ClassVar[str] = "read"
    parameters: ClassVar[tuple[str, ...]] = ()
    caller: authentication.Caller | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Judge the request, in the contract's order: 401, 429, 403, 404, 405, 406, 400, 403."""
        http = request._request
        self.caller = caller = authentication.identify(http)
        http.rally_tenant, http.rally_key = caller.slug, caller.key_name  # type: ignore[attr-defined]
        authentication.check_rate(caller)
        authentication.check_share(http)
        authentication.check_host(caller, http)
        self.check_path(**kwargs)
        self.check_method(http)
        self.check_accept(http)
        self.query = read_query(http, self.parameters)
        self.check_query(**kwargs)
        authentication.check_scope(caller, self.scope)

    def check_path(self, *, entity: str = "", **_: str) -> None:
        """Raise a 404 for an entity that does not exist."""
        if entity not in RESOURCES:
            raise Problem(404, "There is nothing at this path.")

    def check_method(self, request: HttpRequest) -> None:
        """Raise a 405, with the methods that there are."""
        allowed = ["POST"] if hasattr(self, "post") else ["GET", "HEAD"]
        if request.method not in allowed:
            listed = ", ".join(allowed)
            raise Problem(405, f"The method {request.method} is not allowed here.", headers={"Allow": listed})

    def check_accept(self, request: HttpRequest) -> None:
        """Raise a 406 where the client does not accept what this endpoint gives."""
        media_type = self.media_type().partition(";")[0]
        if not accepts(request.META.get("HTTP_ACCEPT", ""), media_type):
            raise Problem(406, f"This endpoint gives {media_type}, which the Accept header excludes.")

    def check_query(self, **kwargs: str) -> None:
        """Raise a 400 for parameters that cannot be followed."""

    def media_type(self) -> str:
        """Return the type of the answer."""
        return "application/json"

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Add the rate limit's headers."""
        if self.caller:
            for name, value in self.caller.limit_headers.items():
                response[name] = value
        response["Cache-Control"] = "no-store"
        return response


class UnknownView(DoorView):
    """A path under /api/ at which there is nothing; only a key learns so."""

    def check_path(self, **_: str) -> None:
        """Raise the 404."""
        raise Problem(404, "There is nothing at this path.")


class ExportView(DoorView):
    """An entity's records as a file."""

    file_format: ClassVar[FileFormat] = "csv"

    def media_type(self) -> str:
        """Return the file's type."""
        return formats.CONTENT_TYPES[self.file_format]

    def get(self, request: Request, entity: str) -> HttpResponseBase:
        """Stream the file."""
        assert self.caller
        is_asked = request.method == "GET"
        pieces = service.export_file(entity, tenant=self.caller.tenant, format=self.file_format) if is_asked else None
        return file_response(pieces, f"{entity}.{self.file_format}", self.media_type())

    def head(self, request: Request, entity: str) -> HttpResponseBase:
        """Answer as GET does, without making the file."""
        return self.get(request, entity)


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


class ExcelExportView(ExportView):
    """An entity's records as a workbook."""

    file_format = "xlsx"


class TemplateView(DoorView):
    """The header row alone."""

    def media_type(self) -> str:
        """Return CSV's type."""
        return formats.CONTENT_TYPES["csv"]

    def get(self, request: Request, entity: str) -> HttpResponseBase:
        """Return the template."""
        response = HttpResponse(service.template_file(entity), content_type=self.media_type())
        response["Content-Disposition"] = f'attachment; filename="{entity}_template.csv"'
        return response

    head = get


class OptionsView(DoorView):
    """What takes a file in, under the options that the query asks for."""

    parameters: ClassVar[tuple[str, ...]] = NAMES
    chosen: Options

    def check_query(self, *, entity: str = "", **_: str) -> None:
        """Raise a 400 for an option that cannot be followed."""
        given = {name: value for name, value in self.query.items() if name in NAMES}
        try:
            self.chosen = read_options(given, RESOURCES[entity])
        except OptionFault as fault:
            raise Problem(400, str(fault)) from None


class ImportView(OptionsView):
    """A CSV file in."""

    scope = "write"
    parameters: ClassVar[tuple[str, ...]] = ("dry_run", *NAMES)

    def check_query(self, *, entity: str = "", **_: str) -> None:
        """Raise a 400 for an option that cannot be followed."""
        choice(self.query, "dry_run", ("true", "false"))
        super().check_query(entity=entity)

    def post(self, request: Request, entity: str) -> HttpResponseBase:
        """Import the uploaded file and report; in a dry run, store nothing."""
        file, name = uploads.receive_file(request._request)
        run = new_run(self, request, entity, name)
        with file, allowed_wait():
            retry = Retry(request._request, run.key_id, file)
            return retry.answer(lambda: self._import(entity, file, run, retry))

    def _import(self, entity: str, file: BinaryIO, run: ImportRun, retry: Retry) -> HttpResponseBase:
        is_dry = self.query.get("dry_run") == "true"
        run.options = self.chosen.kept()
        report = service.import_file(
            entity,
            tenant=run.tenant,
            file=file,
            run=None if is_dry else run,
            options=self.chosen,
            dry_run=is_dry,
            also=lambda report: retry.keep_result(run, headers_of(report)),
        )
        response = result_response(report)
        for name, value in headers_of(report).items():
            response[name] = value
        if not is_dry and not retry.name and (earlier := earlier_like(run)):
            response["X-Import-Warning"] = (
                f"This file was imported before, as {earlier.pk}, at {moment(earlier.created_at)}."
            )
        return response


def allowed_wait() -> AbstractContextManager[None]:
    """Return what bounds the time that a request's import may wait for another one, or stand still."""
    return patience(wait=settings.RALLY_IMPORT_WAIT, idle=IDLE)


def headers_of(report: Report) -> dict[str, str]:
    """Return the headers that belong to a result."""
    if not report.ignored_columns:
        return {}
    return {"X-Import-Ignored-Columns": listed_names(report.ignored_columns)}


def new_run(view: DoorView, request: Request, entity: str, name: str) -> ImportRun:
    """Return the run of a file that has just come in, not saved yet."""
    assert view.caller
    return ImportRun(
        tenant=view.caller.tenant,
        entity=entity,
        door=ImportRun.Door.API,
        key_id=authentication.key_id(request._request),
        actor=view.caller.key_name,
        file_name=tidy_name(name),
    )


def result_response(report: Report) -> HttpResponseBase:
    """Return a report as the contract's JSON; one with very many messages is streamed."""
    if len(report.messages) <= MESSAGES_AT_ONCE:
        return HttpResponse(b"".join(report.json_chunks()), content_type="application/json")
    return StreamingHttpResponse(report.json_chunks(), content_type="application/json")


def listed_names(names: list[str]) -> str:
    """Return names as a header's list, at most 1 kB of whole ones; ``,``, ``%`` and what is not ASCII is escaped.

    Of a first name that alone is longer, its beginning is given.
    """
    listed = ""
    for name in names:
        longer = f"{listed},{escape(name)}" if listed else beginning(name)
        if len(longer) > IGNORED_COLUMNS_LIMIT:
            break
        listed = longer
    return listed


def beginning(name: str) -> str:
    """Return the longest beginning of a name that fits into the header, escaped."""
    ends = accumulate(len(escape(character)) for character in name)
    return escape(name[: sum(end <= IGNORED_COLUMNS_LIMIT for end in ends)])


def escape(name: str) -> str:
    """Return a name as the header has it."""
    return quote(name, safe=SAFE)


SAFE = " !\"#$&'()*+/:;<=>?@[\\]^`{|}~"
