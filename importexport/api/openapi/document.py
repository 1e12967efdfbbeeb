"""The whole document: the paths of records, what runs adds to them, and the components that they refer to."""

from functools import cache
from typing import Any

from django.conf import settings

from importexport.api.openapi import runs, texts
from importexport.api.openapi.operation import RATE_HEADERS, READING, TAKING_A_FILE, Json, operation
from importexport.api.openapi.problems import PROBLEMS, problem_answer
from importexport.api.openapi.schemas import SCHEMAS, ref
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
        "schemas": SCHEMAS,
        "responses": {f"Problem{status}": problem_answer(status) for status in PROBLEMS},
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
        content={export.CONTENT_TYPES[file_format]: content},
        filename=f"{resource.entity}.{file_format}",
        statuses=READING,
    )


def template_operation(resource: type[EntityResource]) -> Json:
    """Describe a template."""
    content = {"schema": {"type": "string"}, "example": ",".join(resource.column_names()) + "\r\n"}
    return operation(
        f"{resource.entity}_template",
        tag=resource.entity,
        summary=f"Template for {resource.entity}",
        text="A CSV file of the header row alone.",
        content={export.CONTENT_TYPES["csv"]: content},
        filename=f"{resource.entity}_template.csv",
        statuses=READING,
    )


def import_operation(resource: type[EntityResource]) -> Json:
    """Describe an import."""
    trial = {"type": "string", "enum": ["false", "true"], "default": "false"}
    return file_operation(
        resource,
        "import",
        summary=f"Import {resource.entity} from CSV",
        text=f"{texts.IMPORT}\n\n{columns_table(resource)}",
        content={"schema": ref("Result"), "examples": texts.results(resource)},
        parameters=[runs.parameter("dry_run", "The same answer, and nothing stored", trial)],
        headers=IMPORT_HEADERS,
    )


def plan_operation(resource: type[EntityResource]) -> Json:
    """Describe a plan, which takes what an import takes."""
    return file_operation(
        resource,
        "plan",
        summary=f"Plan an import of {resource.entity}",
        text="Says what an import would do, row by row, and stores no record; then `apply` does just that.",
        content={"schema": ref("Import")},
        headers=runs.LOCATION,
        success="201",
    )


def file_operation(
    resource: type[EntityResource], what: str, *, content: Json, parameters: list[Json] | None = None, **more: Any
) -> Json:
    """Describe an operation that takes a file; ``more`` is as for any operation."""
    described = operation(
        f"{resource.entity}_{what}",
        tag=resource.entity,
        content={"application/json": content},
        statuses=TAKING_A_FILE,
        **more,
    )
    taken = [*runs.option_parameters(resource), *(parameters or []), runs.IDEMPOTENCY]
    return described | {"parameters": taken, "requestBody": FORM}


FORM: Json = {
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
IMPORT_HEADERS = {
    "X-Import-Ignored-Columns": "Columns that were ignored: comma-separated, percent-encoded if not ASCII, cut to 1 kB",
    "X-Import-Warning": "An identical file was imported within 24 hours; which import that was",
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
