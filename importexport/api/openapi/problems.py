"""The errors of the API, with examples of their details: for its description, and for the page that explains them."""

from typing import Any

from importexport import errors
from importexport.api import authentication, permissions
from importexport.api.causes import STATUSES, Cause
from importexport.api.idempotency import AT_WORK
from importexport.api.openapi.operation import IDENTIFIED, RATE_HEADERS, REPLAYED, RETRY_AFTER, Json, header, ref
from importexport.api.parsers import WRONG_BODY
from importexport.api.problems import AWAY, NO_SUCH_IMPORT, problem_body, title_of
from importexport.api.throttling import OVER_SHARE
from importexport.history import plan_check
from importexport.history.plan_check import PlanChanged
from importexport.models import ImportRun
from importexport.runs import lifecycle
from importexport.runs.schedules import StillAtWork
from importexport.schedules import managing as schedules
from importexport.schedules.addresses import OTHER, SchedulesOff
from importexport.webhooks.addresses import PRIVATE
from importexport.webhooks.events import WebhookOff
from importexport.webhooks.managing import Taken, TooManyWebhooks

#: Cause → examples of its detail.
EXAMPLES: dict[Cause, list[str]] = {
    Cause.MISSING_KEY: [authentication.MISSING],
    Cause.INVALID_KEY: [authentication.INVALID],
    Cause.EXPIRED_KEY: [authentication.INVALID],
    Cause.REVOKED_KEY: [authentication.INVALID],
    Cause.RATE_LIMIT: ["More than 1000 requests in a minute. Try again in 17 seconds."],
    Cause.TOO_MANY_AT_ONCE: [OVER_SHARE],
    Cause.TOO_MANY_WAITING: [errors.TOO_MANY_WAITING],
    Cause.OTHER_TENANT: [permissions.IsHostOfTenant.message],
    Cause.SCOPE: ["The API key has the scope 'read'; this needs 'write'."],
    Cause.FORBIDDEN: ["This is not allowed."],
    Cause.NO_SUCH_PATH: ["There is nothing at this path."],
    Cause.NO_SUCH_IMPORT: [NO_SUCH_IMPORT],
    Cause.NO_SUCH_EXPORT: ["There is no such export.", "The file of this export is gone. Ask for it again."],
    Cause.NO_SUCH_SOURCE: ["There is no such source."],
    Cause.NO_SUCH_MAPPING: [
        "There is no such mapping.",
        "A mapping cannot have the name 'Webinar': it must be 1 to 50 of a-z, 0-9, _ and -.",
    ],
    Cause.NO_SUCH_WEBHOOK: ["There is no such webhook."],
    Cause.NO_SUCH_SCHEDULE: ["There is no such schedule."],
    Cause.NO_SUCH_DELIVERY: ["There is no such delivery."],
    Cause.NO_SUCH_RECORD: ["There is no such record."],
    Cause.NO_REJECTED_ROWS: ["This import has no rejected rows."],
    Cause.REJECTED_ROWS_EXPIRED: ["The rejected rows of this import are no longer kept."],
    Cause.METHOD_NOT_ALLOWED: ["The method PUT is not allowed here."],
    Cause.NOT_ACCEPTABLE: ["This endpoint gives text/csv, which the Accept header excludes."],
    Cause.UPLOAD_STALLED: ["The body stood still for 30 seconds."],
    Cause.UPLOAD_TOO_SLOW: ["The body took longer than 300 seconds."],
    Cause.IDEMPOTENCY_KEY_IN_USE: [AT_WORK],
    Cause.PLAN_BEING_MADE: [lifecycle.WHY_NOT[ImportRun.Status.PLANNING][1]],
    Cause.WEBHOOK_TAKEN: [str(Taken())],
    Cause.TOO_MANY_WEBHOOKS: [str(TooManyWebhooks())],
    Cause.WEBHOOK_OFF: [str(WebhookOff())],
    Cause.SCHEDULES_OFF: [str(SchedulesOff())],
    Cause.SCHEDULE_TAKEN: [str(schedules.Taken())],
    Cause.TOO_MANY_SCHEDULES: [str(schedules.TooManySchedules())],
    Cause.SCHEDULE_AT_WORK: [str(StillAtWork())],
    Cause.NOT_A_PLAN: [lifecycle.WHY_NOT[ImportRun.Status.RUNNING][1]],
    Cause.PLAN_BEING_APPLIED: [lifecycle.WHY_NOT[ImportRun.Status.APPLYING][1]],
    Cause.PLAN_ALREADY_APPLIED: [lifecycle.WHY_NOT[ImportRun.Status.DONE][1], lifecycle.UNDONE[1]],
    Cause.PLAN_MADE_AGAIN: [lifecycle.WHY_NOT[ImportRun.Status.PLANNED][1]],
    Cause.FIXES_CHANGED: [lifecycle.FIXES_CHANGED[1]],
    Cause.PLAN_NO_LONGER_HOLDS: [
        plan_check.sentence(PlanChanged(["Row 4 was to leave record 17 as it is; now: create a record"], 1)),
        plan_check.sentence(PlanChanged()),
    ],
    Cause.PLAN_FAILED: [lifecycle.WHY_NOT[ImportRun.Status.FAILED][1]],
    Cause.UPLOAD_LOST: [str(errors.upload_missing()), str(errors.upload_cut(1000, 2000)), str(errors.upload_changed())],
    Cause.EXPORT_NOT_READY: ["The file is still being made."],
    Cause.EXPORT_FAILED: [errors.BUG],
    Cause.NO_SUCH_RANGE: ["The range begins after the end of the file, which has 1048576 bytes."],
    Cause.CANCELLED: [errors.cancelled("key ci")],
    Cause.NOT_AT_WORK: [lifecycle.NOT_AT_WORK],
    Cause.NOTHING_TO_UNDO: ["Only what was imported can be undone."],
    Cause.UNDO_EXPIRED: ["What this import has changed is no longer kept, so it cannot be undone."],
    Cause.IDEMPOTENCY_KEY_REUSED: ["This Idempotency-Key has come with another request within the last 24 hours."],
    Cause.UNSUPPORTED_MEDIA_TYPE: [WRONG_BODY],
    Cause.NOT_CSV: [str(errors.NotCsv("an image"))],
    Cause.FILE_TOO_LARGE: [str(errors.TooLarge(10 * 1024 * 1024))],
    Cause.NO_ROOM: [str(errors.NoRoom(10 * 1024**3))],
    Cause.FORM_TOO_LARGE: ["The body has more than 65536 bytes beside the file."],
    Cause.MALFORMED_REQUEST: ["The request is malformed, or its Host is not served here."],
    Cause.UNKNOWN_PARAMETER: [
        "Unknown query parameter 'page'.",
        "Unknown form field 'dryRun' (did you mean 'dry_run'?).",
    ],
    Cause.REPEATED_PARAMETER: ["The query parameter 'mode' is given more than once."],
    Cause.INVALID_PARAMETER: ["Unknown limit '0'. Expected a whole number from 1 to 1000."],
    Cause.INVALID_OPTION: [
        "Unknown mode 'merge'. Expected one of: create, update, upsert.",
        "'blank' means nothing with mode 'create'.",
        "There is no saved mapping 'webinar' for contacts. Saved are: hubspot, newsletter.",
    ],
    Cause.CONTRADICTORY_OPTION: ["'dry_run' is 'true' in the query, but 'false' in the form."],
    Cause.INVALID_IDEMPOTENCY_KEY: ["The Idempotency-Key must have 1 to 255 printable ASCII characters."],
    Cause.MALFORMED_BODY: [
        "The multipart body is malformed: Unexpected end of multipart stream (parser not closed).",
        "The body stopped before its end, or is malformed.",
    ],
    Cause.INVALID_WEBHOOK: ["The URL must begin with https://.", PRIVATE, "'events' must be a list of texts."],
    Cause.INVALID_SCHEDULE: [
        "Unknown mode 'merge'. Expected one of: create, update, upsert.",
        "The hour '24' is not valid: expected 0 to 23, *, ranges, lists or steps (*/15).",
        OTHER,
    ],
    Cause.INVALID_FILE_NAME: ["The file's name is malformed: 'filename*' must begin with UTF-8''."],
    Cause.TRANSFER_ENCODING: ["The file comes in the Content-Transfer-Encoding 'base64'. Send it as it is."],
    Cause.NO_FILE: ["There is no file. Send it as multipart/form-data in the field 'file', with a name."],
    Cause.SEVERAL_FILES: ["There is more than one file in the field 'file'."],
    Cause.EMPTY_FILE: [str(errors.empty_file())],
    Cause.NO_HEADER: [str(errors.no_header())],
    Cause.TOO_MANY_COLUMNS: [str(errors.too_many_columns(5000))],
    Cause.MISSING_COLUMN: [
        str(errors.missing_columns(["email"], errors.columns_found(1, ["first_name", "last_name"], ","))),
    ],
    Cause.REPEATED_COLUMN: [str(errors.repeated_column("email", errors.columns_found(1, ["email", "E-Mail"], ",")))],
    Cause.NOT_UTF8: [
        str(errors.not_utf8(7)),
        str(errors.other_encoding("UTF-16")),
        str(errors.maybe_windows_1252(7, ["Müller", "Orléans"])),
    ],
    Cause.NOT_ENCODING: [
        str(errors.wrong_encoding("windows-1252", 7)),
        str(errors.marked_otherwise("windows-1252", "utf-8")),
        str(errors.workbook_has_no_encoding()),
    ],
    Cause.SOURCE_UNCLEAR: [str(errors.sources_fit_equally(["hubspot", "pipedrive"]))],
    Cause.SOURCE_WITHOUT_ENTITY: [str(errors.source_without_entity("Mailchimp", "deals"))],
    Cause.OTHER_ENTITY: [str(errors.other_entity("HubSpot", "deals", "contacts"))],
    Cause.MAPPING_WITHOUT_HEADER: [str(errors.mapping_without_header(["Surname"], ["First Name", "Last Name"]))],
    Cause.TWO_HEADERS: [str(errors.two_headers("Email", "E-mail 1", "email"))],
    Cause.DATES_UNDECIDED: [
        str(errors.dates_undecided("Close Date", [(2, "03/04/2025"), (5, "01/02/2025")], is_contradictory=False)),
        str(errors.dates_undecided("Close Date", [(2, "13/04/2025"), (5, "04/13/2025")], is_contradictory=True)),
    ],
    Cause.DECIMALS_UNDECIDED: [str(errors.decimals_undecided("Amount", [(2, "1.234")], is_contradictory=False))],
    Cause.BROKEN_QUOTING: [str(errors.broken_quoting(7))],
    Cause.ENDLESS_RECORD: [str(errors.endless_record(7, 10 * 1024 * 1024))],
    Cause.ENCRYPTED_WORKBOOK: [str(errors.encrypted_workbook())],
    Cause.DAMAGED_WORKBOOK: [str(errors.damaged_workbook())],
    Cause.OVERSIZED_WORKBOOK: [str(errors.oversized_workbook())],
    Cause.SEVERAL_SHEETS: [str(errors.several_sheets(["Contacts", "Leads"]))],
    Cause.UNKNOWN_SHEET: [
        str(errors.unknown_sheet("People", ["Contacts", "Leads"])),
        str(errors.csv_has_no_sheets("People")),
    ],
    Cause.FORMULA_WITHOUT_VALUE: [str(errors.formula_without_value(7, "C"))],
    Cause.FAILED_FILE: [str(errors.missing_columns(["email"]))],
    Cause.BUSY: [
        errors.busy("contacts", "8c1c7a10-6f96-4ff8-8b86-d011b42d00c0"),
        errors.RECORDS_BUSY,
        errors.RUN_BUSY,
    ],
    Cause.TOO_MANY_DOWNLOADS: [errors.TOO_MANY_DOWNLOADS],
    Cause.TOO_MANY_STREAMS: [errors.TOO_MANY_STREAMS],
    Cause.DATABASE_UNAVAILABLE: [AWAY],
    Cause.STORAGE_UNAVAILABLE: [errors.STORAGE_AWAY, errors.STORAGE_FULL],
    Cause.NOT_READY: ["2 migration(s) not applied."],
    Cause.INTERNAL_ERROR: [errors.BUG],
}
#: Status → the headers that its responses have, or may have.
OWN_HEADERS: dict[int, Json] = {
    401: {"WWW-Authenticate": header("How to authenticate (RFC 9110)")},
    405: {"Allow": header("The methods that the path has")},
    **{cause.status: {"Retry-After": RETRY_AFTER} for cause in Cause if cause.retry_after},
}
#: The statuses of responses that an Idempotency-Key repeats.
REPEATED = {400, 409, 413, 415}


def problem_answer(status: int) -> Json:
    """Describe the response with an error status."""
    headers = IDENTIFIED | ({} if status == 401 else RATE_HEADERS) | OWN_HEADERS.get(status, {})
    headers |= REPLAYED if status in REPEATED else {}
    shown = {
        f"{cause.slug}-{number}": {
            "summary": cause.meaning,
            "value": problem_body(status, detail, anchor=cause.slug),
        }
        for cause in causes_of(status)
        for number, detail in enumerate(EXAMPLES[cause], 1)
    }
    body = {"schema": ref("Problem"), "examples": shown}
    return {"description": STATUSES[status], "headers": headers, "content": {"application/problem+json": body}}


def causes_of(status: int) -> list[Cause]:
    """Return the causes of a status, in the order of their table."""
    return [cause for cause in Cause if cause.status == status]


def explained() -> list[dict[str, Any]]:
    """Return statuses with their causes and the examples of each, as the page of problems shows them."""
    return [
        {
            "status": status,
            "title": title_of(status),
            "meaning": meaning,
            "causes": [(cause, EXAMPLES[cause]) for cause in causes_of(status)],
        }
        for status, meaning in sorted(STATUSES.items())
    ]
