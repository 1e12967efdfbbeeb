"""The JSON that the API answers with, as JSON Schema."""

from importexport.api.openapi.operation import Json
from importexport.engine.options import NAMES, VALUES
from importexport.history import row_log
from importexport.history.revert import MODELS
from importexport.models import ImportRun
from importexport.resources import RESOURCES

COUNT: Json = {"type": "integer", "minimum": 0}
TEXT: Json = {"type": "string"}
TEXTS: Json = {"type": "array", "items": TEXT}
UUID: Json = {"type": "string", "format": "uuid"}
MOMENT: Json = {"type": "string", "format": "date-time"}
#: Records that runs make besides their own entity's: companies, and stages.
RECORDS = list(MODELS)


def or_null(schema: Json) -> Json:
    """Return a schema that takes null as well."""
    return schema | {"type": [schema["type"], "null"]}


def members(properties: Json, *, optional: tuple[str, ...] = (), **more: object) -> Json:
    """Return the schema of an object that has all of its members, save the optional ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties, **more}


def enum(values: object, **more: object) -> Json:
    """Return the schema of a text that is one of some values."""
    return {"type": "string", "enum": list(values), **more}  # type: ignore[call-overload]


def first_name_of(name: str, schema: Json) -> Json:
    """Return the schema of a member under the name that it had at first."""
    return schema | {"deprecated": True, "description": f"The first name of `{name}`, with the same value"}


RESULT = members(
    {"totalRows": COUNT, "imported": COUNT, "skipped": COUNT, "errors": TEXTS},
    description="totalRows = imported + skipped; one message for every skipped row, in row order.",
    additionalProperties=False,
)
PROBLEM = members(
    {
        "type": {"type": "string", "format": "uri-reference"},
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
    },
    description="Problem details (RFC 9457)",
)
OPTIONS: Json = {
    "type": "object",
    "description": "How rows become records; those that count in the mode. Of an undo, none",
    "properties": {name: enum(VALUES[name]) if name in VALUES else TEXT for name in NAMES},
}
REFERENCES: Json = {
    "type": "object",
    "description": "How many records were made because rows name them, by kind",
    "propertyNames": enum(RECORDS),
    "additionalProperties": COUNT,
}
RELATED = members(
    {"totalRows": COUNT, "imported": COUNT, "repaired": COUNT, "left": COUNT},
    description="All runs that correct each other's rejected rows: totalRows = imported + repaired + left",
)
ERROR: Json = {"type": ["string", "null"], "description": "Why the file failed, or its plan cannot be applied"}
CHANNEL = enum(ImportRun.Channel.values, description="How the file came in")
SUMMARY: Json = {
    "id": UUID,
    "kind": enum(ImportRun.Kind.values),
    "entity": enum(RESOURCES),
    "status": enum(ImportRun.Status.values),
    "channel": CHANNEL,
    "door": first_name_of("channel", CHANNEL),
    "actor": {"type": "string", "description": "The name of the key or the user"},
    "fileName": TEXT,
    "size": or_null(COUNT) | {"description": "Bytes"},
    "sha256": {"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$"},
    "createdAt": MOMENT,
    "finishedAt": or_null(MOMENT),
    "options": OPTIONS,
    "totalRows": COUNT,
    "imported": COUNT | {"description": "created + updated + unchanged"},
    "skipped": COUNT,
    "created": COUNT,
    "updated": COUNT,
    "unchanged": COUNT,
    "deleted": COUNT,
    "conflicts": COUNT,
    "references": REFERENCES,
    "parent": or_null(UUID) | {"description": "The run that it undoes, or whose rejected rows it corrects"},
    "error": ERROR,
    "fault": first_name_of("error", ERROR),
}
DETAIL: Json = SUMMARY | {
    "ignoredColumns": TEXTS,
    "children": {"type": "array", "items": UUID, "description": "The runs that undo it or correct its rows"},
    "relatedRuns": RELATED,
    "family": first_name_of("relatedRuns", RELATED),
}
ROW = members(
    {
        "row": COUNT | {"description": "The row's number, as a spreadsheet shows it"},
        "action": enum(row_log.ACTIONS),
        "entity": enum(RECORDS),
        "record": {"type": ["integer", "null"], "description": "The record's id; null of a plan's new ones"},
        "changes": {
            "type": "object",
            "description": "Column → [before, after], as an export shows them",
            "additionalProperties": {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2},
        },
        "error": {"type": "string", "description": "The message of a rejected row"},
        "cells": TEXTS | {"description": "A rejected row as it was"},
        "didYouMean": {
            "type": "object",
            "description": "Column → the names that were perhaps meant",
            "additionalProperties": TEXTS,
        },
        "note": {"type": "string", "description": "Why something could not be undone"},
    },
    optional=("changes", "error", "cells", "didYouMean", "note"),
)
TRACE = members(
    {
        "import": UUID,
        "action": enum(row_log.ACTIONS),
        "row": or_null(COUNT),
        "fileName": TEXT,
        "at": or_null(MOMENT),
        "channel": CHANNEL,
        "door": first_name_of("channel", CHANNEL),
        "actor": TEXT,
        "text": {"type": "string", "description": "The same as people say it", "examples": ["row 34 of contacts.csv"]},
    },
    description="What an import did to a record",
)
SCHEMAS: Json = {
    "Result": RESULT,
    "Problem": PROBLEM,
    "ImportSummary": members(SUMMARY, description="An import, a plan of one, or an undo, as lists show it"),
    "Import": members(
        DETAIL, optional=("relatedRuns", "family"), description="An import, a plan of one, or an undo, as a whole"
    ),
    "Row": ROW,
    "Trace": TRACE,
}


def ref(name: str) -> Json:
    """Return a reference to one of them."""
    return {"$ref": f"#/components/schemas/{name}"}


def page(name: str, **besides: Json) -> Json:
    """Return the schema of a page of something, with what is said ``besides``."""
    following = {"type": ["string", "null"], "description": "The path of the next page"}
    return members(besides | {"next": following, "results": {"type": "array", "items": ref(name)}})
