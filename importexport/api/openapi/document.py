"""The OpenAPI document: the paths of the entities, those of runs, and the components they refer to."""

from functools import cache
from typing import Any

from django.conf import settings

from importexport.api.causes import STATUSES
from importexport.api.openapi import examples, exports, mappings, runs, schedules, sources, texts, webhooks
from importexport.api.openapi.exports import export_operation, template_operation
from importexport.api.openapi.mappings import MAPPINGS
from importexport.api.openapi.operation import READING, TAKING_A_FILE, Json, operation, ref
from importexport.api.openapi.problems import problem_answer
from importexport.api.openapi.readings import READINGS, read_operation
from importexport.api.openapi.schedules import SCHEDULES
from importexport.api.openapi.schemas import SCHEMAS
from importexport.api.openapi.sharing import share
from importexport.api.openapi.sources import SOURCES
from importexport.api.openapi.webhooks import WEBHOOKS
from importexport.engine.resource import EntityResource
from importexport.resources import RESOURCES

SAME_RECORD = {
    "contacts": "The same contact: the same e-mail, ignoring case.",
    "companies": "The same company: the same name, ignoring case, or the same domain if there is one.",
    "deals": "The same deal: the same name, ignoring case, in the same pipeline.",
    "activities": "The same activity: the same type, subject, body, scheduled_at, completed_at, due_date, contact,"
    " company and deal.",
}
#: Column → what the help of the column does not say: the meaning of a blank cell, and of an ambiguous name.
BESIDES = {
    "lifecycle_stage": "blank: `lead`",
    "probability": "blank: the stage's",
    "stage_name": "blank: the pipeline's first; without a pipeline, the stage is looked up in the default pipeline,"
    " then in the only other pipeline that has it",
    "pipeline_name": "blank: the default pipeline",
    "status": "blank: `completed` if completed_at is given, else `pending`",
    "priority": "blank: `normal`",
    "deal_name": "if several deals have the name, the one of the row's company, then of its contact",
}


TAGS = [
    {"name": "exports", "description": "Exports that a worker prepares"},
    {"name": "imports", "description": "All import runs, from every channel: plan, apply, correct and undo them."},
    {"name": "sources", "description": "The files of other programs: what is known of them, and mappings."},
    {"name": "schedules", "description": "Imports from addresses and exports to them, at times of a cron expression."},
    {"name": "webhooks", "description": "Signed requests that tell of the ends of imports, and what came of them."},
    {"name": "key", "description": "What a key belongs to, and its limits."},
]
KEY: Json = {
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Api-Key",
        "description": "A key of the tenant, `rk_live_…`: created in the admin, or by `manage.py create_api_key`",
    }
}


@cache
def description() -> Json:
    """Return the OpenAPI 3.1 document, except for the address of the server."""
    paths, responses = all_paths(), {f"Problem{status}": problem_answer(status) for status in STATUSES}
    shared = share(paths, responses)
    return {
        "openapi": "3.1.0",
        "info": texts.INFO,
        "security": [{"key": []}],
        "tags": [{"name": entity, "description": SAME_RECORD[entity]} for entity in RESOURCES] + TAGS,
        "paths": paths,
        "webhooks": webhooks.messages(),
        "components": {
            "securitySchemes": KEY,
            "schemas": SCHEMAS | SOURCES | READINGS | MAPPINGS | WEBHOOKS | SCHEDULES,
            "responses": responses,
            **shared,
        },
    }


def all_paths() -> Json:
    """Return the paths with their operations."""
    paths: Json = {}
    for resource in RESOURCES.values():
        base = f"/api/v1/importexport/{resource.entity}"
        paths[f"{base}/export"] = {"get": export_operation(resource, "csv")}
        paths[f"{base}/export/excel"] = {"get": export_operation(resource, "xlsx")}
        paths[f"{base}/import"] = {"post": import_operation(resource)}
        paths[f"{base}/plan"] = {"post": plan_operation(resource)}
        options = runs.option_parameters(resource)
        paths[f"{base}/read"] = {"post": read_operation(resource.entity, options, form())}
        paths[f"{base}/template"] = {"get": template_operation(resource)}
        paths[f"{base}/{{record}}/imports"] = {"get": runs.history_operation(resource.entity)}
    others = runs.paths() | exports.paths() | sources.paths() | mappings.paths() | webhooks.paths()
    others |= schedules.paths()
    return paths | others | {"/api/v1/me": {"get": me_operation()}}


