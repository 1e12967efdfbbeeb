"""The header ``Idempotency-Key``: a request sent again gets the first answer again, and nothing is done twice.

After the IETF's draft "The Idempotency-Key HTTP Header Field". Whether the first is still at work is a session lock of
PostgreSQL's to say, which goes with the process that held it; an import's answer is kept in its own transaction.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import BinaryIO, cast

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request

from importexport import errors
from importexport.api.ignored_columns import headers_of
from importexport.api.problems import Problem, handle_exception
from importexport.db import session_lock
from importexport.engine.outcome import Outcome
from importexport.engine.report import Report, result_chunks
from importexport.files.table import Table
from importexport.history.plan_check import PlanChanged
from importexport.models import ImportRun, KeptAnswer

HEADER = "HTTP_IDEMPOTENCY_KEY"
KEPT = timedelta(hours=24)
CHUNK = 64 * 1024
#: Headers that are given again with the answer.
REPEATED = ("X-Import-Ignored-Columns", "Location")
#: The status of an answer that is yet to be.
BEGUN = 0
AT_WORK = "A request with this Idempotency-Key is being carried out at this moment."


class InFlight(Problem):
    """A refusal for as long as the first request is being carried out; not an answer to be kept."""

    def __init__(self, detail: str = AT_WORK) -> None:
        super().__init__(409, detail)


class Retry:
    """One request with a key, or without: then nothing is kept and nothing is looked for."""

    #: The run that an earlier try has put to work, of which no answer was kept.
    begun: ImportRun | None = None

    def __init__(self, request: Request, key_id: int | None, file: BinaryIO | None = None) -> None:
        self.name = name_of(request)
        self._key_id = key_id
        self._digest = digest_of(request, file) if self.name else ""

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only request with the key for a while; raise a 409 where another is at it."""
        if not self.name:
            yield
            return
        text = hashlib.sha256(f"{self._key_id} {self.name}".encode()).digest()
        with session_lock([int.from_bytes(text[:8], signed=True)], wait=False) as is_held:
            if not is_held:
                raise InFlight
            yield

    def first_answer(self) -> HttpResponseBase | None:
        """Return the answer that the key has had, or None; raise a 422 where that was to something else."""
        if not self.name:
            return None
        KeptAnswer.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
        kept = KeptAnswer.objects.select_related("run").filter(key=self._key_id, name=self.name).first()
        if kept is None:
            return None
        if kept.digest != self._digest:
            raise Problem(422, "This Idempotency-Key has come with another request within the last 24 hours.")
        if kept.status == BEGUN:
            self.begun = kept.run
            return None
        is_result = kept.run is not None and not kept.body
        content = b"".join(kept_result(cast(ImportRun, kept.run))) if is_result else kept.body.encode()
        return HttpResponse(content, status=kept.status, headers=kept.headers)

    def begin(self, run: ImportRun) -> None:
        """Keep that a run was put to work; called in the transaction that does so."""
        if self.name and not self.begun:
            self._keep(BEGUN, {}, run=run)

    def keep_result(self, run: ImportRun, headers: dict[str, str]) -> None:
        """Keep that the answer is an import's result; called in the import's own transaction."""
        if self.name:
            self._keep(200, {"Content-Type": "application/json", **headers}, run=run)

    def keep(self, response: HttpResponseBase) -> HttpResponseBase:
        """Keep an answer as it is, unless it is kept; a fault of ours is not one to be given again."""
        if not self.name or response.status_code >= 500:
            return response
        if isinstance(response, StreamingHttpResponse):
            headers = dict(response.items())
            response = HttpResponse(b"".join(response), status=response.status_code, headers=headers)
        kept = KeptAnswer.objects.filter(key=self._key_id, name=self.name)
        if not kept.exclude(status=BEGUN).exists():
            names = ("Content-Type", *REPEATED)
            headers = {name: response[name] for name in names if name in response}
            self._keep(response.status_code, headers, body=response.content.decode())  # type: ignore[attr-defined]
        return response

    def _keep(self, status: int, headers: dict[str, str], *, body: str = "", run: ImportRun | None = None) -> None:
        kept = {"digest": self._digest, "status": status, "headers": headers, "body": body, "run": run}
        KeptAnswer.objects.update_or_create(defaults=kept, key_id=cast(int, self._key_id), name=self.name)

    def answer(self, carry_out: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        """Return the first answer again, or carry the request out and keep its answer, a refusal as well."""
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


class KeptResult:
    """The observer that keeps the answer to an import, in the import's own transaction.

    ``names_ignored`` where the answer names the columns that the import ignored.
    """

    def __init__(self, retry: Retry, run: ImportRun, *, names_ignored: bool) -> None:
        self._retry, self._run, self._names_ignored = retry, run, names_ignored

    def begin(self, table: Table) -> None:
        """Nothing is to be kept yet."""

    def add(self, outcome: Outcome) -> None:
        """The answer is made anew from the run."""

    def end(self, report: Report) -> None:
        """Keep that the answer is the import's result."""
        self._retry.keep_result(self._run, headers_of(report) if self._names_ignored else {})


def name_of(request: Request) -> str:
    """Return the request's key, or ""; raise a 400 for one that is malformed."""
    name = request.META.get(HEADER)
    if name is None:
        return ""
    if not 0 < len(name) <= 255 or not name.isascii() or not name.isprintable():
        raise Problem(400, "The Idempotency-Key must have 1 to 255 printable ASCII characters.")
    return name


def digest_of(request: Request, file: BinaryIO | None = None) -> str:
    """Return the SHA-256 of what a request asks: its path, its parameters, its file (which is left at its start)."""
    asked = {"path": request.path.rstrip("/").replace("/v1/", "/", 1), "query": sorted(request.query_params.items())}
    digest = hashlib.sha256(json.dumps(asked).encode())
    while file and (chunk := file.read(CHUNK)):
        digest.update(chunk)
    if file:
        file.seek(0)
    return digest.hexdigest()


def earlier_like(run: ImportRun) -> ImportRun | None:
    """Return the latest import of an identical file within the last 24 hours that took rows, or None."""
    same = ImportRun.objects.filter(
        tenant=run.tenant_id,
        sha256=run.sha256,
        entity=run.entity,
        kind=ImportRun.Kind.IMPORT,
        status=ImportRun.Status.DONE,
        imported__gt=0,
        created_at__gt=timezone.now() - KEPT,
    )
    return same.exclude(pk=run.pk).defer("header", "groups", "sample").order_by("-created_at").first()


def kept_result(run: ImportRun) -> Iterator[bytes]:
    """Yield the contract's result body of an import once more, byte for byte, in pieces."""
    # In the order in which they were refused, which for corrected rows need not be that of their numbers.
    messages = (row.message for row in run.rejected_rows.order_by("id").iterator(chunk_size=1000))
    return result_chunks(run.total_rows, run.imported, run.skipped, messages)
