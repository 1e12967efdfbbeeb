"""Describes the endpoints for schedules."""

from functools import partial

from importexport.api.links import BASE
from importexport.api.openapi import examples
from importexport.api.openapi.enums import enum
from importexport.api.openapi.operation import WRITING, Json, for_admins, ref, taking
from importexport.api.openapi.runs import LOCATION
from importexport.api.openapi.schemas import ID, MOMENT, TEXT, UUID, members, or_null, text_of_length
from importexport.models import Schedule
from importexport.schedules import addresses, cron
from importexport.schedules.managing import LONGEST_NAME, MOST

TAG = "schedules"
SETTINGS_EXAMPLE: Json = {
    "name": "Contacts of the shop, every night",
    "kind": "import",
    "entity": "contacts",
    "address": "https://rally:secret@files.example.com/out/contacts-{date}.csv",
    "cron": "30 2 * * *",
    "timeZone": "Europe/Berlin",
    "options": {"mode": "upsert", "missing": "create"},
    "isActive": True,
}
EXAMPLE: Json = (
    {"id": 3}
    | SETTINGS_EXAMPLE
    | {
        "address": addresses.masked(SETTINGS_EXAMPLE["address"]),
        "actor": "ci",
        "nextAt": "2026-01-13T01:30:00Z",
        "lastAt": "2026-01-12T01:30:04Z",
        "lastImport": examples.RUN,
        "lastExport": None,
        "note": None,
        "createdAt": "2026-01-10T09:00:00Z",
    }
)
NEW_EXAMPLE = EXAMPLE | {"lastAt": None, "lastImport": None}
STARTED_EXAMPLE = EXAMPLE | {"lastAt": "2026-01-12T09:14:00Z"}
ADDRESS: Json = text_of_length(addresses.LONGEST) | {
    "description": "`https://…`, also with `user:password@`, or `s3://bucket/folder/file`; `{date}` and `{time}` become"
    " 2026-11-26 and 0630. It is shown with `***` for the password and the values of the query; sent like that,"
    " and otherwise unchanged, it keeps them"
}
OPTIONS: Json = {
    "type": "object",
    "description": "Of an import, its options, where `mapping` and `values` may be objects. Of an export, `format`"
    " (`csv` or `xlsx`) and the parameters of the export: `columns`, `headers`, `updated_since`, filters and `bom`",
    "additionalProperties": {"type": ["string", "boolean", "object"], "additionalProperties": True},
}
GIVEN: Json = {
    "name": text_of_length(LONGEST_NAME),
    "kind": ref("ScheduleKind"),
    "entity": ref("Entity"),
    "address": ADDRESS,
    "cron": text_of_length(cron.LONGEST)
    | {"description": f"Minute, hour, day of the month, month, day of the week; at most every {cron.LEAST} minutes"},
    "timeZone": TEXT | {"description": "The IANA name of the zone that the cron expression is in"},
    "options": OPTIONS,
    "isActive": {"type": "boolean", "description": "Whether it is started when it is due"},
}
SHOWN: Json = (
    {"id": ID}
    | GIVEN
    | {
        "actor": TEXT | {"description": "The name of the key or user that has added it"},
        "nextAt": or_null(MOMENT) | {"description": "When it is due; null while it is switched off"},
        "lastAt": or_null(MOMENT) | {"description": "When it last was due, or was started"},
        "lastImport": or_null(UUID) | {"description": "The last import that it has started"},
        "lastExport": or_null(UUID) | {"description": "The last export that it has started, for a day"},
        "note": or_null(TEXT) | {"description": "Why it was passed over, or could not fetch or send the last file"},
        "createdAt": MOMENT,
    }
)
SCHEDULES: Json = {
    "ScheduleKind": enum(Schedule.Kind.values, "Whether files are imported from the address, or exported to it"),
    "ScheduleSettings": members(
        GIVEN
        | {
            "timeZone": GIVEN["timeZone"] | {"default": "UTC"},
            "isActive": GIVEN["isActive"] | {"default": True},
        },
        optional=("timeZone", "options", "isActive"),
        additionalProperties=False,
    ),
    "Schedule": members(SHOWN, description="An import from an address, or an export to one, at certain times"),
    "SchedulePage": members({"results": {"type": "array", "items": ref("Schedule")}}),
}
PARAMETER: Json = {
    "name": "schedule_id",
    "in": "path",
    "required": True,
    "description": "The id of the schedule",
    "schema": ID,
}
endpoint = partial(for_admins, tag=TAG)


def taking_settings(described: Json) -> Json:
    """Add the body to the description of an operation that takes the settings of a schedule."""
    return taking(described, "ScheduleSettings", SETTINGS_EXAMPLE)


def paths() -> Json:
    """Describe the list of schedules, and what can be done with one."""
    one = f"{BASE}/schedules/{{schedule_id}}"
    return {
        f"{BASE}/schedules": {
            "get": endpoint(
                "schedules_list",
                "List the schedules",
                "Returns the tenant's schedules, oldest first.",
                "SchedulePage",
                {"results": [EXAMPLE]},
                [],
            ),
            "post": taking_settings(
                endpoint(
                    "schedules_add",
                    "Add a schedule",
                    f"A tenant has at most {MOST} schedules. A server that allows no addresses has none.",
                    "Schedule",
                    NEW_EXAMPLE,
                    [],
                    statuses=(*WRITING, 408, 415),
                    headers=LOCATION | {"Location": "The path of the schedule"},
                    success="201",
                )
            ),
        },
        one: {
            "get": endpoint(
                "schedules_show",
                "Show a schedule",
                "Returns a schedule without its secrets.",
                "Schedule",
                EXAMPLE,
                [PARAMETER],
            ),
            "put": taking_settings(
                endpoint(
                    "schedules_change",
                    "Change a schedule",
                    "Replaces all settings but the kind, which stays. What is at work goes on.",
                    "Schedule",
                    EXAMPLE,
                    [PARAMETER],
                    statuses=(*WRITING, 408, 415),
                )
            ),
            "delete": deleting(),
        },
        f"{one}/run": {
            "post": endpoint(
                "schedules_run",
                "Start a schedule now",
                "Starts the schedule, also one that is switched off. There is an import once its file was fetched.",
                "Schedule",
                STARTED_EXAMPLE,
                [PARAMETER],
                statuses=WRITING,
                headers={"Location": "The path of the export; for an import, of the schedule, which will name it"},
                success="202",
            )
        },
    }


def deleting() -> Json:
    """Describe how a schedule is deleted."""
    text = "Its imports and exports stay. A file that waits is neither fetched nor sent any more."
    described = endpoint(
        "schedules_delete",
        "Delete a schedule",
        text,
        "",
        {},
        [PARAMETER],
        statuses=tuple(s for s in WRITING if s != 409),
        success="204",
    )
    del described["responses"]["204"]["content"]
    return described
