"""The API's own description: OpenAPI 3.1, made from the resources, and the pages to read it in."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from importexport import differing, examples, faults, formats, runs
from importexport.api import schema_imports
from importexport.api.authentication import OVER_SHARE
from importexport.api.idempotency import AT_WORK
from importexport.api.problems import AWAY, ProblemResponse, problem_body
from importexport.api.schema_parts import RATE_HEADERS, Json, operation
from importexport.engine import EntityResource
from importexport.models import ImportRun
from importexport.plans import PlanChanged
from importexport.resources import RESOURCES

#: Status → what it means here, and an example of its detail. The order is that in which a request is judged.
PROBLEMS: dict[int, tuple[str, list[str]]] = {
    401: (
        "No key, or one that is malformed, unknown, expired or revoked",
        ["The API key is missing. Send a key in the header X-Api-Key."],
    ),
    429: (
        "The tenant has made more requests than a minute allows, or has too many under way at once",
        ["More than 1000 requests in a minute. Try again in 17 seconds.", OVER_SHARE],
    ),
    403: (
        "The key belongs to another tenant than the host names, or lacks the scope",
        [
            "The API key belongs to another tenant than the host names.",
            "The API key has the scope 'read'; this needs 'write'.",
        ],
    ),
    404: (
        "An unknown path or entity; an import or record that there is not",
        ["There is nothing at this path.", "There is no such import.", "There is no such record."],
    ),
    405: ("An unknown method; the header Allow names those there are", ["The method PUT is not allowed here."]),
    406: (
        "The Accept header excludes what the endpoint gives",
        ["This endpoint gives text/csv, which the Accept header excludes."],
    ),
    408: (
        "The body stood still, or took too long",
        ["The body stood still for 30 seconds.", "The body took longer than 300 seconds."],
    ),
    409: (
        "A plan that does not hold any more, was applied already or is being applied; an Idempotency-Key in use",
        [
            runs.WHY_NOT[ImportRun.Status.DONE],
            differing.sentence(PlanChanged(["Row 4 was to leave record 17 as it is; now: create a record"], 1)),
            AT_WORK,
        ],
    ),
    422: (
        "An Idempotency-Key that came with another request",
        ["This Idempotency-Key has come with another request within the last 24 hours."],
    ),
    415: ("Not multipart/form-data, or a file that is no CSV", [str(faults.NotCsv("an image"))]),
    413: ("The file is over the limit", [str(faults.TooLarge(10 * 1024 * 1024))]),
    400: ("A query parameter, a malformed body, or a file that cannot be read as a whole", examples.FILE_FAULTS),
    503: (
        "The database cannot be reached, or another import of the tenant's is in the way for longer than 30 seconds",
        [AWAY, faults.busy("contacts", "8c1c7a10-6f96-4ff8-8b86-d011b42d00c0"), faults.RECORDS_BUSY],
    ),
}
SAME_RECORD = {
    "contacts": "The same contact: the same e-mail, ignoring case.",
    "companies": "The same company: the same name, ignoring case, or the same domain where one is given.",
    "deals": "The same deal: the same name, ignoring case, in the same pipeline.",
    "activities": "The same activity: the same type, subject, scheduled_at, due_date, contact, company and deal.",
}
#: Column → what its own rule does not say: what a blank cell means, and which of several records is meant.
BESIDES = {
    "lifecycle_stage": "blank: `lead`",
    "probability": "blank: the stage's",
    "stage_name": "blank: the pipeline's first; where no pipeline is named, it is looked for in the default pipeline,"
    " then in the only other one that has it",
    "pipeline_name": "blank: the default pipeline",
    "status": "blank: `completed` where completed_at is given, else `pending`",
    "priority": "blank: `normal`",
    "deal_name": "where several bear the name, the one of the row's company, then of its contact",
}
READING = (401, 429, 403, 404, 405, 406, 400, 503)
WRITING = (401, 429, 403, 404, 405, 406, 408, 409, 415, 413, 400, 422, 503)


@method_decorator(csrf_exempt, "dispatch")  # Without it, another method would be answered with a page.
class PublicView(View):
    """What may be read without a key."""

    http_method_names = ("get", "head")

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Refuse any other method."""
        return ProblemResponse(405, f"The method {request.method} is not allowed here.", {"Allow": "GET, HEAD"})


class SchemaView(PublicView):
    """The description as JSON."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return the description."""
        return JsonResponse(description())


class DocsView(PublicView):
    """The description as a page to browse and try."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return the page; its assets are our own static files."""
        return render(request, "importexport/api/docs.html")


class ProblemsView(PublicView):
    """The page that the ``type`` of problem details leads to."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return the page."""
        listed = [
            problem_body(status, meaning) | {"details": details}
            for status, (meaning, details) in sorted(PROBLEMS.items())
        ]
        return render(request, "importexport/api/problems.html", {"problems": listed})


@cache
def description() -> Json:
    """Return the OpenAPI 3.1 document."""
    paths: Json = {}
    for resource in RESOURCES.values():
        base = f"/api/v1/importexport/{resource.entity}"
        paths[f"{base}/export"] = {"get": export_operation(resource, "csv")}
        paths[f"{base}/export/excel"] = {"get": export_operation(resource, "xlsx")}
        paths[f"{base}/import"] = {"post": import_operation(resource)}
        paths[f"{base}/plan"] = {"post": plan_operation(resource)}
        paths[f"{base}/template"] = {"get": template_operation(resource)}
        paths[f"{base}/{{record}}/imports"] = {"get": schema_imports.history_operation(resource.entity)}
    paths |= schema_imports.paths(list(RESOURCES))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rally import / export", "version": "1", "description": examples.INTRODUCTION},
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": entity, "description": SAME_RECORD[entity]} for entity in RESOURCES]
        + [{"name": "imports", "description": "Every import by any door: planned, applied, repaired, undone."}],
        "paths": paths,
        "components": components(),
    }


