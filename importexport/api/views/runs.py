"""The endpoints of imports: plan one, look at it, apply it; the list of all, and what became of each row."""

from typing import Any, BinaryIO, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from importexport.api import authentication, idempotency
from importexport.api.idempotency import InFlight, KeptResult, Retry
from importexport.api.parsers import received_file
from importexport.api.problems import Problem
from importexport.api.query_params import MOST, USUAL, choice, number
from importexport.api.renderers import CsvRenderer
from importexport.api.views.base import BASE, EndpointView
from importexport.api.views.files import OptionsView, allowed_wait, new_run, result_response
from importexport.engine.export import CONTENT_TYPES
from importexport.errors import BUG, FileError
from importexport.history import row_files, row_log
from importexport.http.downloads import file_response
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from importexport.runs import lifecycle, serializers

CSV = CONTENT_TYPES["csv"]


class PlanView(OptionsView):
    """A CSV file in, to be looked at before it is applied."""

    scope = "write"

    def post(self, request: Request, entity: str) -> HttpResponseBase:
        """Plan the uploaded file's import."""
        with received_file(request) as upload, allowed_wait():
            run = new_run(request, entity, upload)
            retry = Retry(request, run.key_id, upload.file)
            return retry.answer(lambda: self._plan(retry, run, upload.file))

    def _plan(self, retry: Retry, run: ImportRun, file: BinaryIO) -> HttpResponseBase:
        if retry.begun:
            return finished_plan(retry.begun)
        lifecycle.plan_now(run, file, self.chosen, begin=retry.begin)
        return created(run)


def finished_plan(run: ImportRun) -> HttpResponseBase:
    """Carry on with a plan that an earlier try of the same request has begun, and return it as an answer."""
    lifecycle.finish(run)
    if run.status == ImportRun.Status.FAILED:
        raise Problem(500, run.error) if run.error == BUG else FileError(run.error)
    return created(run)


def created(run: ImportRun) -> HttpResponseBase:
    """Return a new plan as an answer."""
    response = JsonResponse(serializers.detail_json(run), status=201)
    response["Location"] = f"{BASE}/imports/{run.pk}"
    return response


class RunView(EndpointView):
    """What the endpoints of one import share."""

    def check_path(self, *, run_id: str = "", **_: str) -> None:
        """Raise a 404 for an import that does not exist, or is another tenant's."""
        try:
            found = ImportRun.objects.select_related("tenant").filter(tenant=self.caller.tenant_id)
            self.run = found.get(pk=UUID(run_id))
        except (ValueError, ImportRun.DoesNotExist):
            raise Problem(404, "There is no such import.") from None


class ImportsView(EndpointView):
    """All imports, through any channel."""

    parameters = ("entity", "status", "limit", "after")

    def check_path(self, **_: str) -> None:
        """There is one list."""

    def get(self, request: Request) -> HttpResponse:
        """Return a page of imports, the latest first."""
        limit = number(self.query, "limit", usual=USUAL, least=1, most=MOST)
        found = ImportRun.objects.filter(tenant=self.caller.tenant_id).order_by("-created_at", "-pk")
        if self.query.get("status") == "refused":  # What "failed" was called at first.
            self.query["status"] = ImportRun.Status.FAILED
        for name, values in (("entity", list(RESOURCES)), ("status", ImportRun.Status.values)):
            if value := choice(self.query, name, values):
                found = found.filter(**{name: value})
        count = found.count()
        if last := self._last():
            found = found.filter(created_at__lte=last.created_at).exclude(created_at=last.created_at, pk__gte=last.pk)
        page = list(found.defer("header", "groups", "sample", "suggestions")[: limit + 1])
        rest = len(page) > limit
        page = page[:limit]
        after = urlencode({**self.query, "after": page[-1].pk}) if rest else None
        return JsonResponse(
            {
                "count": count,
                "next": f"{BASE}/imports?{after}" if after else None,
                "results": [serializers.run_json(run) for run in page],
            }
        )

    def _last(self) -> ImportRun | None:
        """Return the import after which the page begins."""
        text = self.query.get("after")
        if text is None:
            return None
        try:
            return ImportRun.objects.get(pk=UUID(text), tenant=self.caller.tenant_id)
        except (ValueError, ImportRun.DoesNotExist):
            raise Problem(400, f"Unknown after '{text[:100]}'. Expected the id of an import.") from None


class ImportDetailView(RunView):
    """One import as a whole."""

    def get(self, request: Request, run_id: str) -> HttpResponse:
        """Return it; work that a killed server left is taken up."""
        lifecycle.resume(self.run)
        return JsonResponse(serializers.detail_json(self.run))


