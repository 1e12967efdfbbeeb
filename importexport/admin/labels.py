"""Labels used on the pages: entities, errors, states, counts and times."""

import datetime as dt
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.admin import formatting
from importexport.models import ImportRun

Status, Channel = ImportRun.Status, ImportRun.Channel
#: The entities in the order to import them: records that others refer to come first.
ENTITIES = {
    "companies": gettext_lazy("Companies"),
    "contacts": gettext_lazy("Contacts"),
    "deals": gettext_lazy("Deals"),
    "activities": gettext_lazy("Activities"),
}
#: The icon of each entity, as in the sidebar.
ICONS = {"companies": "apartment", "contacts": "person", "deals": "handshake", "activities": "event_note"}
#: The references that an import can create besides its own records.
CREATED_REFERENCES = {
    "companies": gettext_lazy("the company created for it"),
    "stages": gettext_lazy("the stage created for it"),
    "pipelines": gettext_lazy("the pipeline created for it"),
}
#: When two rows of an entity are the same record.
SAME = {
    "companies": gettext_lazy("Two companies are the same when they have the same name, or the same domain."),
    "contacts": gettext_lazy("Two contacts are the same when they have the same email."),
    "deals": gettext_lazy("Two deals are the same when they have the same name and are in the same pipeline."),
    "activities": gettext_lazy(
        "Two activities are the same when type, subject, body, times, due date, contact, company and deal are all the"
        " same."
    ),
}
ERROR_CODES = {
    "required": gettext_lazy("Empty, but required"),
    "email": gettext_lazy("Not an email address"),
    "duplicate": gettext_lazy("Duplicate"),
    "choice": gettext_lazy("Not an allowed value"),
    "not_found": gettext_lazy("Not found"),
    "ambiguous": gettext_lazy("Matches several records"),
    "date": gettext_lazy("Not a date"),
    "number": gettext_lazy("Not a number"),
    "range": gettext_lazy("Number out of range"),
    "length": gettext_lazy("Too long"),
    "spreadsheet_error": gettext_lazy("Spreadsheet error value"),
    "character": gettext_lazy("Forbidden character"),
    "other_kind": gettext_lazy("Another kind of record"),
    "incomplete": gettext_lazy("Too little information"),
    "cells": gettext_lazy("Too many cells"),
    "row_length": gettext_lazy("Row too long"),
    "left_out": gettext_lazy("Left out on purpose"),
}
WARNING_CODES = {
    "garbled": gettext_lazy("Garbled text"),
    "lost_character": gettext_lazy("Lost character"),
    "scientific": gettext_lazy("Shortened by a spreadsheet"),
    "email_domain": gettext_lazy("Looks like a typo"),
    "midnight": gettext_lazy("The time of day is missing"),
    "merged_cells": gettext_lazy("Merged cells"),
    "second_value": gettext_lazy("Additional values, which are not imported"),
    "translated": gettext_lazy("Stored as a more general value"),
    "other_currency": gettext_lazy("Symbol of another currency"),
    "left_blank": gettext_lazy("Left blank, because it cannot be read"),
}
STATES = {
    Status.MATCHING: gettext_lazy("Columns to match"),
    Status.PLANNING: gettext_lazy("Being checked"),
    Status.PLANNED: gettext_lazy("To be confirmed"),
    Status.APPLYING: gettext_lazy("Being imported"),
    Status.RUNNING: gettext_lazy("Being imported"),
    Status.DONE: gettext_lazy("Imported"),
    Status.FAILED: gettext_lazy("Failed"),
}

#: The state of an import that stored nothing.
NOTHING = gettext_lazy("Nothing imported")
#: The states of an undo that differ from those of an import.
OF_UNDOS = {Status.APPLYING: gettext_lazy("Being undone"), Status.DONE: gettext_lazy("Carried out")}
#: The states of what has been undone since, by kind: all of it, and a part.
UNDONE = {
    ImportRun.Kind.IMPORT: (gettext_lazy("Undone"), gettext_lazy("Partly undone")),
    ImportRun.Kind.UNDO: (gettext_lazy("Reverted"), gettext_lazy("Partly reverted")),
}
CHANNELS = {
    Channel.ADMIN: gettext_lazy("Admin"),
    Channel.API: gettext_lazy("API"),
    Channel.SHELL: gettext_lazy("Command line"),
    Channel.SCHEDULE: gettext_lazy("Schedule"),
}
#: The columns of a file whose names, with spaces instead of underscores, are not what the office calls them.
COLUMNS = {
    "company_name": gettext_lazy("Company"),
    "employee_count": gettext_lazy("Number of employees"),
    "stage_name": gettext_lazy("Stage"),
    "pipeline_name": gettext_lazy("Pipeline"),
    "contact_email": gettext_lazy("Contact’s email"),
    "deal_name": gettext_lazy("Deal"),
    "activity_type": gettext_lazy("Type"),
    "scheduled_at": gettext_lazy("Scheduled for"),
    "completed_at": gettext_lazy("Completed on"),
    "full_name": gettext_lazy("Full name, split into first and last name"),
    "company_domain": gettext_lazy("Company, by its domain"),
    "contact_name": gettext_lazy("Contact, by full name"),
    "deal_status": gettext_lazy("Stage and probability, if won or lost"),
    "row_kind": gettext_lazy("Kind of record, others are left out"),
    "external_source": gettext_lazy("Name of the other program"),
    "external_id": gettext_lazy("ID in the other program"),
    "company_external_id": gettext_lazy("Company, by its ID in the other program"),
    "contact_external_id": gettext_lazy("Contact, by its ID in the other program"),
    "deal_external_id": gettext_lazy("Deal, by its ID in the other program"),
}


