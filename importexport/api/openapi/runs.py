"""The description of plans, imports and undo (see schema)."""

from importexport.api.openapi.operation import Json, operation
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
RUN_ID: Json = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
COUNTS = ("totalRows", "imported", "skipped", "created", "updated", "unchanged", "deleted", "conflicts")
TEXTS = ("kind", "entity", "channel", "actor", "fileName")
RUN: Json = {
    "type": "object",
    "description": "An import, a plan of one, or an undo; `imported` = created + updated + unchanged",
    "required": ["id", "status", *TEXTS, *COUNTS],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "status": {"enum": list(ImportRun.Status.values)},
        **{name: {"type": "string"} for name in TEXTS},
        **{name: {"type": "integer"} for name in COUNTS},
        "size": {"type": ["integer", "null"], "description": "Bytes"},
        "sha256": {"type": ["string", "null"]},
        "createdAt": {"type": "string", "format": "date-time"},
        "finishedAt": {"type": ["string", "null"], "format": "date-time"},
        "options": {"type": "object"},
        "references": {"type": "object", "description": "How many records were made besides, by entity"},
        "parent": {"type": ["string", "null"], "description": "What it undoes, or the import whose rows it repairs"},
        "children": {"type": "array", "items": {"type": "string"}},
        "ignoredColumns": {"type": "array", "items": {"type": "string"}},
        "relatedRuns": {"type": "object", "description": "totalRows = imported + repaired + left, over all repairs"},
        "error": {
            "type": ["string", "null"],
            "description": "Why the file failed, or its plan cannot be applied",
        },
        "door": {"type": "string", "deprecated": True, "description": "The first name of channel"},
        "fault": {"type": ["string", "null"], "deprecated": True, "description": "The first name of error"},
        "family": {"type": "object", "deprecated": True, "description": "The first name of relatedRuns"},
    },
}
ROW: Json = {
    "type": "object",
    "required": ["row", "action", "entity", "record"],
    "properties": {
        "row": {"type": "integer"},
        "action": {"enum": list(row_log.ACTIONS)},
        "entity": {"type": "string"},
        "record": {"type": ["integer", "null"]},
        "changes": {"type": "object", "description": "Column → [before, after], as an export shows them"},
        "error": {"type": "string"},
        "cells": {"type": "array", "items": {"type": "string"}},
        "didYouMean": {"type": "object", "description": "Column → the names that were perhaps meant"},
        "note": {"type": "string", "description": "Why something could not be undone"},
    },
}
SCHEMAS: Json = {"Import": RUN, "Row": ROW}
READING = (401, 429, 403, 404, 405, 406, 400, 503)
CHANGING = (401, 429, 403, 404, 405, 406, 400, 409, 422, 503)


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
        f"{BASE}/imports": {"get": endpoint("imports_list", "All imports, the latest first", page("Import"), listing)},
        one: {"get": endpoint("imports_show", "One import", ref("Import"), [RUN_ID])},
        f"{one}/rows": {
            "get": endpoint("imports_rows", "What became, or would become, of each row", page("Row"), [RUN_ID, *rows])
        },
        f"{one}/rejected": {
            "get": endpoint(
                "imports_rejected",
                "The rejected rows as CSV, with `import_row` and `import_error`, to be corrected and imported again",
                {"type": "string"},
                [RUN_ID],
                media_type="text/csv; charset=utf-8",
            )
        },
        f"{one}/apply": {
            "post": endpoint(
                "imports_apply",
                "Do just what a plan says, or answer 409 and say what has changed; an undo answers with its import",
                {"oneOf": [ref("Result"), ref("Import")]},
                [RUN_ID, IDEMPOTENCY],
                statuses=CHANGING,
            )
        },
        f"{one}/undo": {
            "post": endpoint(
                "imports_undo",
                "Plan to undo an import, or an undo; `apply` carries the plan out",
                ref("Import"),
                [RUN_ID, IDEMPOTENCY],
                statuses=CHANGING,
                success="201",
            )
        },
    }


def history_operation(entity: str) -> Json:
    """Describe where a record comes from."""
    record = {"name": "record", "in": "path", "required": True, "schema": {"type": "integer"}}
    traces = {"type": "object", "properties": {"results": {"type": "array", "items": {"type": "object"}}}}
    return endpoint(f"{entity}_imports", "What imports did to a record, the latest first", traces, [record])


def ref(name: str) -> Json:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def page(name: str) -> Json:
    """Describe a page of something."""
    return {
        "type": "object",
        "required": ["next", "results"],
        "properties": {
            "count": {"type": "integer"},
            "next": {"type": ["string", "null"], "description": "The path of the next page"},
            "results": {"type": "array", "items": ref(name)},
        },
    }


def endpoint(
    operation_id: str,
    summary: str,
    schema: Json,
    parameters: list[Json],
    *,
    statuses: tuple[int, ...] = READING,
    **more: str,
) -> Json:
    """Describe an operation on imports; ``more`` is as for any operation."""
    described = operation(
        operation_id, tag="imports", summary=summary, content={"schema": schema}, statuses=statuses, **more
    )
    return described | {"parameters": parameters}
