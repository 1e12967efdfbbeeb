"""Describes the endpoints for runs and their options."""

from typing import Any

from importexport.api.openapi.operation import CHANGING, ENCODED, READING, Json, operation
from importexport.api.openapi.schemas import COUNT, TEXT, UUID, members, page, ref, text_of_length
from importexport.engine.options import FREE_TEXTS, NAMES, values_of
from importexport.engine.resource import EntityResource
from importexport.history import row_log
from importexport.models import ImportRun

BASE = "/api/v1/importexport"
OPTIONS = {
    "mode": "Whether rows create records, update existing records, or both (`upsert`)",
    "match_on": "The column that identifies a row's record; not with mode `create`",
    "blank": "Whether a blank cell keeps the record's value or clears it, or cells only fill blanks; not with `create`",
    "clear_marker": "A cell that is exactly this text clears the record's value, whatever `blank` says; not with"
    " `create`. Required columns cannot be cleared. A text that no cell could be, such as `#N/A`, returns 400",
    "tags": "How a row's tags change the record's tags; not with mode `create`",
    "missing": "Whether a row that names an unknown company or stage is rejected, or the company or stage is created",
}
DRY_RUN: Json = {
    "name": "dry_run",
    "in": "query",
    "description": "Respond in the same way, but store nothing",
    "schema": {"type": "boolean", "default": False},
}
IDEMPOTENCY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A repeated request within 24 hours gets the first response again, byte for byte",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
RUN_ID: Json = {"name": "id", "in": "path", "required": True, "schema": UUID}
LOCATION = {"Location": "The path of the plan"}
WARNINGS = {"X-Import-Warnings": "The number of warnings, as in `warningCount`"}
LINKS = {
    "Location": "The path of the import",
    "Link": 'The path of its rejected rows, if there are any (RFC 8288): `<…/rejected>; rel="rejected"`',
}
JSON, CSV = "application/json", "text/csv; charset=utf-8"


def option_parameters(resource: type[EntityResource]) -> list[Json]:
    """Describe the options of an entity."""
    found = {name: option_schema(name, resource) for name in NAMES}
    return [parameter(name, OPTIONS[name], schema) for name, schema in found.items() if schema]


def option_schema(name: str, resource: type[EntityResource]) -> Json:
    """Return the schema of an option's values; empty if the option does not apply to the entity."""
    if name in FREE_TEXTS:
        return text_of_length(FREE_TEXTS[name])
    values = values_of(name, resource.describe())
    return {"type": "string", "enum": list(values), "default": values[0]} if values else {}


def parameter(name: str, text: str, schema: Json) -> Json:
    """Describe a query parameter."""
    return {"name": name, "in": "query", "description": text, "schema": schema}


def paths(entities: list[str]) -> Json:
    """Describe the endpoints for runs."""
    one = f"{BASE}/imports/{{id}}"
    limit = parameter(
        "limit", "The maximum number of results", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    )
    status: Json = {"type": "string", "enum": list(ImportRun.Status.values)}
    listing = [
        parameter("entity", "Only runs of this entity", {"type": "string", "enum": entities}),
        parameter("status", "Only runs with this status", status),
        limit,
        parameter("after", "The id of the last import of the previous page; see `next`", {"type": "string"}),
    ]
    rows = [
        parameter("action", "Only rows with this outcome", {"type": "string", "enum": list(row_log.ACTIONS)}),
        limit,
        parameter("after", "The last row of the previous page; see `next`", {"type": "integer"}),
        parameter("format", "`csv` returns all rows", {"type": "string", "enum": ["json", "csv"], "default": "json"}),
    ]
    return {
        f"{BASE}/imports": {
            "get": endpoint(
                "imports_list",
                "List imports, latest first",
                {JSON: {"schema": page("ImportSummary", count=COUNT)}},
                listing,
            )
        },
        one: {"get": endpoint("imports_show", "Show an import", {JSON: {"schema": ref("Import")}}, [RUN_ID])},
        f"{one}/rows": {
            "get": endpoint(
                "imports_rows",
                "List the rows of an import or a plan, with the outcome of each",
                {JSON: {"schema": page("Row")}, CSV: {"schema": TEXT}},
                [RUN_ID, *rows],
                headers={"Content-Disposition": 'With CSV: `attachment; filename="contacts_rows.csv"`'} | ENCODED,
            )
        },
        f"{one}/rejected": {
            "get": endpoint(
                "imports_rejected",
                "The rejected rows as CSV with `import_row` and `import_error`, to be corrected and imported again",
                {CSV: {"schema": TEXT}},
                [RUN_ID],
                headers={"Content-Disposition": '`attachment; filename="contacts_rejected.csv"`'} | ENCODED,
            )
        },
        f"{one}/apply": {
            "post": endpoint(
                "imports_apply",
                "Do exactly what a plan says, or respond with 409 and the differences; an undo returns its import",
                {JSON: {"schema": {"oneOf": [ref("Result"), ref("Import")]}}},
                [RUN_ID, IDEMPOTENCY],
                statuses=CHANGING,
                headers=LINKS | WARNINGS,
            )
        },
        f"{one}/undo": {
            "post": endpoint(
                "imports_undo",
                "Plan to undo an import or an undo; `apply` applies the plan",
                {JSON: {"schema": ref("Import")}},
                [RUN_ID, IDEMPOTENCY],
                statuses=CHANGING,
                headers=LOCATION,
                success="201",
            )
        },
    }


def history_operation(entity: str) -> Json:
    """Describe the history of a record."""
    record = {"name": "record", "in": "path", "required": True, "schema": {"type": "integer"}}
    traces = members({"results": {"type": "array", "items": ref("Trace")}})
    summary = "List what imports did to a record, latest first"
    return endpoint(f"{entity}_imports", summary, {JSON: {"schema": traces}}, [record])


def endpoint(
    operation_id: str,
    summary: str,
    content: Json,
    parameters: list[Json],
    *,
    statuses: tuple[int, ...] = READING,
    **more: Any,
) -> Json:
    """Describe an operation on runs; ``more`` is passed to ``operation``."""
    described = operation(operation_id, tag="imports", summary=summary, content=content, statuses=statuses, **more)
    return described | {"parameters": parameters}
