"""The endpoints for import runs: plan, list, show, apply and undo them; their rows and rejected rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from importexport.api import authentication, idempotency
from importexport.api.causes import Cause
from importexport.api.downloads import download
from importexport.api.idempotency import InFlight, KeptResult, Retry
from importexport.api.ignored_columns import reading_header, warnings_header
from importexport.api.links import BASE, links_of, path_of
from importexport.api.parsers import received_file
from importexport.api.preferences import accepted, prefers_async
from importexport.api.problems import NO_SUCH_IMPORT, Problem
from importexport.api.query_params import MOST, USUAL, choice, number
from importexport.api.renderers import CsvRenderer, ExcelRenderer
from importexport.api.views.base import EndpointView
from importexport.api.views.files import OptionsView, Status, allowed_wait, new_run, result_response, started
from importexport.engine.export.streams import FORMATS
from importexport.engine.options import Options
from importexport.errors import BUG, FileError
from importexport.history import row_files, row_log
from importexport.models import ImportRun, run_json
from importexport.resources import RESOURCES
from importexport.runs import lifecycle, serializers


class PlanView(OptionsView):
    """Plans the import of a CSV file, to be applied later."""

    may_be_dry = False
    may_be_async = True

    def post(self, request: Request, entity: str) -> HttpResponseBase:
        """Plan the uploaded file, or have a worker do so."""
        with received_file(request) as upload, allowed_wait():
            asked = self.read_options(request, entity)
            run = new_run(request, entity, upload)
            retry = Retry(request, run.key_id, upload.file, options=asked.given)
            if prefers_async(request):
                return retry.answer(lambda: started(retry, run, upload.file, asked.options, Status.PLANNING))
            return retry.answer(lambda: self._plan(retry, run, upload.file, asked.options))

    def _plan(self, retry: Retry, run: ImportRun, file: BinaryIO, options: Options) -> HttpResponseBase:
        if retry.begun:
            return finished_plan(retry.begun)
        lifecycle.plan_now(run, file, options, begin=retry.begin)
        return created(run)


def finished_plan(run: ImportRun) -> HttpResponseBase:
    """Finish a plan that an earlier attempt of the same request started, and return the response."""
    lifecycle.finish(run)
    if run.status == ImportRun.Status.FAILED:
        raise Problem(Cause.INTERNAL_ERROR, BUG) if run.error == BUG else FileError("failed_file", run.error)
    return created(run)


def created(run: ImportRun) -> HttpResponseBase:
    """Return the response for a new plan."""
    headers = {"Location": path_of(run)}
    if run.kind == ImportRun.Kind.IMPORT:
        headers |= warnings_header(run.warning_count) | reading_header(run.reading)
    return JsonResponse(serializers.detail_json(run), status=201, headers=headers)


class RunView(EndpointView):
    """The base of endpoints for a single run."""

    def check_path(self, *, run_id: str = "", **_: str) -> None:
        """Load the run; raise Problem (404) if it does not exist or belongs to another tenant."""
        try:
            found = ImportRun.objects.select_related("tenant").filter(tenant=self.caller.tenant_id)
            self.run = found.get(pk=UUID(run_id), status__in=ImportRun.TOLD)
        except (ValueError, ImportRun.DoesNotExist):
            raise Problem(Cause.NO_SUCH_IMPORT, NO_SUCH_IMPORT) from None


class ImportsView(EndpointView):
    """All runs, from every channel."""

    parameters = ("entity", "status", "limit", "after")

    def check_path(self, **_: str) -> None:
        """Accept the only path."""

    def get(self, request: Request) -> HttpResponse:
        """Return a page of runs, latest first."""
        limit = number(self.query, "limit", usual=USUAL, least=1, most=MOST)
        found = ImportRun.objects.filter(tenant=self.caller.tenant_id).order_by("-created_at", "-pk")
        found = found.exclude(status=ImportRun.Status.MATCHING)
        if self.query.get("status") == "refused":  # The former name of "failed".
            self.query["status"] = ImportRun.Status.FAILED
        for name, values in (("entity", list(RESOURCES)), ("status", ImportRun.TOLD)):
            if value := choice(self.query, name, values):
                found = found.filter(**{name: value})
        count = found.count()
        if last := self._last():
            found = found.filter(created_at__lte=last.created_at).exclude(created_at=last.created_at, pk__gte=last.pk)
        page = list(found.defer("header", "reading", "groups", "warnings", "sample", "suggestions")[: limit + 1])
        rest = len(page) > limit
        page = page[:limit]
        after = urlencode({**self.query, "after": page[-1].pk}) if rest else None
        return JsonResponse(
            {
                "count": count,
                "next": f"{BASE}/imports?{after}" if after else None,
                "results": [run_json(run) for run in page],
            }
        )

    def _last(self) -> ImportRun | None:
        """Return the last run of the previous page."""
        text = self.query.get("after")
        if text is None:
            return None
        try:
            return ImportRun.objects.get(pk=UUID(text), tenant=self.caller.tenant_id)
        except (ValueError, ImportRun.DoesNotExist):
            raise Problem(
                Cause.INVALID_PARAMETER, f"Unknown after '{text[:100]}'. Expected the id of an import."
            ) from None


class ImportDetailView(RunView):
    """A single run."""

    def get(self, request: Request, run_id: str) -> HttpResponse:
        """Return the run."""
        return JsonResponse(serializers.detail_json(self.run))


class RowsView(RunView):
    """The outcome of each row: what an import did, or what a plan would do."""

    parameters = ("action", "limit", "after", "format")

    def get_renderers(self) -> list[BaseRenderer]:
        """Return the renderers, with the one for CSV first if the query asks for it; the query is checked later.

        A client that was generated for both formats accepts JSON whichever one it asks for.
        """
        first = [CsvRenderer()] if self.request.query_params.get("format") == "csv" else []
        return [*first, *super().get_renderers()]

    def get(self, request: Request, run_id: str) -> HttpResponseBase:
        """Return a page of rows in file order, or all rows as CSV."""
        action = choice(self.query, "action", row_log.ACTIONS)
        after = number(self.query, "after", usual=0, least=0, most=10**12)
        limit = number(self.query, "limit", usual=USUAL, least=1, most=MOST)
        if choice(self.query, "format", ("json", "csv")) == "csv":
            return self._csv(action, after, limit)
        page, rest = row_log.some_rows(self.run, action=action, after=after, limit=limit)
        following = urlencode({**self.query, "after": page[-1].number}) if rest else None
        return JsonResponse(
            {
                "next": f"{path_of(self.run)}/rows?{following}" if following else None,
                "results": [serializers.row_json(row, self.run) for row in page],
            }
        )

    def _csv(self, action: str | None, after: int, limit: int) -> HttpResponseBase:
        if limit != USUAL:
            raise Problem(Cause.INVALID_PARAMETER, "'limit' means nothing with format 'csv', which has all rows.")
        make = lambda: row_files.csv_chunks(row_log.rows(self.run, action=action, after=after), self.run)  # noqa: E731
        return download(self.request, make, f"{self.run.entity}_rows.csv")


class RejectedView(RunView):
    """The rejected rows, to be corrected and imported again."""

    parameters = ("format",)

    def get_renderers(self) -> list[BaseRenderer]:
        """Return the renderer of the format that the query asks for; the query is checked later."""
        return [ExcelRenderer() if self.request.query_params.get("format") == "xlsx" else CsvRenderer()]

    def get(self, request: Request, run_id: str) -> HttpResponseBase:
        """Return the file, or 404 if there are no rejected rows (any more)."""
        if self.run.purged_at:
            raise Problem(Cause.REJECTED_ROWS_EXPIRED, "The rejected rows of this import are no longer kept.")
        if not self.run.has_rejected:
            raise Problem(Cause.NO_REJECTED_ROWS, "This import has no rejected rows.")
        file_format = FORMATS[choice(self.query, "format", FORMATS) or "csv"]
        make = row_files.rejected_workbook if file_format == "xlsx" else row_files.rejected_file
        name = f"{self.run.entity}_rejected.{file_format}"
        return download(request, lambda: make(self.run), name, file_format=file_format)


class ApplyView(RunView):
    """Applies a plan."""

    scope = "write"
    parameters: ClassVar[tuple[str, ...]] = ()

    def post(self, request: Request, run_id: str) -> HttpResponseBase:
        """Do exactly what the plan says and return the result; raise Problem (409) if that is no longer possible."""
        retry = Retry(request, authentication.key_id(request))
        if prefers_async(request):
            return retry.answer(lambda: self._start(retry))
        with allowed_wait():
            return retry.answer(lambda: self._linked(self._apply(retry)))

    def _start(self, retry: Retry) -> HttpResponseBase:
        if not retry.begun:
            with refusing():
                lifecycle.confirm(self.run, begin=retry.begin)
        return accepted(self.run)

    def _linked(self, response: HttpResponseBase) -> HttpResponseBase:
        for name, value in links_of(self.run, has_rejected=self.run.has_rejected).items():
            response[name] = value
        return response

    def _apply(self, retry: Retry) -> HttpResponseBase:
        if retry.begun and self.run.status == ImportRun.Status.DONE:
            return self._result()
        try:
            kept = KeptResult(retry, self.run, names_ignored=False)
            report = lifecycle.apply_now(self.run, observers=[kept], begin=retry.begin)
        except lifecycle.NotPlanned as why:
            if retry.begun and self.run.status == ImportRun.Status.DONE:
                return self._result()
            raise refusal(why) from None
        if report is None:
            return self._result()
        response = result_response(report)
        about = warnings_header(report.warning_count) | reading_header(self.run.reading)
        for name, value in about.items():
            response[name] = value
        return response

    def _result(self) -> HttpResponseBase:
        """Return the result of the run, as the first response would have."""
        if self.run.kind == ImportRun.Kind.UNDO:
            return JsonResponse(serializers.detail_json(self.run))
        headers = warnings_header(self.run.warning_count) | reading_header(self.run.reading)
        result = b"".join(idempotency.kept_result(self.run))
        return HttpResponse(result, content_type="application/json", headers=headers)


class UndoView(RunView):
    """Plans an undo, to be applied later."""

    scope = "write"

    def post(self, request: Request, run_id: str) -> HttpResponseBase:
        """Plan to undo an import or another undo. The plan is applied like any other."""
        key_id = authentication.key_id(request)
        retry = Retry(request, key_id)
        by: dict[str, Any] = {"channel": ImportRun.Channel.API, "key_id": key_id, "actor": self.caller.key_name}
        if prefers_async(request):
            return retry.answer(lambda: self._start(retry, by))
        with allowed_wait():
            return retry.answer(lambda: self._plan(retry, by))

    def _start(self, retry: Retry, by: dict[str, Any]) -> HttpResponseBase:
        if retry.begun:
            return accepted(retry.begun)
        with refusing():
            return accepted(lifecycle.start_undo(self.run, begin=retry.begin, **by))

    def _plan(self, retry: Retry, by: dict[str, Any]) -> HttpResponseBase:
        if retry.begun:
            return finished_plan(retry.begun)
        with refusing():
            return created(lifecycle.plan_undo(self.run, begin=retry.begin, **by))


class CancelView(RunView):
    """Cancels what waits or is in progress."""

    scope = "write"

    def post(self, request: Request, run_id: str) -> HttpResponseBase:
        """Have a run end before its time: 200 if it has, 202 if it ends after its current batch."""
        with refusing():
            lifecycle.cancel(self.run, by=self.caller.key_name)
        if self.run.is_at_work:
            return accepted(self.run)
        return JsonResponse(serializers.detail_json(self.run))


@contextmanager
def refusing() -> Iterator[None]:
    """Turn NotPlanned into a problem."""
    try:
        yield
    except lifecycle.NotPlanned as why:
        raise refusal(why) from None


def refusal(why: lifecycle.NotPlanned) -> Problem:
    """Return the problem that a run is not in the state for a request."""
    cause = Cause[why.code.upper()]
    return (InFlight if cause.retry_after else Problem)(cause, str(why))


class HistoryView(EndpointView):
    """The history of a record."""

    def check_path(self, *, entity: str = "", record: str = "", **_: str) -> None:
        """Load the record; raise Problem (404) if it does not exist or belongs to another tenant."""
        super().check_path(entity=entity)
        known = RESOURCES[entity]._meta.model._default_manager.filter(tenant=self.caller.tenant_id)
        self.record: Any = known.filter(pk=int(record)).first() if len(record) < 19 else None
        if self.record is None:
            raise Problem(Cause.NO_SUCH_RECORD, "There is no such record.")

    def get(self, request: Request, entity: str, record: str) -> HttpResponse:
        """Return what imports did to the record, latest first."""
        return JsonResponse(
            {"results": [serializers.trace_json(trace) for trace in row_log.traces(self.record, entity)]}
        )
