"""Examples of the API's JSON responses."""

import json

from importexport import errors
from importexport.api.links import BASE
from importexport.api.openapi.operation import Json

RUN, PLAN, UNDO = (f"{digits}-6f96-4ff8-8b86-d011b42d00c0" for digits in ("8c1c7a10", "4b0d2f31", "f30a9e52"))
ME: Json = {
    "tenant": {"slug": "acme", "name": "Acme Inc", "currency": "USD", "timezone": "Europe/Berlin"},
    "key": {"name": "ci", "scope": "write", "createdAt": "2026-01-05T09:30:00Z", "expiresAt": None},
    "limits": {"requestsPerMinute": 1000, "requestsRemaining": 998, "maxFileBytes": 10485760, "keepDays": 30},
}
SUMMARY: Json = {
    "id": RUN,
    "kind": "import",
    "entity": "contacts",
    "status": "done",
    "channel": "api",
    "door": "api",
    "actor": "ci",
    "fileName": "contacts.csv",
    "size": 10240,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "createdAt": "2026-01-12T02:00:00Z",
    "finishedAt": "2026-01-12T02:00:01Z",
    "rowsDone": 121,
    "options": {
        "mode": "upsert",
        "match_on": "email",
        "blank": "keep",
        "tags": "replace",
        "missing": "create",
    },
    "totalRows": 121,
    "imported": 120,
    "skipped": 1,
    "warningCount": 1,
    "created": 100,
    "updated": 15,
    "unchanged": 5,
    "deleted": 0,
    "conflicts": 0,
    "undoneRows": 0,
    "references": {"companies": 3},
    "fixes": 0,
    "schedule": None,
    "parent": None,
    "error": None,
    "fault": None,
}
RELATED = {"totalRows": 121, "imported": 120, "repaired": 0, "left": 1}
IGNORED = str(errors.ignored_column("Newsletter", 98))
IMPORT: Json = SUMMARY | {
    "ignoredColumns": ["Newsletter"],
    "ignoredCells": {"Newsletter": 98},
    "ignoredCount": 1,
    "warnings": [
        {"code": "ignored_column", "column": "Newsletter", "sentence": IGNORED, "example": IGNORED, "rows": 98},
    ],
    "reading": None,
    "rejectedKept": 1,
    "startedAt": "2026-01-12T08:12:03Z",
    "progress": None,
    "cancelledBy": None,
    "columnHints": {},
    "children": [],
    "relatedRuns": RELATED,
    "family": RELATED,
}
PLANNED = IMPORT | {"id": PLAN, "status": "planned"}
WAITING = (
    IMPORT
    | dict.fromkeys(
        ("totalRows", "imported", "skipped", "warningCount", "created", "updated", "unchanged", "rowsDone"), 0
    )
    | {"status": "planning", "finishedAt": None, "startedAt": None, "options": {}, "references": {}, "rejectedKept": 0}
    | {"progress": {"percent": 0, "secondsLeft": None, "ahead": 3}, "ignoredColumns": [], "ignoredCells": {}}
    | {"ignoredCount": 0, "warnings": [], "rowsDone": 0}
)
del WAITING["relatedRuns"], WAITING["family"]
CANCELLED = WAITING | {
    "status": "failed",
    "progress": None,
    "cancelledBy": "ci",
    "finishedAt": "2026-01-12T08:14:07Z",
    "error": "Cancelled by ci. Nothing was stored.",
    "fault": "Cancelled by ci. Nothing was stored.",
}
EVENTS = f"retry: 1000\n\nevent: end\ndata: {json.dumps(IMPORT)}\n\n"
UNDO_PLANNED = (
    SUMMARY
    | dict.fromkeys(("skipped", "warningCount", "created", "unchanged"), 0)
    | {"id": UNDO, "kind": "undo", "status": "planned", "fileName": "", "size": None, "sha256": None, "parent": RUN}
    | {"options": {}, "references": {}, "rowsDone": 118, "totalRows": 118, "imported": 118, "deleted": 103}
    | {
        "ignoredColumns": [],
        "ignoredCells": {},
        "ignoredCount": 0,
        "warnings": [],
        "reading": None,
        "rejectedKept": 0,
        "startedAt": "2026-01-12T08:14:59Z",
        "progress": None,
        "cancelledBy": None,
        "columnHints": {},
        "children": [],
    }
)
UNDONE = UNDO_PLANNED | {"status": "done", "finishedAt": "2026-01-12T08:15:01Z"}
IMPORTS: Json = {"count": 240, "next": f"{BASE}/imports?limit=1&after={RUN}", "results": [SUMMARY]}
ROWS: Json = {
    "next": f"{BASE}/imports/{RUN}/rows?limit=3&after=4",
    "results": [
        {"row": 2, "action": "create", "entity": "contacts", "record": 1017},
        {
            "row": 3,
            "action": "update",
            "entity": "contacts",
            "record": 34,
            "changes": {"phone": ["", "+49 30 1234567"]},
        },
        {
            "row": 4,
            "action": "reject",
            "entity": "contacts",
            "record": None,
            "error": "Row 4: Invalid email format 'not-an-email'",
            "errors": [
                {
                    "column": "email",
                    "code": "email",
                    "value": "not-an-email",
                    "message": str(errors.email("not-an-email")),
                }
            ],
            "cells": ["Ada", "Lovelace", "not-an-email", ""],
        },
    ],
}
HISTORY = {
    "results": [
        {
            "import": RUN,
            "action": "update",
            "row": 3,
            "fileName": "contacts.csv",
            "at": "2026-01-12T02:00:01Z",
            "channel": "api",
            "door": "api",
            "actor": "ci",
            "text": "row 3 of contacts.csv",
        }
    ]
}
#: The rows of an import as CSV, and its rejected rows.
ROWS_CSV = (
    "import_row,action,entity,record,column,before,after,import_error\r\n"
    "2,create,contacts,1017,,,,\r\n"
    "3,update,contacts,34,phone,,+49 30 1234567,\r\n"
    "4,reject,contacts,,,,,Row 4: Invalid email format 'not-an-email'\r\n"
)
REJECTED_CSV = (
    "first_name,last_name,email,phone,import_row,import_error\r\n"
    "Ada,Lovelace,not-an-email,,4,Row 4: Invalid email format 'not-an-email'\r\n"
)

EXPORT_WAITING: Json = {
    "id": "7d9c0d7e-5f0c-4a53-8a0a-0c6d2f4b8a11",
    "entity": "contacts",
    "format": "csv",
    "query": {"columns": "id,email"},
    "status": "waiting",
    "actor": "ci",
    "schedule": None,
    "destination": None,
    "sentAt": None,
    "createdAt": "2026-01-12T08:14:00Z",
    "startedAt": None,
    "finishedAt": None,
    "expiresAt": None,
    "size": None,
    "sha256": None,
    "file": None,
    "error": None,
}
EXPORT = EXPORT_WAITING | {
    "status": "ready",
    "startedAt": "2026-01-12T08:14:01Z",
    "finishedAt": "2026-01-12T08:14:03Z",
    "expiresAt": "2026-01-13T08:14:03Z",
    "size": 1048576,
    "sha256": "a9c1" * 16,
    "file": f"{BASE}/exports/7d9c0d7e-5f0c-4a53-8a0a-0c6d2f4b8a11/file",
}