class RowsView(RunView):
    """What became, or would become, of each row."""

    parameters = ("action", "limit", "after", "format")

    def get_renderers(self) -> list[BaseRenderer]:
        """Return CSV's renderer if CSV is asked for; that is judged before the query is."""
        return [CsvRenderer()] if self.request.query_params.get("format") == "csv" else super().get_renderers()

    def get(self, request: Request, run_id: str) -> HttpResponseBase:
        """Return a page of rows, in their order; as CSV, all of them."""
        action = choice(self.query, "action", row_log.ACTIONS)
        after = number(self.query, "after", usual=0, least=0, most=10**12)
        limit = number(self.query, "limit", usual=USUAL, least=1, most=MOST)
        if choice(self.query, "format", ("json", "csv")) == "csv":
            return self._csv(action, after)
        page, rest = row_log.some_rows(self.run, action=action, after=after, limit=limit)
        following = urlencode({**self.query, "after": page[-1].number}) if rest else None
        return JsonResponse(
            {
                "next": f"{BASE}/imports/{self.run.pk}/rows?{following}" if following else None,
                "results": [serializers.row_json(row, self.run) for row in page],
            }
        )

    def _csv(self, action: str | None, after: int) -> HttpResponseBase:
        if "limit" in self.query:
            raise Problem(400, "'limit' means nothing with format 'csv', which has all rows.")
        pieces = row_files.csv_chunks(row_log.rows(self.run, action=action, after=after), self.run)
        return file_response(pieces, f"{self.run.entity}_rows.csv", CSV)


class RejectedView(RunView):
    """The rejected rows, to be corrected and brought again."""

    renderer_classes = (CsvRenderer,)

    def get(self, request: Request, run_id: str) -> HttpResponseBase:
        """Return the file; an import without rejected rows has none."""
        if self.run.purged_at:
            raise Problem(404, "The rejected rows of this import are no longer kept.")
        if not self.run.has_rejected:
            raise Problem(404, "This import has no rejected rows.")
        return file_response(row_files.rejected_file(self.run), f"{self.run.entity}_rejected.csv", CSV)


class ApplyView(RunView):
    """A plan becomes an import."""

    scope = "write"
    parameters: ClassVar[tuple[str, ...]] = ()

    def post(self, request: Request, run_id: str) -> HttpResponseBase:
        """Do just what the plan says, and report as an import does; raise a 409 where that cannot be any more."""
        retry = Retry(request, authentication.key_id(request))
        with allowed_wait():
            return retry.answer(lambda: self._apply(retry))

    def _apply(self, retry: Retry) -> HttpResponseBase:
        if retry.begun and self.run.status == ImportRun.Status.DONE:
            return self._result()
        try:
            kept = KeptResult(retry, self.run, names_ignored=False)
            report = lifecycle.apply_now(self.run, observers=[kept], begin=retry.begin)
        except lifecycle.NotPlanned as why:
            if retry.begun and self.run.status == ImportRun.Status.DONE:
                return self._result()
            raise (InFlight(str(why)) if self.run.is_at_work else Problem(409, str(why))) from None
        return self._result() if report is None else result_response(report)

    def _result(self) -> HttpResponseBase:
        """Return what became of the run, as the first answer would have said it."""
        if self.run.kind == ImportRun.Kind.UNDO:
            return JsonResponse(serializers.detail_json(self.run))
        return HttpResponse(b"".join(idempotency.kept_result(self.run)), content_type="application/json")


class UndoView(RunView):
    """The way back, to be looked at before it is gone."""

    scope = "write"

    def post(self, request: Request, run_id: str) -> HttpResponseBase:
        """Plan to undo an import, or another undo; the plan is applied as any other."""
        key_id = authentication.key_id(request)
        retry = Retry(request, key_id)
        with allowed_wait():
            return retry.answer(lambda: self._plan(retry, key_id))

    def _plan(self, retry: Retry, key_id: int | None) -> HttpResponseBase:
        if retry.begun:
            return finished_plan(retry.begun)
        by: dict[str, Any] = {"channel": ImportRun.Channel.API, "key_id": key_id, "actor": self.caller.key_name}
        try:
            run = lifecycle.plan_undo(self.run, begin=retry.begin, **by)
        except lifecycle.NotPlanned as why:
            raise Problem(409, str(why)) from None
        return created(run)


class HistoryView(EndpointView):
    """Where a record comes from."""

    def check_path(self, *, entity: str = "", record: str = "", **_: str) -> None:
        """Raise a 404 for a record that does not exist, or is another tenant's."""
        super().check_path(entity=entity)
        known = RESOURCES[entity]._meta.model._default_manager.filter(tenant=self.caller.tenant_id)
        self.record: Any = known.filter(pk=int(record)).first() if len(record) < 19 else None
        if self.record is None:
            raise Problem(404, "There is no such record.")

    def get(self, request: Request, entity: str, record: str) -> HttpResponse:
        """Return what imports did to it, the latest first."""
        return JsonResponse(
            {"results": [serializers.trace_json(trace) for trace in row_log.traces(self.record, entity)]}
        )
