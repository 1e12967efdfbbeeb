"""Adding and changing schedules, for the API and the admin."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from crm.characters import trim
from crm.models import Tenant
from crm.models.fields import has_forbidden
from crm.timestamps import timestamp
from importexport.models import ImportRun, PreparedExport, Schedule
from importexport.net.addresses import NotAllowed
from importexport.resources import RESOURCES
from importexport.schedules import addresses, cron
from importexport.schedules.options import InvalidOptions, check_export, check_import

#: The most schedules of a tenant, and the most characters of a name.
MOST, LONGEST_NAME = 20, 100
MEMBERS = ("name", "kind", "entity", "address", "cron", "timeZone", "options", "isActive")
#: What must be given, and is a text.
TEXTS = ("name", "kind", "entity", "address", "cron")
Json = dict[str, Any]


class InvalidSchedule(ValueError):
    """A schedule cannot be like this. The text is for the user."""


class Taken(ValueError):
    """The tenant has a schedule with the same name."""

    def __init__(self) -> None:
        super().__init__("There is a schedule with this name already.")


class TooManySchedules(ValueError):
    """The tenant has as many schedules as it may."""

    def __init__(self) -> None:
        super().__init__(f"There are {MOST} schedules already, which is the limit.")


@dataclass(frozen=True)
class Given:
    """What a caller says about a schedule. ``options`` are complete, and the address has its secrets."""

    name: str
    kind: str
    entity: str
    address: str
    cron: str
    time_zone: str
    options: Json
    is_active: bool


def read_given(body: Mapping[str, Any], *, tenant: Tenant, stored: Schedule | None = None) -> Given:
    """Return what a JSON object says about a schedule, which is to replace the ``stored`` one.

    Raises InvalidSchedule, and SchedulesOff.
    """
    if unknown := [name for name in body if name not in MEMBERS]:
        raise InvalidSchedule(f"Unknown member '{unknown[0][:100]}'. Expected: {', '.join(MEMBERS)}.")
    whole: Json = {"timeZone": "UTC", "options": {}, "isActive": True} | dict(body)
    for name in (*TEXTS, "timeZone"):
        if not isinstance(whole.get(name), str):
            raise InvalidSchedule(f"'{name}' must be a text.")
    if not isinstance(whole["options"], dict):
        raise InvalidSchedule("'options' must be an object.")
    if not isinstance(whole["isActive"], bool):
        raise InvalidSchedule("'isActive' must be true or false.")
    values = {name: whole[name] for name in (*TEXTS, "options")}
    return checked(
        Given(**values, time_zone=whole["timeZone"], is_active=whole["isActive"]), tenant=tenant, stored=stored
    )


def checked(given: Given, *, tenant: Tenant, stored: Schedule | None = None) -> Given:
    """Return what was given as it is to be stored. Raises InvalidSchedule, and SchedulesOff."""
    name = check_name(given.name)
    _check_known("kind", given.kind, Schedule.Kind.values)
    if stored and stored.kind != given.kind:
        # What it has started would be at work without an end.
        raise InvalidSchedule("The kind of a schedule cannot be changed. Add another schedule.")
    _check_known("entity", given.entity, RESOURCES)
    try:
        address = check_address(given.address, tenant=tenant, stored=stored)
        text = check_times(given.cron, given.time_zone)
        check = check_import if given.kind == Schedule.Kind.IMPORT else check_export
        options = check(given.options, entity=given.entity, tenant=tenant)
    except (NotAllowed, cron.InvalidCron, InvalidOptions) as why:
        raise InvalidSchedule(str(why)) from None
    return Given(name, given.kind, given.entity, address, text, given.time_zone, options, given.is_active)


def check_name(text: str) -> str:
    """Return a name; raise InvalidSchedule for one that is blank, too long or has forbidden characters."""
    name = trim(text)
    if not 1 <= len(name) <= LONGEST_NAME or has_forbidden(name) or "\n" in name or "\t" in name:
        raise InvalidSchedule(f"'name' must have 1 to {LONGEST_NAME} characters, and no control characters.")
    return name


def check_address(text: str, *, tenant: Tenant, stored: Schedule | None) -> str:
    """Return an address with its secrets, which are the ``stored`` one's if it is as that is shown.

    Raises NotAllowed, and SchedulesOff.
    """
    given = trim(text)
    address = addresses.unmasked(given, stored.address if stored else "")
    addresses.check_address(address, tenant=tenant)
    return address


def check_times(text: str, zone: str) -> str:
    """Return a cron expression with single spaces; raise InvalidCron for one, or a time zone, that is not valid."""
    cron.zone_of(zone)
    return cron.check_cron(text)


def _check_known(name: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise InvalidSchedule(f"Unknown {name} '{value[:100]}'. Expected one of: {', '.join(known)}.")


def add_schedule(given: Given, *, tenant: Tenant, **by: Any) -> Schedule:
    """Add a schedule; ``by`` has the fields for who adds it. Raises Taken and TooManySchedules."""
    schedule = Schedule(tenant=tenant, **by)
    with transaction.atomic():
        # One after the other, so that they are counted.
        Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
        check_room(tenant.pk)
        if is_taken(given.name, tenant_id=tenant.pk):
            raise Taken
        apply(given, schedule)
        _save(schedule)
    schedule.refresh_from_db()
    return schedule


def change_schedule(schedule: Schedule, given: Given) -> None:
    """Change a schedule. Raises Taken. What was noted about it is over."""
    changed = apply(given, schedule)
    _save(schedule, changed=changed)


def apply(given: Given, schedule: Schedule) -> list[str]:
    """Set the fields of a schedule; return their names. Of one whose times stay the same, the next one does as well."""
    before = (schedule.cron, schedule.time_zone, bool(schedule.next_at))
    for name, value in vars(given).items():
        setattr(schedule, name, value)
    fields = [*vars(given), "note"]
    schedule.note = ""
    if before != (schedule.cron, schedule.time_zone, schedule.is_active):
        schedule.next_at = next_time(schedule, timezone.now())
        fields.append("next_at")
    return fields


def next_time(schedule: Schedule, now: dt.datetime) -> dt.datetime | None:
    """Return when a schedule is due next, or None while it is switched off."""
    if not schedule.is_active:
        return None
    return cron.next_after(schedule.cron, cron.zone_of(schedule.time_zone), now)


def check_room(tenant_id: int) -> None:
    """Raise TooManySchedules if a tenant cannot add another schedule."""
    if Schedule.objects.filter(tenant=tenant_id).count() >= MOST:
        raise TooManySchedules


def is_taken(name: str, *, tenant_id: int, but: int = 0) -> bool:
    """Whether a schedule of a tenant, but for one, has a name."""
    return Schedule.objects.filter(tenant=tenant_id, name=name).exclude(pk=but).exists()


def _save(schedule: Schedule, *, changed: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            schedule.save(update_fields=changed)
    except IntegrityError:
        raise Taken from None


def last_of(schedules: Iterable[Schedule], *, tenant_id: int) -> dict[int, ImportRun | PreparedExport]:
    """Return the last run or export of each schedule of a tenant that has one (still), by the schedule's id."""
    ids, found = [schedule.pk for schedule in schedules], {}
    for model in (ImportRun, PreparedExport):
        ours: Any = model._default_manager.filter(tenant=tenant_id, schedule__in=ids)
        for last in ours.order_by("schedule_id", "-created_at").distinct("schedule_id"):
            found[last.schedule_id] = last
    return found


def schedule_json(schedule: Schedule, last: ImportRun | PreparedExport | None) -> Json:
    """Return a schedule as it is told to clients, with its last run or export."""
    return {
        "id": schedule.pk,
        "name": schedule.name,
        "kind": schedule.kind,
        "entity": schedule.entity,
        "address": addresses.masked(schedule.address),
        "cron": schedule.cron,
        "timeZone": schedule.time_zone,
        "options": schedule.options,
        "isActive": schedule.is_active,
        "actor": schedule.actor,
        "nextAt": timestamp(schedule.next_at),
        "lastAt": timestamp(schedule.last_at),
        "lastImport": str(last.pk) if isinstance(last, ImportRun) else None,
        "lastExport": str(last.pk) if isinstance(last, PreparedExport) else None,
        "note": schedule.note or None,
        "createdAt": timestamp(schedule.created_at),
    }
