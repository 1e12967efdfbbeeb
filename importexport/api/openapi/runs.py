"""Describes the endpoints for runs and their options."""

from typing import Any

from importexport.api.links import BASE
from importexport.api.openapi import examples
from importexport.api.openapi import operation as operation_parts
from importexport.api.openapi.enums import option_of
from importexport.api.openapi.operation import CHANGING, ENCODED, READING, Json, operation, ref
from importexport.api.openapi.schemas import TEXT, UUID, text_of_length
from importexport.engine.export.streams import CONTENT_TYPES
from importexport.engine.options import FREE_TEXTS, NAMES, OBJECTS
from importexport.engine.resource import EntityResource

OPTIONS = {
    "mode": "Whether rows create records, update existing records, or both (`upsert`)",
    "match_on": "The column that identifies a row's record; not with mode `create`. If the file has the column"
    " `external_id`, that is the default",
    "blank": "Whether a blank cell keeps the record's value or clears it, or cells only fill blanks; not with `create`",
    "clear_marker": "A cell that is exactly this text clears the record's value, whatever `blank` says; not with"
    " `create`. Required columns cannot be cleared. A text that no cell could be, such as `#N/A`, returns 400",
    "tags": "How a row's tags change the record's tags; not with mode `create`",
    "missing": "Whether a row that names an unknown company, pipeline or stage is rejected, or that is created",
    "incomplete": "`accept`: a contact needs just one of first name, last name, e-mail, phone, mobile and company; an"
    " activity without a subject gets its type as subject",
    "duplicates": "`keep`: companies and deals whose name is taken are stored if an external id tells them apart",
    "invalid": "Whether an optional cell that cannot be read rejects its row, or is left blank and told as a warning",
    "source": "The program that wrote the file: `rally`, whose files are read strictly; `auto`, to recognise it by its"
    " headers; or its name, see `GET /api/v1/importexport/sources`",
    "mapping": 'Which header is which column, as JSON: `{"Header": "column"}`; `null` instead of a column leaves the'
    " header out. It overrides what the source says. Or `@name`, a mapping that the tenant has saved",
    "values": 'What values mean, as JSON: `{"column": {"Their value": "our value"}}`; `null` leaves the cell blank',
    "formats": "Whether dates and numbers are written as in our files, or as the cells of each column prove; by default"
    " `strict` for the source `rally`, else `detect`",
    "dates": "How the file writes dates: ISO 8601, or the order of day, month and year; by default, as `formats` says",
    "decimal": "How the file writes decimals: with a point or a comma; by default, as `formats` says",
    "encoding": "The encoding of a CSV file; by default UTF-8, or what a byte-order mark says",
    "sheet": "The name of the workbook's sheet; by default, the only one that has rows",
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
PREFER: Json = {
    "name": "Prefer",
    "in": "header",
    "description": "`respond-async` (RFC 7240): a worker does what is asked for, and the response is 202 with the path"
    " of the run. A file may then have as many bytes as `RALLY_IMPORT_MAX_BYTES_ASYNC`. Other preferences are ignored",
    "schema": {"type": "string"},
}
ACCEPTED: Json = {"application/json": {"schema": ref("Run"), "example": examples.WAITING}}
RUN_ID: Json = {"name": "id", "in": "path", "required": True, "schema": UUID}
LOCATION = {"Location": operation_parts.LOCATION}
WARNINGS = {"X-Import-Warnings": "The number of warnings, as in `warningCount`"}
READ_AS = {
    "X-Import-Reading": "What the file of another program was read as: `source=hubspot; encoding=utf-8; dates=dmy`;"
    " values are percent-encoded if not ASCII",
}
LINKS = LOCATION | {
    "Link": 'The path of its rejected rows, if there are any (RFC 8288): `<…/rejected>; rel="rejected"`',
}
APPLIED: Json = {
    "import": {
        "summary": "The result of a plan",
        "value": {name: examples.IMPORT[name] for name in ("totalRows", "imported", "skipped")}
        | {"errors": [row["error"] for row in examples.ROWS["results"] if "error" in row]},
    },
    "undo": {"summary": "An undo", "value": examples.UNDONE},
}
#: Some Java clients take any object for any schema: with ``oneOf`` they give up, with ``anyOf`` the first name counts.
APPLIED_PLAN: Json = {"anyOf": [ref("Result"), ref("Run")]}
JSON, CSV = "application/json", "text/csv; charset=utf-8"
XLSX, BINARY = CONTENT_TYPES["xlsx"], {"type": "string", "format": "binary"}
FORMAT: Json = {
    "name": "format",
    "in": "query",
    "description": "The format of the file",
    "schema": ref("FileFormat") | {"default": "csv"},
}


def option_parameters(resource: type[EntityResource]) -> list[Json]:
    """Describe the options of an entity."""
    found = {name: option_schema(name, resource) for name in NAMES}
    return [parameter(name, OPTIONS[name], schema) for name, schema in found.items() if schema]


def option_schema(name: str, resource: type[EntityResource]) -> Json:
    """Return the schema of an option's values; empty if the option does not apply to the entity."""
    if name in FREE_TEXTS:
        return text_of_length(FREE_TEXTS[name])
    return TEXT if name in OBJECTS else option_of(name, resource)


def parameter(name: str, text: str, schema: Json) -> Json:
    """Describe a query parameter."""
    return {"name": name, "in": "query", "description": text, "schema": schema}


def paths() -> Json:
    """Describe the endpoints for runs."""
    one = f"{BASE}/imports/{{id}}"
    limit = parameter(
        "limit", "The maximum number of results", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    )
    listing = [
        parameter("entity", "Only runs of this entity", ref("Entity")),
        parameter("status", "Only runs with this status", ref("RunStatus")),
        limit,
        parameter("after", "The id of the last import of the previous page; see `next`", {"type": "string"}),
    ]
    rows = [
        parameter("action", "Only rows with this outcome", ref("RowAction")),
        limit,
        parameter("after", "The last row of the previous page; see `next`", {"type": "integer"}),
        parameter("format", "`csv` returns all rows", ref("RowFormat") | {"default": "json"}),
    ]
    return {
        f"{BASE}/imports": {
            "get": endpoint(
                "imports_list",
                "List imports",
                "Returns the import runs of all channels, latest first.",
                {JSON: {"schema": ref("RunPage"), "example": examples.IMPORTS}},
                listing,
            )
        },
        one: {
            "get": endpoint(
                "imports_show",
                "Show an import",
                "Returns an import, a plan or an undo, with its related runs.",
                {JSON: {"schema": ref("Run"), "example": examples.IMPORT}},
                [RUN_ID],
            )
        },
        f"{one}/rows": {
            "get": endpoint(
                "imports_rows",
                "List the rows of an import",
                "Returns the rows of an import, a plan or an undo in order, with the outcome of each. As CSV, each"
                " changed cell has a line.",
                {
                    JSON: {"schema": ref("RowPage"), "example": examples.ROWS},
                    CSV: {"schema": TEXT, "example": examples.ROWS_CSV},
                },
                [RUN_ID, *rows],
                headers={"Content-Disposition": 'With CSV: `attachment; filename="contacts_rows.csv"`'} | ENCODED,
            )
        },
        f"{one}/rejected": {
            "get": endpoint(
                "imports_rejected",
                "Download the rejected rows",
                "The columns of the file, with `import_row` and `import_error`. Correct the cells and import the file.",
                {CSV: {"schema": TEXT, "example": examples.REJECTED_CSV}, XLSX: {"schema": BINARY}},
                [RUN_ID, FORMAT],
                headers={"Content-Disposition": '`attachment; filename="contacts_rejected.csv"`'} | ENCODED,
            )
        },
        f"{one}/apply": {
            "post": endpoint(
                "imports_apply",
                "Apply a plan",
                "Does exactly what the plan says, and responds like an import; or responds with 409 and the"
                " differences, and stores nothing. The plan of an undo responds with the undo.",
                {JSON: {"schema": APPLIED_PLAN, "examples": APPLIED}},
                [RUN_ID, IDEMPOTENCY, PREFER],
                statuses=CHANGING,
                headers=LINKS | WARNINGS | READ_AS,
                accepted=ACCEPTED,
            )
        },
        f"{one}/undo": {
            "post": endpoint(
                "imports_undo",
                "Plan an undo",
                "Plans to undo an import, or an undo, and stores nothing. `apply` applies the plan.",
                {JSON: {"schema": ref("Run"), "example": examples.UNDO_PLANNED}},
                [RUN_ID, IDEMPOTENCY, PREFER],
                statuses=CHANGING,
                headers=LOCATION,
                success="201",
                accepted=ACCEPTED,
            )
        },
        f"{one}/events": {
            "get": endpoint(
                "imports_events",
                "Listen to an import",
                "Tells the progress as server-sent events: `progress` with the run as JSON whenever it has changed, and"
                " `end` when it has ended. The stream ends then, or after 25 seconds, upon which a client comes again.",
                {"text/event-stream": {"schema": TEXT, "example": examples.EVENTS}},
                [RUN_ID],
                headers={"X-Accel-Buffering": "`no`: proxies must not collect the events"},
            )
        },
        f"{one}/cancel": {
            "post": endpoint(
                "imports_cancel",
                "Cancel an import",
                "Ends an import, a plan or an undo that waits or is in progress; it stores nothing. One that waits has"
                " ended at once (200), one in progress ends after its current batch (202). A plan that was being"
                " applied is one again, and all else has the status `failed`; `error` says who has cancelled it.",
                {JSON: {"schema": ref("Run"), "example": examples.CANCELLED}},
                [RUN_ID],
                statuses=tuple(status for status in CHANGING if status != 422),
                accepted=ACCEPTED,
            )
        },
    }


def history_operation(entity: str) -> Json:
    """Describe the history of a record."""
    record = {"name": "record", "in": "path", "required": True, "schema": {"type": "integer", "format": "int64"}}
    traces = {"schema": ref("History"), "example": examples.HISTORY}
    text = "Returns what imports did to a record, latest first."
    return endpoint(f"{entity}_imports", "List the imports of a record", text, {JSON: traces}, [record])


def endpoint(
    operation_id: str,
    summary: str,
    text: str,
    content: Json,
    parameters: list[Json],
    *,
    statuses: tuple[int, ...] = READING,
    **more: Any,
) -> Json:
    """Describe an operation on runs; ``more`` is passed to ``operation``."""
    more |= {"content": content, "statuses": statuses}
    described = operation(operation_id, tag="imports", summary=summary, text=text, **more)
    return described | {"parameters": parameters}
