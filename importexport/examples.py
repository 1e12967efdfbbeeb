"""Examples for the API's description and for people: the sentences themselves come from faults."""

import csv
import io

from importexport import faults
from importexport.engine import EntityResource

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
FILE_FAULTS = [
    "Unknown query parameter 'dry_run'",
    "There is no file. Send it as multipart/form-data in the field 'file'.",
    "The multipart body is malformed: Unexpected end of multipart stream (parser not closed).",
    str(faults.empty_file()),
    str(faults.no_header()),
    str(faults.missing_columns(["email"])),
    str(faults.repeated_column("email")),
    str(faults.not_utf8(7)),
    str(faults.broken_quoting(7)),
]
_VALUES = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "email": "ada@example.com",
    "phone": "+44 20 7946 0001",
    "company_name": "Analytical Engines Ltd",
    "name": "Analytical Engines Ltd",
    "domain": "example.com",
    "industry": "Software",
    "city": "London",
    "country": "United Kingdom",
    "subject": "First call",
    "stage_name": "Qualified",
    "pipeline_name": "Sales Pipeline",
    "contact_email": "ada@example.com",
    "notes": "Met at the fair, wants a demo",
}
#: What can be wrong with a row, by entity and beyond what all share.
_ROW_FAULTS = {
    "contacts": [
        faults.required("first_name"),
        faults.email("not-an-email"),
        faults.duplicate("contact", "email", "john@acme.com"),
        faults.choice("lifecycle_stage", "prospect"),
        faults.not_found("Company", "Unknown Corp"),
        faults.too_long("tags", 50),
    ],
    "companies": [
        faults.required("name"),
        faults.duplicate("company", "name", "Acme"),
        faults.duplicate("company", "domain", "acme.com"),
        faults.number("employee_count"),
        faults.out_of_range("annual_revenue"),
    ],
    "deals": [
        faults.duplicate("deal", "name", "X"),
        faults.number("value"),
        faults.out_of_range("probability"),
        faults.choice("currency", "ZZZ"),
        faults.date("expected_close_date"),
        faults.not_found("Pipeline", "X"),
        faults.stage_not_found("X", "Sales Pipeline"),
        faults.ambiguous("Stage", "X"),
        faults.not_found("Contact", "a@b.com"),
    ],
    "activities": [
        faults.choice("activity_type", "fax"),
        faults.choice("status", "done-ish"),
        faults.choice("priority", "huge"),
        faults.date("scheduled_at"),
        faults.duplicate("activity", "subject", "First call"),
        faults.not_found("Deal", "X"),
        faults.ambiguous("Deal", "X"),
    ],
}


def example_row(resource: type[EntityResource]) -> list[str]:
    """Return a row of believable cells."""
    return [_VALUES.get(name) or column.widget.example for name, column in resource.fields.items()]


def csv_example(resource: type[EntityResource]) -> str:
    """Return a file of one record."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([resource.column_names(), example_row(resource)])
    return text.getvalue()


def results(resource: type[EntityResource]) -> dict[str, dict]:
    """Return import results: all good, and one with every fault that a row of the entity can have."""
    last = resource.column_names()[-1]
    shared = [faults.too_long(last, 255), faults.character(last), faults.too_many_cells(len(resource.fields), 18)]
    errors = [faults.at_row(row, [fault]) for row, fault in enumerate([*_ROW_FAULTS[resource.entity], *shared], 3)]
    errors.append(faults.at_row(len(errors) + 3, _ROW_FAULTS[resource.entity][:2]))
    return {
        "good": {"summary": "Every row stored", "value": result(imported=120, errors=[])},
        "faults": {"summary": "Some rows skipped", "value": result(imported=120, errors=errors)},
    }


def result(*, imported: int, errors: list[str]) -> dict[str, object]:
    """Return a result body."""
    return {"totalRows": imported + len(errors), "imported": imported, "skipped": len(errors), "errors": errors}
