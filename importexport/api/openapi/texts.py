"""Longer descriptions and examples for the API's description; error messages come from errors."""

import csv
import io

from importexport import errors
from importexport.engine.examples import example_row
from importexport.engine.resource import EntityResource

_INTRODUCTION = """
Import and export customer records as files. Every request needs a key in the `X-Api-Key` header, which determines the
tenant. The version in the path may be left out (`/api/importexport/…`). Errors are problem details (RFC 9457), whose
[types](/api/docs/problems) name the cause. [Integrate](/api/docs/integrate) has complete clients in Python and Node.
A request is checked in this order: 401, 429, 403 (host), 404, 405, 406, 400 (query), 403 (scope), 415, 413, 400 (file).
"""
INFO = {
    "title": "Rally import / export",
    "version": "1",
    "summary": "Customer records into and out of a CRM, as files",
    "description": _INTRODUCTION.strip(),
    "contact": {"name": "The administrator of this server"},
    "license": {"name": "All rights reserved", "identifier": "LicenseRef-All-Rights-Reserved"},
}
_SELECTED = """
All records, or those that meet every condition asked for, oldest first. Choices and names match as in imports, other
texts ignoring case; a record needs all of the `tags`.
"""
EXPORT_CSV = f"""{_SELECTED}
The file is CSV (RFC 4180) in UTF-8 with CRLF, quotes only where needed, dates like `2025-06-15`, times like
`2025-06-15T14:30:00Z`, decimals with two places. Text that a spreadsheet would treat as a formula or an error value
gets a leading `'`, which imports remove. The response is streamed, as gzip if the request accepts that.
"""
EXPORT_XLSX = f"""{_SELECTED}
The file is a workbook in which numbers, dates and times are typed cells (times in UTC, shown as `2025-06-15T14:30:00Z`)
and text is never a formula. A time with microseconds is text. The response is streamed.
"""
IMPORT = """
Valid rows are stored in one transaction; each other row is rejected with one message. Row numbers are as in a
spreadsheet: the header is row 1, and blank lines or a `sep=;` line above it count. The file is CSV in UTF-8 (with or
without byte-order marks), separated by commas, semicolons or tabs, with LF, CRLF or CR. Headers match ignoring case,
white space, dashes, `_` and invisible characters. Optional columns may be missing; unknown columns are ignored. Text in
a spreadsheet's text form (`="01067"`) is read as the text. A cell that is nothing but a spreadsheet's error value
(`#N/A`, `#REF!`, …) rejects its row, in every mode.
"""
#: Entity → errors of its rows, besides those that all entities share.
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
    """Return a CSV file with one record."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([resource.column_names(), example_row(resource)])
    return text.getvalue()


def results(resource: type[EntityResource]) -> dict[str, dict]:
    """Return two import results: one without errors, and one with every error that a row of the entity can have."""
    last, limit = longest(resource)
    shared = [
        errors.too_long(last, limit),
        errors.character(last),
        errors.spreadsheet_error(last, "#N/A"),
        errors.too_many_cells(len(resource.fields), 18),
    ]
    messages = [errors.at_row(row, [error]) for row, error in enumerate([*_ROW_ERRORS[resource.entity], *shared], 3)]
    messages.append(errors.at_row(len(messages) + 3, _ROW_ERRORS[resource.entity][:2]))
    return {
        "good": {"summary": "Every row stored", "value": result(imported=120, errors=[])},
        "skipped": {"summary": "Some rows rejected", "value": result(imported=120, errors=messages)},
    }


def longest(resource: type[EntityResource]) -> tuple[str, int]:
    """Return the last text column of an entity, and its limit."""
    limits = {name: getattr(column.widget, "limit", 0) for name, column in resource.fields.items()}
    return [(name, limit) for name, limit in limits.items() if limit][-1]


def result(*, imported: int, errors: list[str]) -> dict[str, object]:
    """Return the result of an import."""
    return {"totalRows": imported + len(errors), "imported": imported, "skipped": len(errors), "errors": errors}
