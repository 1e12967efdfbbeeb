"""Describes the exports, and what they can be asked for."""

from importexport.api.links import BASE
from importexport.api.openapi import examples, texts
from importexport.api.openapi.enums import choices_of, name_of
from importexport.api.openapi.operation import ENCODED, IDENTIFIED, RATE_HEADERS, READING, Json, header, operation, ref
from importexport.api.openapi.runs import RUN_ID, parameter
from importexport.engine.export import streams
from importexport.engine.export.selection import COLUMNS, HEADERS, UPDATED_SINCE
from importexport.engine.resource import EntityResource
from importexport.sources.reading import OURS


def export_operation(resource: type[EntityResource], file_format: streams.FileFormat) -> Json:
    """Describe an export."""
    content: Json = {"schema": {"type": "string", "format": "binary"}}
    if file_format == "csv":
        content = {"schema": {"type": "string"}, "example": texts.csv_example(resource)}
    described = operation(
        f"{resource.entity}_export_{file_format}",
        tag=resource.entity,
        summary=f"Export {resource.entity} as {file_format.upper()}",
        text=(texts.EXPORT_CSV if file_format == "csv" else texts.EXPORT_XLSX) + PREPARED,
        content={streams.CONTENT_TYPES[file_format]: content},
        filename=f"{resource.entity}.{file_format}",
        headers=ENCODED if file_format == "csv" else None,
        statuses=READING,
        accepted=ACCEPTED,
    )
    marks = [BOM] if file_format == "csv" else []
    asked = [columns_parameter(resource), headers_parameter(), since_parameter(), *filter_parameters(resource), *marks]
    return described | {"parameters": asked}


def paths() -> Json:
    """Describe the endpoints for prepared exports."""
    one = f"{BASE}/exports/{{id}}"
    shown = operation(
        "exports_show",
        tag="exports",
        summary="Show a prepared export",
        text="Returns an export that a worker prepares: `waiting`, `ready` with the path of its file, or `failed`.",
        content={"application/json": {"schema": ref("PreparedExport"), "example": examples.EXPORT}},
        statuses=READING,
    )
    binary = {"type": "string", "format": "binary"}
    file = operation(
        "exports_file",
        tag="exports",
        summary="Download a prepared export",
        text="Returns the file, or with `Range` a part of it (RFC 9110): a download that was interrupted can go on."
        " Files are kept for a day.",
        content={streams.CONTENT_TYPES["csv"]: {"schema": binary}, streams.CONTENT_TYPES["xlsx"]: {"schema": binary}},
        headers={"Content-Disposition": '`attachment; filename="contacts.csv"`'} | WHOLE,
        statuses=FILES,
    )
    answers = file["responses"]
    part = {"Content-Range": header("The part, and the size of the file: `bytes 0-1023/1048576`")}
    answers["206"] = answers["200"] | {"description": "A part", "headers": answers["200"]["headers"] | part}
    known = IDENTIFIED | RATE_HEADERS | {"ETag": header(WHOLE["ETag"])}
    answers["304"] = {"description": "The file is the one of If-None-Match", "headers": known}
    return {
        one: {"get": shown | {"parameters": [RUN_ID]}},
        f"{one}/file": {"get": file | {"parameters": [RUN_ID, *RANGES]}},
    }


WHOLE = {"ETag": "The SHA-256 of the file, in quotation marks", "Accept-Ranges": "`bytes`"}
FILES = (401, 429, 403, 404, 405, 406, 409, 416, 400, 503, 500)
RANGES: list[Json] = [
    {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
    for name, text in (
        ("Range", "A part of the file: `bytes=1000-`, `bytes=0-999` or `bytes=-1000`; several are answered with all"),
        ("If-Range", "The ETag of the file that the part is of; of another one, the response is the whole file"),
        ("If-None-Match", "The ETag of a file that the client has; if it is this one, the response is 304"),
    )
]
#: Told in words: clients that are generated mistake the query's ``headers`` for those of the request where there are
#: any to be given.
PREPARED = """
With the header `Prefer: respond-async` (RFC 7240), a worker prepares the file: the response is 202 with the path of the
export, see `GET /api/v1/importexport/exports/{id}`.
"""
ACCEPTED: Json = {"application/json": {"schema": ref("PreparedExport"), "example": examples.EXPORT_WAITING}}


def template_operation(resource: type[EntityResource]) -> Json:
    """Describe a template."""
    content = {"schema": {"type": "string"}, "example": ",".join(resource.column_names()) + "\r\n"}
    described = operation(
        f"{resource.entity}_template",
        tag=resource.entity,
        summary=f"Template for {resource.entity}",
        text="A file with the header row only. A workbook has the columns' help as notes, and drop-down lists.",
        content={
            streams.CONTENT_TYPES["csv"]: content,
            streams.CONTENT_TYPES["xlsx"]: {"schema": {"type": "string", "format": "binary"}},
        },
        filename=f"{resource.entity}_template.csv",
        statuses=READING,
    )
    return described | {"parameters": [BOM, FORMAT]}


FORMAT = parameter("format", "The format of the file", ref("FileFormat") | {"default": "csv"})
BOM = parameter(
    "bom",
    "Whether the file begins with a byte-order mark, by which Excel knows its encoding",
    {"type": "boolean", "default": False},
)


def columns_parameter(resource: type[EntityResource]) -> Json:
    """Describe the parameter for columns: a comma-separated list."""
    names = ref(name_of(resource, "column"))
    schema = {"type": "array", "items": names, "uniqueItems": True, "minItems": 1}
    text = (
        "The columns of the file, in this order, separated by commas or in parameters of their own. Default: those of"
        " the template"
    )
    return parameter(COLUMNS, text, schema) | {"style": "form", "explode": False}


def headers_parameter() -> Json:
    """Describe the parameter for another program's headers."""
    text = (
        "The columns and values as another program imports them, instead of ours; not together with `columns`. A"
        " program without this entity returns 400"
    )
    return parameter(HEADERS, text, {"type": "string", "default": OURS, "examples": ["hubspot", "salesforce"]})


def since_parameter() -> Json:
    """Describe the parameter for the time of the last change."""
    text = (
        "Only records created or changed at this time or later: an ISO 8601 date or time; without an offset, in the"
        " tenant's time zone. Encode `+` as `%2B`"
    )
    return parameter(UPDATED_SINCE, text, {"type": "string", "examples": ["2025-06-15T14:30:00Z", "2025-06-15"]})


def filter_parameters(resource: type[EntityResource]) -> list[Json]:
    """Describe the filters of an entity."""
    columns = {name: resource.declared[name] for name in resource.filters}
    return [
        parameter(name, filter_text(name, column.help), values_of(resource, name)) for name, column in columns.items()
    ]


def filter_text(name: str, rule: str) -> str:
    """Say what a filter selects. A filter has a value: what the column's rule says of blank cells does not matter."""
    if name == "tags":
        return "Only records that have all of these tags, separated by commas"
    return f"Only records with this {name}: {rule.partition('; blank')[0]}"


def values_of(resource: type[EntityResource], name: str) -> Json:
    """Return the schema of a filter's values."""
    has_choices = choices_of(resource.declared[name])
    return ref(name_of(resource, name)) if has_choices else {"type": "string", "minLength": 1}