def column(name: str) -> str:
    """Return a column of a file in plain words: ``lifecycle_stage`` → ``Lifecycle stage``."""
    return str(COLUMNS.get(name) or _(name.replace("_", " ").capitalize()))


def state(run: ImportRun) -> Any:
    """Return the label of a run's state."""
    status = Status(run.status)
    if run.undone_rows:
        return UNDONE[ImportRun.Kind(run.kind)][0 if run.is_undone else 1]
    if run.kind == ImportRun.Kind.UNDO:
        return OF_UNDOS.get(status, STATES[status])
    return NOTHING if status == Status.DONE and not run.imported else STATES[status]


def name_of(run: ImportRun) -> str:
    """Return the name of a run: of an import, that of its file; ``Undo of contacts.csv``."""
    if run.kind == ImportRun.Kind.IMPORT:
        return run.file_name
    return _("Undo of %(file)s") % {"file": _what_is_undone(run.parent) or run.file_name or _("no name")}


def _what_is_undone(run: ImportRun | None) -> str:
    if run is None or run.kind == ImportRun.Kind.IMPORT:
        return run.file_name if run else ""
    return _("the undo of %(file)s") % {"file": _what_is_undone(run.parent) or run.file_name}


def grouped(number: int) -> str:
    """Return a number with thousands separators: 12,345."""
    return formatting.number(number)


def counted(entity: str, count: int) -> str:
    """Return a number of records: ``1 contact``, ``12,345 contacts``."""
    texts = {
        "contacts": ngettext("%(count)s contact", "%(count)s contacts", count),
        "companies": ngettext("%(count)s company", "%(count)s companies", count),
        "deals": ngettext("%(count)s deal", "%(count)s deals", count),
        "activities": ngettext("%(count)s activity", "%(count)s activities", count),
    }
    return texts[entity] % {"count": grouped(count)}


def created(entity: str, count: int) -> str:
    """Return a number of references that an import created: ``1 company created``."""
    texts = {
        "companies": ngettext("%(count)s company created", "%(count)s companies created", count),
        "stages": ngettext("%(count)s stage created", "%(count)s stages created", count),
        "pipelines": ngettext("%(count)s pipeline created", "%(count)s pipelines created", count),
    }
    return texts[entity] % {"count": grouped(count)}


def rows(count: int) -> str:
    """Return a number of rows: ``1 row``, ``12,345 rows``."""
    return ngettext("%(count)s row", "%(count)s rows", count) % {"count": grouped(count)}


def cells(count: int) -> str:
    """Return a number of cells: ``1 cell``, ``12,345 cells``."""
    return ngettext("%(count)s cell", "%(count)s cells", count) % {"count": grouped(count)}


def cleared(count: int) -> str:
    """Return a number of values that are cleared: ``1 value cleared``."""
    return ngettext("%(count)s value cleared", "%(count)s values cleared", count) % {"count": grouped(count)}


def lost_tags(count: int) -> str:
    """Return a number of tags that records lose: ``1 tag lost``."""
    return ngettext("%(count)s tag lost", "%(count)s tags lost", count) % {"count": grouped(count)}


def filled_cells(count: int) -> str:
    """Return a number of filled cells: ``1 filled cell``, ``12,345 filled cells``."""
    return ngettext("%(count)s filled cell", "%(count)s filled cells", count) % {"count": grouped(count)}


def columns_left_out(count: int) -> str:
    """Return a number of columns whose values are not imported: ``1 column left out``."""
    return ngettext("%(count)s column left out", "%(count)s columns left out", count) % {"count": grouped(count)}


def conflicts(count: int) -> str:
    """Return a number of conflicts: ``1 conflict``, ``12,345 conflicts``."""
    return ngettext("%(count)s conflict", "%(count)s conflicts", count) % {"count": grouped(count)}


def warnings(count: int) -> str:
    """Return a number of warnings: ``1 warning``, ``12,345 warnings``."""
    return ngettext("%(count)s warning", "%(count)s warnings", count) % {"count": grouped(count)}


def size(count: int) -> str:
    """Return a file size: ``10 MB``, ``4.5 kB``."""
    value, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1024 or unit == "GB":
            break
        value /= 1024
    places = 0 if value >= 10 or value == int(value) else 1
    return f"{formatting.number(value, places=places)}\xa0{unit}"


def span(seconds: float) -> str:
    """Return a duration in its largest suitable unit: ``30 seconds``, ``3 minutes``."""
    whole = round(seconds)
    if whole < 1:
        return _("less than a second")
    if whole < 60:
        return ngettext("%(count)s second", "%(count)s seconds", whole) % {"count": whole}
    minutes = round(seconds / 60)
    if minutes < 60:
        return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": minutes}
    hours = round(seconds / 3600)
    return ngettext("%(count)s hour", "%(count)s hours", hours) % {"count": hours}


def ago(moment: dt.datetime) -> str:
    """Return the time since a moment: ``3 minutes ago``."""
    seconds = (timezone.now() - moment).total_seconds()
    if seconds < 60:
        return _("just now")
    if seconds < 24 * 3600:
        return _("%(span)s ago") % {"span": span(seconds)}
    days = round(seconds / (24 * 3600))
    return ngettext("%(count)s day ago", "%(count)s days ago", days) % {"count": days}
