"""Examples for the API's description and for people: the sentences themselves come from errors."""

import csv
import io

from importexport import errors
from importexport.engine.examples import example_row
from importexport.engine.resource import EntityResource

INTRODUCTION = """
Customer records in and out, as files. Every request carries a key in the header `X-Api-Key`; the key decides the
tenant. Paths work without the version too (`/api/importexport/…`). Errors are problem details (RFC 9457).
A request is judged in this order: 401, 429, 403 (host), 404, 405, 406, 400 (query), 403 (scope), 415, 413, 400 (file).
"""
EXPORT_CSV = """
All records, oldest first: CSV (RFC 4180) in UTF-8 with CRLF, quotes only where needed, dates `2025-06-15`, times
`2025-06-15T14:30:00Z`, decimals with two places. A text that a spreadsheet would run as a formula is written with a
leading `'`, which an import takes off again. The answer is streamed.
"""
EXPORT_XLSX = """
All records, oldest first, as a workbook: numbers and dates are typed cells (times in UTC), text is always text.
The answer is streamed.
"""
IMPORT = """
The good rows are stored in one transaction; every other row is skipped with one message. Row numbers are those of a
spreadsheet: the header is row 1. CSV in UTF-8 (byte-order mark or not); comma, semicolon or tab; LF, CRLF or CR.
Headers match whatever their case, spaces, `-` and `_`; optional columns may be missing, unknown ones are ignored.
"""
FILE_ERRORS = [
    "Unknown query parameter 'dry_run'",
    "There is no file. Send it as multipart/form-data in the field 'file'.",
    "The multipart body is malformed: Unexpected end of multipart stream (parser not closed).",
    str(errors.empty_file()),
    str(errors.no_header()),
    str(errors.missing_columns(["email"])),
    str(errors.repeated_column("email")),
    str(errors.not_utf8(7)),
    str(errors.broken_quoting(7)),
]
#: What can be wrong with a row, by entity and beyond what all share.
_ROW_ERRORS = {
    "contacts": [
        errors.required("first_name"),
        errors.email("not-an-email"),
        errors.duplicate("contact", "email", "john@acme.com"),
        errors.choice("lifecycle_stage", "prospect"),
        errors.not_found("Company", "Unknown Corp"),
        errors.too_long("tags", 50),
    ],
    "companies": [
        errors.required("name"),
        errors.duplicate("company", "name", "Acme"),
        errors.duplicate("company", "domain", "acme.com"),
        errors.number("employee_count"),
        errors.out_of_range("annual_revenue"),
    ],
    "deals": [
        errors.duplicate("deal", "name", "X"),
        errors.number("value"),
        errors.out_of_range("probability"),
        errors.choice("currency", "ZZZ"),
        errors.date("expected_close_date"),
        errors.not_found("Pipeline", "X"),
        errors.stage_not_found("X", "Sales Pipeline"),
        errors.ambiguous("Stage", "X"),
        errors.not_found("Contact", "a@b.com"),
    ],
    "activities": [
        errors.choice("activity_type", "fax"),
        errors.choice("status", "done-ish"),
        errors.choice("priority", "huge"),
        errors.date("scheduled_at"),
        errors.duplicate("activity", "subject", "First call"),
        errors.not_found("Deal", "X"),
        errors.ambiguous("Deal", "X"),
    ],
}


def csv_example(resource: type[EntityResource]) -> str:
    """Return a file of one record."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([resource.column_names(), example_row(resource)])
    return text.getvalue()


def results(resource: type[EntityResource]) -> dict[str, dict]:
    """Return import results: all good, and one with every error that a row of the entity can have."""
    last = resource.column_names()[-1]
    shared = [errors.too_long(last, 255), errors.character(last), errors.too_many_cells(len(resource.fields), 18)]
    messages = [errors.at_row(row, [error]) for row, error in enumerate([*_ROW_ERRORS[resource.entity], *shared], 3)]
    messages.append(errors.at_row(len(messages) + 3, _ROW_ERRORS[resource.entity][:2]))
    return {
        "good": {"summary": "Every row stored", "value": result(imported=120, errors=[])},
        "skipped": {"summary": "Some rows skipped", "value": result(imported=120, errors=messages)},
    }


def result(*, imported: int, errors: list[str]) -> dict[str, object]:
    """Return a result body."""
    return {"totalRows": imported + len(errors), "imported": imported, "skipped": len(errors), "errors": errors}
