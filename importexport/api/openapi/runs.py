"""The paths of runs: plans, imports, their rows, and undo."""

from typing import Any

from importexport.api.openapi.operation import CHANGING, READING, Json, operation
from importexport.api.openapi.schemas import COUNT, TEXT, UUID, members, page, ref
from importexport.engine.options import NAMES, values_of
from importexport.engine.resource import EntityResource
from importexport.history import row_log
from importexport.models import ImportRun

BASE = "/api/v1/importexport"
OPTIONS = {
    "mode": "What rows do: make records, change those there are, or both",
    "match_on": "The column by which a row finds its record; not with mode `create`",
    "blank": "What a blank cell does to a record; not with mode `create`. A cell `#N/A` clears under any of them",
    "tags": "What a row's tags do to the record's; not with mode `create`",
    "missing": "What becomes of companies and stages that a row names and there are not",
}
IDEMPOTENCY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same request again within 24 hours gets the first answer again, byte for byte",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
RUN_ID: Json = {"name": "id", "in": "path", "required": True, "schema": UUID}
LOCATION = {"Location": "The path of the plan"}
JSON, CSV = "application/json", "text/csv; charset=utf-8"


def option_parameters(resource: type[EntityResource]) -> list[Json]:
    """Describe the options that an entity has."""
    known = {name: values_of(name, resource.describe()) for name in NAMES}
    return [
        parameter(name, OPTIONS[name], {"type": "string", "enum": list(values), "default": values[0]})
        for name, values in known.items()
        if values
    ]


def parameter(name: str, text: str, schema: Json) -> Json:
    """Describe a query parameter."""
    return {"name": name, "in": "query", "description": text, "schema": schema}


def paths(entities: list[str]) -> Json:
    """Describe the endpoints of imports."""
    one = f"{BASE}/imports/{{id}}"
    limit = parameter("limit", "How many", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100})
    status: Json = {"type": "string", "enum": list(ImportRun.Status.values)}
    listing = [
        parameter("entity", "Only of an entity", {"type": "string", "enum": entities}),
        parameter("status", "Only in a state", status),
        limit,
        parameter("after", "The id of the import after which the page begins; see `next`", {"type": "string"}),
    ]
    rows = [
        parameter("action", "Only rows of which this became", {"type": "string", "enum": list(row_log.ACTIONS)}),
        limit,
        parameter("after", "The row after which the page begins; see `next`", {"type": "integer"}),
        parameter("format", "CSV has all rows", {"type": "string", "enum": ["json", "csv"], "default": "json"}),
    ]
    return {
        f"{BASE}/imports": {
            "get": endpoint(
                "imports_list",
                "All imports, the latest first",
                {JSON: {"schema": page("ImportSummary", count=COUNT)}},
                listing,
            )
        },
        one: {"get": endpoint("imports_show", "One import", {JSON: {"schema": ref("Import")}}, [RUN_ID])},
        f"{one}/rows": {
            "get": endpoint(
                "imports_rows",
                "What became, or would become, of each row",
                {JSON: {"schema": page("Row")}, CSV: {"schema": TEXT}},
                [RUN_ID, *rows],
                headers={"Content-Disposition": 'Of the CSV: `attachment; filename="contacts_rows.csv"`'},
            )
        },
        f"{one}/rejected": {
            "get": endpoint(
                "imports_rejected",
                "The rejected rows as CSV, with `import_row` and `import_error`, to be corrected and imported again",
                {CSV: {"schema": TEXT}},
                [RUN_ID],
                headers={"Content-Disposition": '`attachment; filename="contacts_rejected.csv"`'},
            )
        },
        f"{one}/apply": {
            "post": endpoint(
                "imports_apply",
                "Do just what a plan says, or answer 409 and say what has changed; an undo answers with its import",
                {JSON: {"schema": {"oneOf": [ref("Result"), ref("Import")]}}},
                [RUN_ID, IDEMPOTENCY],
                statuses=CHANGING,
            )
        },
        f"{one}/undo": {
            "post": endpoint(
                "imports_undo",
                "Plan to undo an import, or an undo; `apply` carries the plan out",
                {JSON: {"schema": ref("Import")}},
                [RUN_ID, IDEMPOTENCY],
                statuses=CHANGING,
                headers=LOCATION,
                success="201",
            )
        },
    }


def history_operation(entity: str) -> Json:
    """Describe where a record comes from."""
    record = {"name": "record", "in": "path", "required": True, "schema": {"type": "integer"}}
    traces = members({"results": {"type": "array", "items": ref("Trace")}})
    summary = "What imports did to a record, the latest first"
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
    """Describe an operation on imports; ``more`` is as for any operation."""
    described = operation(operation_id, tag="imports", summary=summary, content=content, statuses=statuses, **more)
    return described | {"parameters": parameters}
