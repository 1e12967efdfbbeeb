"""The endpoints for files: export, template and import."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO, ClassVar, cast

from django.conf import settings
from django.http import HttpResponse, JsonResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from crm.timestamps import timestamp
from importexport import services
from importexport.api import authentication, import_options
from importexport.api.causes import Cause
from importexport.api.downloads import download
from importexport.api.idempotency import KeptResult, Retry, earlier_like, result_headers
from importexport.api.ignored_columns import headers_of, reading_header
from importexport.api.import_options import Asked
from importexport.api.parsers import ReceivedFile, received_file
from importexport.api.preferences import accepted, prefers_async
from importexport.api.problems import Problem
from importexport.api.query_params import boolean, choice
from importexport.api.renderers import CsvRenderer, ExcelRenderer
from importexport.api.views.base import EndpointView
from importexport.api.views.prepared import begun
from importexport.db import patience
from importexport.engine.export import streams
from importexport.engine.export.selection import COLUMNS, Selection, SelectionError, read_selection, selection_names
from importexport.engine.export.streams import FileFormat
from importexport.engine.options import Options
from importexport.engine.report import Report
from importexport.errors import TooLarge
from importexport.files.source import tidy_name
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from importexport.runs import lifecycle
from importexport.runs.tasks import IDLE

Status = ImportRun.Status
#: A result with more messages is streamed.
MESSAGES_AT_ONCE = 1_000


class ExportView(EndpointView):
    """An entity's records as a CSV file."""

    renderer_classes: Sequence[type[BaseRenderer]] = (CsvRenderer,)
    parameters: ClassVar[tuple[str, ...]] = ("bom",)
    lists = (COLUMNS,)
    file_format: ClassVar[FileFormat] = "csv"
    selection: Selection
    has_bom: bool

    def known_parameters(self, *, entity: str = "", **_: str) -> list[str]:
        """Return the parameters, which include the entity's filters."""
        return [*self.parameters, *selection_names(RESOURCES[entity])]

    def check_query(self, *, entity: str = "", **_: str) -> None:
        self.has_bom = boolean(self.query, "bom")
        try:
            self.selection = read_selection(self.query, RESOURCES[entity](self.caller.tenant))
        except SelectionError as error:
            raise Problem(Cause.INVALID_PARAMETER, str(error)) from None

    def get(self, request: Request, entity: str) -> HttpResponseBase:
        """Return the file, or have a worker prepare it."""
        if request.method == "GET" and prefers_async(request):
            return begun(request, entity, self.file_format, self.query, bom=self.has_bom)
        name = f"{entity}.{self.file_format}"
        return download(request, lambda: self._pieces(entity), name, file_format=self.file_format)

    def head(self, request: Request, entity: str) -> HttpResponseBase:
        """Respond like GET, without creating the file."""
        return self.get(request, entity)

    def _pieces(self, entity: str) -> Iterator[bytes]:
        tenant, chosen = self.caller.tenant, self.selection
        records = RESOURCES[entity](tenant).get_queryset().filter(chosen.condition) if chosen.condition else None
        return services.export_file(
            entity,
            tenant=tenant,
            format=self.file_format,
            queryset=records,
            columns=chosen.columns,
            headers=chosen.headers,
            bom=self.has_bom,
        )


class ExcelExportView(ExportView):
    """An entity's records as an XLSX file."""

    renderer_classes = (ExcelRenderer,)
    parameters = ()
    file_format = "xlsx"


class TemplateView(EndpointView):
    """A file with the header row only."""

    parameters = ("bom", "format")

    def get_renderers(self) -> list[BaseRenderer]:
        """Return the renderer of the format that the query asks for; the query is checked later."""
        return [ExcelRenderer() if self.request.query_params.get("format") == "xlsx" else CsvRenderer()]

    def check_query(self, **_: str) -> None:
        self.has_bom = boolean(self.query, "bom")
        self.file_format = streams.FORMATS[choice(self.query, "format", streams.FORMATS) or "csv"]
        if self.has_bom and self.file_format != "csv":
            raise Problem(Cause.INVALID_PARAMETER, "'bom' means nothing with format 'xlsx'.")

    def get(self, request: Request, entity: str) -> HttpResponseBase:
        content = services.template_file(entity, format=self.file_format, bom=self.has_bom)
        response = HttpResponse(content, content_type=streams.CONTENT_TYPES[self.file_format])
        response["Content-Disposition"] = f'attachment; filename="{entity}_template.{self.file_format}"'
        return response


