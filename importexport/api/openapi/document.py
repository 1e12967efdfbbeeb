"""The API's own description: OpenAPI 3.1, made from the resources, and the pages to read it in."""

from functools import cache

from django.conf import settings

from importexport.api.openapi import runs, texts
from importexport.api.openapi.operation import RATE_HEADERS, Json, operation
from importexport.api.openapi.problems import PROBLEMS, problem_answer
from importexport.engine import export
from importexport.engine.resource import EntityResource
from importexport.resources import RESOURCES

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
        paths[f"{base}/{{record}}/imports"] = {"get": runs.history_operation(resource.entity)}
    paths |= runs.paths(list(RESOURCES))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rally import / export", "version": "1", "description": texts.INTRODUCTION},
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": entity, "description": SAME_RECORD[entity]} for entity in RESOURCES]
        + [{"name": "imports", "description": "Every import through any channel: planned, applied, repaired, undone."}],
        "paths": paths,
        "components": components(),
    }


def components() -> Json:
    """Return what the operations refer to."""
    return {
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}},
        "headers": {name: {"description": text, "schema": {"type": "integer"}} for name, text in RATE_HEADERS.items()},
        "schemas": {"Result": RESULT, "Problem": PROBLEM} | runs.SCHEMAS,
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


def export_operation(resource: type[EntityResource], file_format: export.FileFormat) -> Json:
    """Describe an export."""
    content: Json = {"schema": {"type": "string", "format": "binary"}}
    if file_format == "csv":
        content = {"schema": {"type": "string"}, "example": texts.csv_example(resource)}
    return operation(
        f"{resource.entity}_export_{file_format}",
        tag=resource.entity,
        summary=f"Export {resource.entity} as {file_format.upper()}",
        text=texts.EXPORT_CSV if file_format == "csv" else texts.EXPORT_XLSX,
        media_type=export.CONTENT_TYPES[file_format],
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
        media_type=export.CONTENT_TYPES["csv"],
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
        text=f"{texts.IMPORT}\n\n{columns_table(resource)}",
        media_type="application/json",
        content={"schema": {"$ref": "#/components/schemas/Result"}, "examples": texts.results(resource)},
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
        *runs.option_parameters(resource),
        runs.parameter("dry_run", "The same answer, and nothing stored", trial),
        runs.IDEMPOTENCY,
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
        "parameters": [*runs.option_parameters(resource), runs.IDEMPOTENCY],
        "responses": {"201": answer, **described["responses"]},
    }


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