def me_operation() -> Json:
    """Describe the endpoint that tells a key about itself."""
    return operation(
        "me_show",
        tag="key",
        summary="Show the key and its limits",
        text="Returns the tenant of the key, the key itself without its secret, and the limits of the caller.",
        content={"application/json": {"schema": ref("Me"), "example": examples.ME}},
        statuses=READING,
    )


def import_operation(resource: type[EntityResource]) -> Json:
    """Describe an import."""
    return file_operation(
        resource,
        "import",
        summary=f"Import {resource.entity} from CSV",
        text=f"{texts.IMPORT}\n\n{columns_table(resource)}",
        content={"schema": ref("Result"), "examples": texts.results(resource)},
        parameters=[runs.DRY_RUN],
        headers=runs.LINKS | IMPORT_HEADERS,
    )


def plan_operation(resource: type[EntityResource]) -> Json:
    """Describe a plan, which takes the same file and options as an import."""
    return file_operation(
        resource,
        "plan",
        summary=f"Plan an import of {resource.entity}",
        text="Computes what an import would do, row by row, and stores no records. `apply` then does exactly that.",
        content={"schema": ref("Run"), "example": examples.PLANNED},
        headers=runs.LOCATION | runs.WARNINGS | runs.READ_AS,
        success="201",
    )


def file_operation(
    resource: type[EntityResource], what: str, *, content: Json, parameters: list[Json] | None = None, **more: Any
) -> Json:
    """Describe an operation that takes a file; ``more`` is passed to ``operation``."""
    described = operation(
        f"{resource.entity}_{what}",
        tag=resource.entity,
        content={"application/json": content},
        statuses=TAKING_A_FILE,
        accepted=runs.ACCEPTED,
        **more,
    )
    options = [*runs.option_parameters(resource), *(parameters or [])]
    return described | {"parameters": [*options, runs.IDEMPOTENCY, runs.PREFER], "requestBody": form()}


def form() -> Json:
    """Describe the form with the file.

    That it may have the options too is only told in words: clients would fill in every field that they know of, and
    contradict the query.
    """
    file: Json = {"type": "string", "format": "binary", "description": "A CSV file in UTF-8, or a workbook"}
    schema: Json = {"type": "object", "required": ["file"], "properties": {"file": file}}
    content = {"schema": schema, "encoding": {"file": {"contentType": "text/csv"}}}
    return {"description": FORM, "required": True, "content": {"multipart/form-data": content}}


FORM = (
    "A form with the file. The options of the query may be fields of the form instead: `-F mode=upsert`."
    " Given in both, they must agree"
)
IMPORT_HEADERS = {
    "X-Import-Ignored-Columns": "The ignored columns: comma-separated, percent-encoded if not ASCII, cut to 1 kB",
    **runs.WARNINGS,
    **runs.READ_AS,
    "X-Import-Warning": "Given if an identical file was imported within the last 24 hours and there is no"
    " Idempotency-Key; names that import",
}


def columns_table(resource: type[EntityResource]) -> str:
    """Return a Markdown table of the columns and their rules."""
    lines = []
    for name, column in resource.accepted.items():
        place = "" if name in resource.fields else "not in templates"
        rule = "; ".join(filter(None, [column.help, BESIDES.get(name), place]))
        lines.append(f"| {f'**{name}**' if column.required else name} | {rule} |")
    limit = f"{settings.RALLY_IMPORT_MAX_BYTES:,}".replace(",", " ")
    return "\n".join(
        [f"Columns (**bold**: required); at most {limit} bytes.", "", "| column | rule |", "|---|---|", *lines]
    )
