"""JSON Schemas of the API's responses."""

from importexport import errors
from importexport.api.openapi.enums import OF_OPTIONS, enums
from importexport.api.openapi.operation import Json, ref
from importexport.engine.groups import GROUPS
from importexport.engine.options import FREE_TEXTS, NAMES, OBJECTS
from importexport.history.kept import REJECTED_ROWS
from importexport.runs.serializers import NAMES_LIMIT

COUNT: Json = {"type": "integer", "minimum": 0}
TEXT: Json = {"type": "string"}
TEXTS: Json = {"type": "array", "items": TEXT}
UUID: Json = {"type": "string", "format": "uuid"}
ID: Json = {"type": "integer", "format": "int64"}
MOMENT: Json = {"type": "string", "format": "date-time"}


def or_null(schema: Json) -> Json:
    """Return a schema that allows null as well."""
    return schema | {"type": [schema["type"], "null"]}


def members(properties: Json, *, optional: tuple[str, ...] = (), **more: object) -> Json:
    """Return the schema of an object whose members are required, except for the optional ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties, **more}


def page(name: str, **besides: Json) -> Json:
    """Return the schema of a page of results, with the members ``besides``."""
    following = {"type": ["string", "null"], "description": "The path of the next page"}
    return members(besides | {"next": following, "results": {"type": "array", "items": ref(name)}})


def text_of_length(limit: int) -> Json:
    """Return the schema of a text of 1 to ``limit`` characters."""
    return TEXT | {"minLength": 1, "maxLength": limit}


def former_name_of(name: str, schema: Json) -> Json:
    """Return the schema of a member's deprecated former name."""
    return schema | {"deprecated": True, "description": f"The former name of `{name}`, with the same value"}


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
MEANINGS: Json = {"type": "object", "additionalProperties": or_null(TEXT)}
OBJECTS_OF_OPTIONS: Json = {
    "mapping": MEANINGS | {"description": "Header → column; null if it is not imported"},
    "values": {
        "type": "object",
        "description": "Column → their value → our value; null leaves the cell blank",
        "additionalProperties": MEANINGS,
    },
}
OPTIONS: Json = {
    "type": "object",
    "description": "The import options that apply in the mode; empty for an undo",
    "properties": {
        name: ref(OF_OPTIONS[name])
        if name in OF_OPTIONS
        else text_of_length(FREE_TEXTS[name])
        if name in FREE_TEXTS
        else OBJECTS_OF_OPTIONS[name]
        if name in OBJECTS
        else TEXT
        for name in NAMES
    }
    | {"saved_mapping": TEXT | {"description": "The saved mapping that has given some of the others"}},
}
READING_OF_FILE: Json = {
    "type": ["object", "null"],
    "description": "What the file of another program was read as; null for a file of ours",
    "properties": {
        "source": TEXT | {"description": "The program, `rally` or, if it was not recognised, `auto`"},
        "export": TEXT | {"description": "The kind of export, if the program has several"},
        "encoding": TEXT,
        "sheet": TEXT,
        "dates": TEXT,
        "decimal": TEXT,
        "headerRow": {"type": "integer", "minimum": 1},
        "columns": {
            "type": "array",
            "items": members(
                {
                    "header": TEXT,
                    "column": or_null(TEXT) | {"description": "Our column; null if the header is not imported"},
                    "why": or_null(TEXT)
                    | {"description": "Who has decided: `name`, `mapping`, `source`, or `agreed` by all programs"},
                    "how": ref("Steps"),
                    "format": TEXT,
                },
                optional=("format",),
            ),
        },
    },
}
REFERENCES: Json = {
    "type": "object",
    "description": "Records created because rows name them: kind → number",
    "propertyNames": ref("RecordKind"),
    "additionalProperties": COUNT,
}
RELATED = members(
    {"totalRows": COUNT, "imported": COUNT, "repaired": COUNT, "left": COUNT},
    description="The import and the runs that correct its rejected rows: totalRows = imported + repaired + left",
)
ERROR: Json = {"type": ["string", "null"], "description": "Why the file failed, or why the plan cannot be applied"}
CHANNEL = ref("Channel")
SUMMARY: Json = {
    "id": UUID,
    "kind": ref("RunKind"),
    "entity": ref("Entity"),
    "status": ref("RunStatus"),
    "channel": CHANNEL,
    "door": former_name_of("channel", CHANNEL),
    "actor": {"type": "string", "description": "The name of the key or user"},
    "fileName": TEXT,
    "size": or_null(COUNT) | {"description": "In bytes"},
    "sha256": {"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$"},
    "createdAt": MOMENT | {"description": "When the work began"},
    "finishedAt": or_null(MOMENT),
    "rowsDone": COUNT | {"description": "The rows processed so far, while the import is at work"},
    "options": OPTIONS,
    "totalRows": COUNT,
    "imported": COUNT | {"description": "created + updated + unchanged"},
    "skipped": COUNT,
    "warningCount": COUNT | {"description": "One for each doubtful cell that is stored, and for each ignored column"},
    "created": COUNT,
    "updated": COUNT,
    "unchanged": COUNT,
    "deleted": COUNT,
    "conflicts": COUNT,
    "undoneRows": COUNT | {"description": "Of the rows that changed something, how many have been undone since"},
    "references": REFERENCES,
    "fixes": COUNT | {"description": "Changes of the file that were made in its preview in the admin"},
    "schedule": or_null(ID) | {"description": "The schedule that has started it, unless that is deleted"},
    "parent": or_null(UUID) | {"description": "The import that this one undoes, or whose rejected rows it corrects"},
    "error": ERROR,
    "fault": former_name_of("error", ERROR),
}
PROGRESS: Json = {
    "type": ["object", "null"],
    "description": "How far it has come; null if it is not at work",
    "required": ["percent", "secondsLeft", "ahead"],
    "properties": {
        "percent": {"type": "integer", "minimum": 0, "maximum": 100},
        "secondsLeft": or_null(COUNT) | {"description": "An estimate; null while it waits or has just begun"},
        "ahead": or_null(COUNT) | {"description": "While it waits in the queue, how many are before it"},
    },
}
DETAIL: Json = SUMMARY | {
    "ignoredColumns": TEXTS | {"description": f"Their names, as many as {NAMES_LIMIT} characters take"},
    "ignoredCount": COUNT | {"description": "The number of ignored columns with different names"},
    "ignoredCells": {
        "type": "object",
        "description": 'Ignored column → how many of its cells are filled, in all rows; the name `""` stands for all'
        " columns without a header",
        "additionalProperties": COUNT,
    },
    "warnings": {"type": "array", "items": ref("Warning"), "maxItems": GROUPS},
    "reading": READING_OF_FILE,
    "rejectedKept": COUNT
    | {"description": f"How many rejected rows are kept, at most {REJECTED_ROWS}: so many have `rejected` and `rows`"},
    "startedAt": or_null(MOMENT) | {"description": "When a process began to work on it; null while it waits"},
    "progress": PROGRESS,
    "cancelledBy": or_null(TEXT) | {"description": "Who has cancelled it, or asked for it"},
    "columnHints": {
        "type": "object",
        "description": "Ignored column → the column that was probably meant; only of columns that the file lacks",
        "additionalProperties": TEXT,
    },
    "children": {
        "type": "array",
        "items": UUID,
        "description": "The imports that undo or correct this one",
    },
    "relatedRuns": RELATED,
    "family": former_name_of("relatedRuns", RELATED),
}
WARNING = members(
    {
        "code": ref("WarningCode"),
        "column": {"type": "string", "description": "The column, or the header of the ignored one"},
        "sentence": {"type": "string", "description": "The message, or an empty text if it differs between rows"},
        "example": {"type": "string", "description": "One of the messages"},
        "rows": COUNT | {"description": "The number of rows; of an ignored column, its filled cells"},
    },
    description="Warnings of the same kind; those about ignored columns come first, then the most frequent",
)
ROW_ERROR = members(
    {
        "column": {"type": ["string", "null"], "description": "Null if the error concerns the whole row"},
        "code": ref("RowErrorCode"),
        "value": {
            "type": ["string", "null"],
            "maxLength": errors.ECHO_LIMIT,
            "description": f"The cell as in the file, cut after {errors.ECHO_LIMIT} characters; null if the file has no"
            " such column",
        },
        "message": {"type": "string", "description": "As in `error`, where several are joined by `; `"},
    },
    description="What is wrong with a row",
)
ROW = members(
    {
        "row": COUNT | {"description": "The row number as in a spreadsheet; the header is row 1"},
        "action": ref("RowAction"),
        "entity": ref("RecordKind"),
        "record": {
            "type": ["integer", "null"],
            "format": "int64",
            "description": "The record's id; null for rejected rows and in plans for new ones",
        },
        "changes": {
            "type": "object",
            "description": "Column → [before, after], as an export shows them",
            "additionalProperties": {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2},
        },
        "error": {"type": "string", "description": "The message of a rejected row"},
        "errors": {
            "type": "array",
            "items": ref("RowError"),
            "minItems": 1,
            "description": "The errors of a rejected row, in the template's column order",
        },
        "cells": TEXTS | {"description": "The cells of a rejected row"},
        "didYouMean": {
            "type": "object",
            "description": "Column → similar names that exist, in plans: for names that were not found, and for"
            " companies, pipelines and stages that would be created",
            "additionalProperties": TEXTS,
        },
        "note": {"type": "string", "description": "Why a change could not be undone"},
    },
    optional=("changes", "error", "errors", "cells", "didYouMean", "note"),
)
TRACE = members(
    {
        "import": UUID,
        "action": ref("RowAction"),
        "row": or_null(COUNT),
        "fileName": TEXT,
        "at": or_null(MOMENT),
        "channel": CHANNEL,
        "door": former_name_of("channel", CHANNEL),
        "actor": TEXT,
        "text": {"type": "string", "description": "The origin in words", "examples": ["row 34 of contacts.csv"]},
    },
    description="What an import did to a record",
)
ME = members(
    {
        "tenant": members(
            {
                "slug": TEXT,
                "name": TEXT,
                "currency": {"type": "string", "description": "ISO 4217; the default of deals"},
                "timezone": {"type": "string", "description": "IANA name; of times without an offset"},
            }
        ),
        "key": members(
            {
                "name": TEXT,
                "scope": ref("Scope"),
                "createdAt": MOMENT,
                "expiresAt": or_null(MOMENT) | {"description": "Null if it does not expire"},
            }
        ),
        "limits": members(
            {
                "requestsPerMinute": COUNT | {"description": "Of all keys of the tenant together"},
                "requestsRemaining": COUNT | {"description": "In the current minute"},
                "maxFileBytes": COUNT | {"description": "The largest file that an import takes"},
                "keepDays": COUNT | {"description": "How long the contents of files, and of plans, are kept"},
            }
        ),
    },
    description="The tenant, the key and the limits of the caller",
)
HISTORY = members({"results": {"type": "array", "items": ref("Trace")}}, description="Latest first")
PREPARED_EXPORT = members(
    {
        "id": UUID,
        "entity": ref("Entity"),
        "format": ref("FileFormat"),
        "query": {
            "type": "object",
            "description": "The parameters that say what is exported",
            "additionalProperties": TEXT,
        },
        "status": ref("ExportStatus"),
        "actor": {"type": "string", "description": "The name of the key, or of who has added the schedule"},
        "schedule": or_null(ID) | {"description": "The schedule that has started it, unless that is deleted"},
        "destination": or_null(TEXT) | {"description": "Where a schedule sends the file; secrets are shown as `***`"},
        "sentAt": or_null(MOMENT) | {"description": "When a schedule has sent the file"},
        "createdAt": MOMENT,
        "startedAt": or_null(MOMENT) | {"description": "When a worker began to make the file"},
        "finishedAt": or_null(MOMENT),
        "expiresAt": or_null(MOMENT) | {"description": "When the file is deleted, a day after it was made"},
        "size": or_null(COUNT) | {"description": "In bytes"},
        "sha256": {"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$"},
        "file": or_null(TEXT) | {"description": "The path of the file, once it is ready"},
        "error": or_null(TEXT) | {"description": "Why the export has failed"},
    },
    description="An export that a worker prepares",
)
SCHEMAS: Json = {
    "PreparedExport": PREPARED_EXPORT,
    "Me": ME,
    "Result": RESULT,
    "Problem": PROBLEM,
    "RunSummary": members(SUMMARY, description="An import, a plan or an undo, as in lists"),
    "Run": members(
        DETAIL, optional=("relatedRuns", "family"), description="An import, a plan or an undo, with its related imports"
    ),
    "Warning": WARNING,
    "RunPage": page("RunSummary", count=COUNT | {"description": "Of all pages"}),
    "Row": ROW,
    "RowError": ROW_ERROR,
    "RowPage": page("Row"),
    "Trace": TRACE,
    "History": HISTORY,
} | enums()
