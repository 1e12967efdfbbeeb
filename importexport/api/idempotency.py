"""The ``Idempotency-Key`` header: a repeated request gets the first response again and does nothing twice.

After the IETF draft "The Idempotency-Key HTTP Header Field". A lease tells whether the first request is still being
processed: it ends soon after its process has died. The response to an import is kept in the import's own transaction.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from typing import Any, BinaryIO, cast

from django.db import transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request

from importexport import errors
from importexport.api.authentication import caller_of
from importexport.api.causes import Cause
from importexport.api.ignored_columns import headers_of, reading_header, warnings_header
from importexport.api.links import links_of
from importexport.api.problems import Problem, handle_exception
from importexport.db import Lease, leased
from importexport.engine.observers import Observer
from importexport.engine.report import Report, result_chunks
from importexport.history.kept import rejected_kept
from importexport.history.plan_check import PlanChanged
from importexport.models import ImportRun, KeptAnswer, RejectedRow

HEADER = "HTTP_IDEMPOTENCY_KEY"
KEPT = timedelta(hours=24)
CHUNK = 64 * 1024
#: The headers of a response that are kept with it.
REPEATED = ("X-Import-Ignored-Columns", "X-Import-Warnings", "X-Import-Reading", "Location", "Link")
#: The header of a response that is given again.
REPLAYED = {"Idempotent-Replayed": "true"}
#: The status of a response that does not exist yet.
BEGUN = 0
AT_WORK = "A request with this Idempotency-Key is being carried out at this moment."


class InFlight(Problem):
    """Something is still being processed. This response is not kept, since waiting helps."""

    def __init__(self, cause: Cause = Cause.IDEMPOTENCY_KEY_IN_USE, detail: str = AT_WORK) -> None:
        super().__init__(cause, detail)


class Retry:
    """A request that may repeat an earlier one. Without an Idempotency-Key, nothing is kept or looked up."""

    #: The run that an earlier attempt has started without a response.
    begun: ImportRun | None = None
    _lease: Lease | None = None

    def __init__(
        self,
        request: Request,
        key_id: int | None,
        file: BinaryIO | None = None,
        *,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name_of(request)
        self._owner: dict[str, Any] = {"tenant_id": caller_of(request).tenant_id, "key_id": cast(int, key_id)}
        self._digest = digest_of(request, file, options or {}) if self.name else ""

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lease of the key; raise InFlight if another request holds it."""
        if not self.name:
            yield
            return
        name = f"key {self._owner['key_id']} {hashlib.sha256(self.name.encode()).hexdigest()}"
        with leased(self._owner["tenant_id"], name) as self._lease:
            if self._lease is None:
                raise InFlight
            yield

    def first_answer(self) -> HttpResponseBase | None:
        """Return the first response for the key, or None; raise Problem (422) if it was to a different request."""
        if not self.name:
            return None
        KeptAnswer.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
        kept = KeptAnswer.objects.select_related("run").filter(**self._owner, name=self.name).first()
        if kept is None:
            return None
        if kept.digest != self._digest:
            detail = "This Idempotency-Key has come with another request within the last 24 hours."
            raise Problem(Cause.IDEMPOTENCY_KEY_REUSED, detail)
        if kept.status == BEGUN:
            self.begun = kept.run
            return None
        is_result = kept.run is not None and not kept.body
        content = b"".join(kept_result(cast(ImportRun, kept.run))) if is_result else kept.body.encode()
        return HttpResponse(content, status=kept.status, headers=kept.headers | REPLAYED)

    def begin(self, run: ImportRun) -> None:
        """Note that the request has started a run; called in the transaction that does so.

        Raises LeaseLost if the same request may be in progress elsewhere, after this process was frozen for too long.
        """
        if self._lease and not self.begun:
            self._lease.check()
            self._keep(BEGUN, {}, run=run)

    def keep_result(self, run: ImportRun, headers: dict[str, str]) -> None:
        """Note that the response is an import's result; called in the import's own transaction.

        Raises LeaseLost like ``begin``.
        """
        if self._lease:
            self._lease.check()
            self._keep(200, {"Content-Type": "application/json", **headers}, run=run)

    def keep(self, response: HttpResponseBase) -> HttpResponseBase:
        """Keep a response unless one is kept already, and return it. Server errors are not kept."""
        if not self.name or response.status_code >= 500:
            return response
        if isinstance(response, StreamingHttpResponse):
            headers = dict(response.items())
            response = HttpResponse(b"".join(response), status=response.status_code, headers=headers)
        kept = KeptAnswer.objects.filter(**self._owner, name=self.name)
        if not kept.exclude(status=BEGUN).exists():
            names = ("Content-Type", *REPEATED)
            headers = {name: response[name] for name in names if name in response}
            self._keep(response.status_code, headers, body=response.content.decode())  # type: ignore[attr-defined]
        return response

    def _keep(self, status: int, headers: dict[str, str], *, body: str = "", run: ImportRun | None = None) -> None:
        kept = {"digest": self._digest, "status": status, "headers": headers, "body": body, "run": run}
        KeptAnswer.objects.update_or_create(defaults=kept, **self._owner, name=self.name)

    def answer(self, carry_out: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        """Return the first response again, or call ``carry_out`` and keep its response, including errors."""
        with self.alone():
            if first := self.first_answer():
                return first
            try:
                return self.keep(carry_out())
            except InFlight:
                raise
            except (errors.FileError, PlanChanged, Problem) as rejection:
                if self.name:
                    self.keep(handle_exception(rejection, {}))
                raise


class KeptResult(Observer):
    """An observer that keeps the response to an import in the import's own transaction.

    With ``names_ignored``, the response has a header with the ignored columns.
    """

    def __init__(self, retry: Retry, run: ImportRun, *, names_ignored: bool) -> None:
        self._retry, self._run, self._names_ignored = retry, run, names_ignored

    def end(self, report: Report) -> None:
        self._retry.keep_result(self._run, result_headers(self._run, report, names_ignored=self._names_ignored))


def result_headers(run: ImportRun, report: Report, *, names_ignored: bool) -> dict[str, str]:
    """Return the headers of an import's result; those for ignored columns only if it ``names_ignored``."""
    about = headers_of(report) if names_ignored else warnings_header(report.warning_count)
    return links_of(run, has_rejected=report.skipped > 0) | about | reading_header(run.reading)


def name_of(request: Request) -> str:
    """Return the request's Idempotency-Key, or ""; raise Problem (400) if it is malformed."""
    name = request.META.get(HEADER)
    if name is None:
        return ""
    if not 0 < len(name) <= 255 or not name.isascii() or not name.isprintable():
        detail = "The Idempotency-Key must have 1 to 255 printable ASCII characters."
        raise Problem(Cause.INVALID_IDEMPOTENCY_KEY, detail)
    return name


def digest_of(request: Request, file: BinaryIO | None, options: Mapping[str, str]) -> str:
    """Return the SHA-256 of a request's path, parameters and file; the file is rewound.

    Options are the same in the query and in the form.
    """
    query = request.query_params.dict() | dict(options)
    asked = {"path": request.path.rstrip("/").replace("/v1/", "/", 1), "query": sorted(query.items())}
    digest = hashlib.sha256(json.dumps(asked).encode())
    while file and (chunk := file.read(CHUNK)):
        digest.update(chunk)
    if file:
        file.seek(0)
    return digest.hexdigest()


def earlier_like(run: ImportRun) -> ImportRun | None:
    """Return the latest import of an identical file within the last 24 hours that imported rows, or None."""
    same = ImportRun.objects.filter(
        tenant=run.tenant_id,
        sha256=run.sha256,
        entity=run.entity,
        kind=ImportRun.Kind.IMPORT,
        status=ImportRun.Status.DONE,
        imported__gt=0,
        created_at__gt=timezone.now() - KEPT,
    )
    return same.exclude(pk=run.pk).defer("header", "groups", "warnings", "sample").order_by("-created_at").first()


def kept_result(run: ImportRun) -> Iterator[bytes]:
    """Yield the result of an import again, byte for byte, in chunks.

    If more rows were rejected than are kept, the last message says how many others there were.
    """
    # In the order in which rows were rejected, which may differ from their numbers in a corrected file.
    lost = run.skipped - rejected_kept(run)
    told = [errors.not_kept(lost)] if lost > 0 else []
    with transaction.atomic():
        messages = (row.message for row in RejectedRow.objects.of(run).order_by("id").iterator(chunk_size=1000))
        yield from result_chunks(run.total_rows, run.imported, run.skipped, chain(messages, told))