class OptionsView(EndpointView):
    """The base of endpoints that take a file, with import options in the query or the form."""

    scope = "write"
    parameters: ClassVar[tuple[str, ...]] = import_options.OPTIONS
    #: Whether there can be a dry run, and whether a worker can do it.
    may_be_dry: ClassVar[bool] = True
    may_be_async: ClassVar[bool] = False

    def check_query(self, *, entity: str = "", **_: str) -> None:
        spec = RESOURCES[entity].describe()
        import_options.check_query(self.query, spec, tenant=self.caller.tenant, may_be_dry=self.may_be_dry)

    def read_options(self, request: Request, entity: str) -> Asked:
        """Return the options in the query and in the form, whose body has been read; raise Problem (400)."""
        spec = RESOURCES[entity].describe()
        fields = cast(QueryDict, request.data)
        return import_options.read_all(self.query, fields, spec, tenant=self.caller.tenant, may_be_dry=self.may_be_dry)


class ReadView(OptionsView):
    """Tells what a file would be read as."""

    may_be_dry = False

    def post(self, request: Request, entity: str) -> HttpResponseBase:
        """Return the reading of the uploaded file, with samples and what is undecided; nothing is stored."""
        with received_file(request) as upload:
            options = self.read_options(request, entity).options
            tenant = self.caller.tenant
            return JsonResponse(services.propose_reading(entity, upload.file, tenant=tenant, options=options))


class ImportView(OptionsView):
    """Imports a CSV file."""

    may_be_async = True

    def post(self, request: Request, entity: str) -> HttpResponseBase:
        """Import the uploaded file and return the result, or have a worker import it; a dry run stores nothing, and is
        carried out at once."""
        with received_file(request) as upload, allowed_wait():
            asked = self.read_options(request, entity)
            run = new_run(request, entity, upload)
            retry = Retry(request, run.key_id, upload.file, options=asked.given)
            if prefers_async(request) and not asked.is_dry:
                return retry.answer(lambda: started(retry, run, upload.file, asked.options, Status.APPLYING))
            check_size(upload)
            return retry.answer(lambda: self._import(upload.file, run, retry, asked))

    def _import(self, file: BinaryIO, run: ImportRun, retry: Retry, asked: Asked) -> HttpResponseBase:
        run.options = asked.options.kept()
        observers = [] if asked.is_dry else [KeptResult(retry, run, names_ignored=True)]
        report = services.import_file(run, file, dry_run=asked.is_dry, observers=observers)
        response = result_response(report)
        headers = headers_of(report) if asked.is_dry else result_headers(run, report, names_ignored=True)
        headers |= reading_header(run.reading)
        for name, value in headers.items():
            response[name] = value
        if not asked.is_dry and not retry.name and (earlier := earlier_like(run)):
            response["X-Import-Warning"] = (
                f"This file was imported before, as {earlier.pk}, at {timestamp(earlier.created_at)}."
            )
        return response


def check_size(upload: ReceivedFile) -> None:
    """Raise TooLarge for a file that was accepted for a worker, but is to be imported at once."""
    if (upload.size or 0) > settings.RALLY_IMPORT_MAX_BYTES:
        raise TooLarge(settings.RALLY_IMPORT_MAX_BYTES)


def started(retry: Retry, run: ImportRun, file: BinaryIO, options: Options, status: Status) -> HttpResponseBase:
    """Have a worker plan a file or, with the status APPLYING, import it; return the response."""
    if retry.begun:
        return accepted(retry.begun)
    limit = settings.RALLY_IMPORT_MAX_BYTES_ASYNC
    lifecycle.keep_upload(run, file, options, status=status, limit=limit, begin=lifecycle.queued(retry.begin))
    return accepted(run)


def allowed_wait() -> AbstractContextManager[None]:
    """Return a context manager that limits how long a request's import may wait for another one, or be idle."""
    return patience(wait=settings.RALLY_IMPORT_WAIT, idle=IDLE)


def new_run(request: Request, entity: str, upload: ReceivedFile) -> ImportRun:
    """Return an unsaved run for an uploaded file."""
    caller = authentication.caller_of(request)
    return ImportRun(
        tenant=caller.tenant,
        entity=entity,
        channel=ImportRun.Channel.API,
        key_id=authentication.key_id(request),
        actor=caller.key_name,
        file_name=tidy_name(upload.name),
    )


def result_response(report: Report) -> HttpResponseBase:
    """Return a report as a JSON response, streamed if it has many messages."""
    if len(report.messages) <= MESSAGES_AT_ONCE:
        return HttpResponse(b"".join(report.json_chunks()), content_type="application/json")
    return StreamingHttpResponse(report.json_chunks(), content_type="application/json")
