"""The endpoints: unpack the request, call the service, pack the answer."""

from contextlib import AbstractContextManager
from typing import BinaryIO, ClassVar

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from importexport import services
from importexport.api import authentication, uploads
from importexport.api.idempotency import KeptResult, Retry, earlier_like
from importexport.api.ignored_columns import headers_of
from importexport.api.problems import Problem
from importexport.api.query_params import choice
from importexport.api.views.base import EndpointView
from importexport.db import patience
from importexport.engine import export
from importexport.engine.export import FileFormat
from importexport.engine.options import NAMES, OptionError, Options, read_options
from importexport.engine.report import Report
from importexport.files.source import tidy_name
from importexport.http.downloads import file_response
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from importexport.runs.serializers import moment
from importexport.runs.tasks import IDLE

#: A result with more messages than this is streamed.
MESSAGES_AT_ONCE = 1_000


class ExportView(EndpointView):
    """An entity's records as a file."""

    file_format: ClassVar[FileFormat] = "csv"

    def media_type(self) -> str:
        """Return the file's type."""
        return export.CONTENT_TYPES[self.file_format]

    def get(self, request: Request, entity: str) -> HttpResponseBase:
        """Stream the file."""
        assert self.caller
        is_asked = request.method == "GET"
        pieces = services.export_file(entity, tenant=self.caller.tenant, format=self.file_format) if is_asked else None
        return file_response(pieces, f"{entity}.{self.file_format}", self.media_type())

    def head(self, request: Request, entity: str) -> HttpResponseBase:
        """Answer as GET does, without making the file."""
        return self.get(request, entity)


class ExcelExportView(ExportView):
    """An entity's records as a workbook."""

    file_format = "xlsx"


class TemplateView(EndpointView):
    """The header row alone."""

    def media_type(self) -> str:
        """Return CSV's type."""
        return export.CONTENT_TYPES["csv"]

    def get(self, request: Request, entity: str) -> HttpResponseBase:
        """Return the template."""
        response = HttpResponse(services.template_file(entity), content_type=self.media_type())
        response["Content-Disposition"] = f'attachment; filename="{entity}_template.csv"'
        return response

    head = get


class OptionsView(EndpointView):
    """What takes a file in, under the options that the query asks for."""

    parameters: ClassVar[tuple[str, ...]] = NAMES
    chosen: Options

    def check_query(self, *, entity: str = "", **_: str) -> None:
        """Raise a 400 for an option that cannot be followed."""
        given = {name: value for name, value in self.query.items() if name in NAMES}
        try:
            self.chosen = read_options(given, RESOURCES[entity].describe())
        except OptionError as error:
            raise Problem(400, str(error)) from None


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
            return retry.answer(lambda: self._import(file, run, retry))

    def _import(self, file: BinaryIO, run: ImportRun, retry: Retry) -> HttpResponseBase:
        is_dry = self.query.get("dry_run") == "true"
        run.options = self.chosen.kept()
        observers = [] if is_dry else [KeptResult(retry, run, names_ignored=True)]
        report = services.import_file(run, file, dry_run=is_dry, observers=observers)
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


def new_run(view: EndpointView, request: Request, entity: str, name: str) -> ImportRun:
    """Return the run of a file that has just come in, not saved yet."""
    assert view.caller
    return ImportRun(
        tenant=view.caller.tenant,
        entity=entity,
        channel=ImportRun.Channel.API,
        key_id=authentication.key_id(request._request),
        actor=view.caller.key_name,
        file_name=tidy_name(name),
    )


def result_response(report: Report) -> HttpResponseBase:
    """Return a report as the contract's JSON; one with very many messages is streamed."""
    if len(report.messages) <= MESSAGES_AT_ONCE:
        return HttpResponse(b"".join(report.json_chunks()), content_type="application/json")
    return StreamingHttpResponse(report.json_chunks(), content_type="application/json")