def components() -> Json:
    """Return what the operations refer to."""
    return {
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}},
        "headers": {name: {"description": text, "schema": {"type": "integer"}} for name, text in RATE_HEADERS.items()},
        "schemas": {"Result": RESULT, "Problem": PROBLEM} | schema_imports.SCHEMAS,
        "responses": {f"Problem{status}": problem_answer(status) for status in PROBLEMS},
    }


RESULT: Json = {
    "type": "object",
    "description": "totalRows = imported + skipped; one message for every skipped row, in row order.",
    "required": ["totalRows", "imported", "skipped", "errors"],
    "additionalProperties": False,
    "properties": {
        "totalRows": {"type": "integer", "minimum": 0},
        "imported": {"type": "integer", "minimum": 0},
        "skipped": {"type": "integer", "minimum": 0},
        "errors": {"type": "array", "items": {"type": "string"}},
    },
}
PROBLEM: Json = {
    "type": "object",
    "description": "Problem details (RFC 9457)",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}


def export_operation(resource: type[EntityResource], file_format: formats.FileFormat) -> Json:
    """Describe an export."""
    content: Json = {"schema": {"type": "string", "format": "binary"}}
    if file_format == "csv":
        content = {"schema": {"type": "string"}, "example": examples.csv_example(resource)}
    return operation(
        f"{resource.entity}_export_{file_format}",
        tag=resource.entity,
        summary=f"Export {resource.entity} as {file_format.upper()}",
        text=examples.EXPORT_CSV if file_format == "csv" else examples.EXPORT_XLSX,
        media_type=formats.CONTENT_TYPES[file_format],
        content=content,
        filename=f"{resource.entity}.{file_format}",
        statuses=READING,
    )


def template_operation(resource: type[EntityResource]) -> Json:
    """Describe a template."""
    return operation(
        f"{resource.entity}_template",
        tag=resource.entity,
        summary=f"Template for {resource.entity}",
        text="A CSV file of the header row alone.",
        media_type=formats.CONTENT_TYPES["csv"],
        content={"schema": {"type": "string"}, "example": ",".join(resource.column_names()) + "\r\n"},
        filename=f"{resource.entity}_template.csv",
        statuses=READING,
    )


def import_operation(resource: type[EntityResource]) -> Json:
    """Describe an import."""
    described = operation(
        f"{resource.entity}_import",
        tag=resource.entity,
        summary=f"Import {resource.entity} from CSV",
        text=f"{examples.IMPORT}\n\n{columns_table(resource)}",
        media_type="application/json",
        content={"schema": {"$ref": "#/components/schemas/Result"}, "examples": examples.results(resource)},
        statuses=WRITING,
    )
    described["requestBody"] = {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary", "description": "A CSV file, UTF-8"}},
                },
                "encoding": {"file": {"contentType": "text/csv"}},
            }
        },
    }
    described["responses"]["200"]["headers"] |= {
        "X-Import-Ignored-Columns": {
            "description": "Columns that were ignored: comma-separated, percent-encoded where not ASCII, cut to 1 kB",
            "schema": {"type": "string"},
        },
        "X-Import-Warning": {
            "description": "An identical file was imported within 24 hours; which import that was",
            "schema": {"type": "string"},
        },
    }
    trial = {"type": "string", "enum": ["false", "true"], "default": "false"}
    described["parameters"] = [
        *schema_imports.option_parameters(resource),
        schema_imports.parameter("dry_run", "The same answer, and nothing stored", trial),
        schema_imports.IDEMPOTENCY,
    ]
    return described


def plan_operation(resource: type[EntityResource]) -> Json:
    """Describe a plan, which takes what an import takes."""
    described = import_operation(resource)
    answer = described["responses"].pop("200")
    answer["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Import"}}}
    return described | {
        "operationId": f"{resource.entity}_plan",
        "summary": f"Plan an import of {resource.entity}",
        "description": "Says what an import would do, row by row, and stores no record; then `apply` does just that.",
        "parameters": [*schema_imports.option_parameters(resource), schema_imports.IDEMPOTENCY],
        "responses": {"201": answer, **described["responses"]},
    }


def problem_answer(status: int) -> Json:
    """Describe a problem's answer, with an example of each detail."""
    meaning, details = PROBLEMS[status]
    headers: Json = {} if status == 401 else {name: {"$ref": f"#/components/headers/{name}"} for name in RATE_HEADERS}
    own = {401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"}.get(status)
    if own:
        headers[own] = {"schema": {"type": "string"}}
    shown = {
        f"problem{i}": {"summary": text[:60], "value": problem_body(status, text)} for i, text in enumerate(details, 1)
    }
    body = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": shown}
    return {"description": meaning, "headers": headers, "content": {"application/problem+json": body}}


def columns_table(resource: type[EntityResource]) -> str:
    """Return the columns and their rules as a Markdown table."""
    lines = []
    for name, column in resource.fields.items():
        rule = "; ".join(filter(None, [column.help, BESIDES.get(name)]))
        lines.append(f"| {f'**{name}**' if column.required else name} | {rule} |")
    limit = f"{settings.RALLY_IMPORT_MAX_BYTES:,}".replace(",", " ")
    return "\n".join(
        [f"Columns (**bold**: required); at most {limit} bytes.", "", "| column | rule |", "|---|---|", *lines]
    )
