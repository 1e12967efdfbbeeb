"""Starts what schedules say: when it is due, or when somebody asks for it."""

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from importexport.models import ImportRun, PreparedExport, Schedule
from importexport.runs import attempts, exports
from importexport.runs.queue import TooManyWaiting, check_number, has_job
from importexport.schedules import addresses, cron
from importexport.schedules.addresses import SchedulesOff, are_on
from importexport.schedules.options import FORMAT, query_of

logger = logging.getLogger("rally.jobs")
PASSED_OVER = "Passed over."


class StillAtWork(ValueError):
    """A schedule is not started while it is at work. The text is for the user."""

    def __init__(self) -> None:
        super().__init__("What the schedule has started before is still at work.")


def start_due() -> None:
    """Start what is due. Several workers may do so at once: each finds what no other has taken."""
    if not are_on():
        return
    now = timezone.now()
    _each(Schedule.objects.filter(is_active=True, next_at__lte=now).order_by("next_at"), _start_if_due)
    _each(Schedule.objects.filter(again_at__lte=now).order_by("again_at"), _try_again_if_due)


def _each(due: Any, start: Callable[[int, int], None]) -> None:
    """Start each of the schedules; one that cannot be started is in the way of no other."""
    for tenant_id, schedule_id in list(due.values_list("tenant_id", "pk")):
        try:
            start(tenant_id, schedule_id)
        except DatabaseError:
            raise
        except Exception:
            logger.exception("Bug while starting a schedule", extra={"fields": {"schedule": schedule_id}})


def _locked(tenant_id: int, schedule_id: int, *, skip_locked: bool) -> Any:
    """Return a schedule, which nobody else starts until the transaction ends."""
    found = Schedule.objects.filter(tenant=tenant_id, pk=schedule_id).select_related("tenant")
    return found.select_for_update(no_key=True, of=("self",), skip_locked=skip_locked)


@transaction.atomic
def _start_if_due(tenant_id: int, schedule_id: int) -> None:
    """Start a schedule unless another process does. What was missed is made up for once."""
    now = timezone.now()
    schedule = _locked(tenant_id, schedule_id, skip_locked=True).filter(is_active=True, next_at__lte=now).first()
    if schedule is None:
        return
    zone = cron.zone_of(schedule.time_zone)
    due_at = cron.last_until(schedule.cron, zone, now, since=schedule.next_at)
    schedule.next_at, schedule.last_at, schedule.note = cron.next_after(schedule.cron, zone, now), now, ""
    try:
        with transaction.atomic():
            _start(schedule, due_at)
    except (StillAtWork, TooManyWaiting) as why:
        schedule.note = f"{PASSED_OVER} {why}"
        logger.warning("A schedule was passed over", extra={"fields": {"schedule": schedule.pk, "reason": str(why)}})
    schedule.save(update_fields=["next_at", "last_at", "note"])


@transaction.atomic
def _try_again_if_due(tenant_id: int, schedule_id: int) -> None:
    found = _locked(tenant_id, schedule_id, skip_locked=True).filter(again_at__lte=timezone.now())
    if schedule := found.first():
        attempts.begin_again(schedule)


@transaction.atomic
def start_now(schedule: Schedule) -> PreparedExport | None:
    """Start a schedule, also one that is switched off; return its export, or None for an import.

    Raises SchedulesOff, StillAtWork, TooManyWaiting, and Schedule.DoesNotExist if it has just been deleted.
    """
    if not are_on():
        raise SchedulesOff
    locked, now = _locked(schedule.tenant_id, schedule.pk, skip_locked=False).get(), timezone.now()
    export = _start(locked, now)
    locked.last_at, locked.note = now, ""
    locked.save(update_fields=["last_at", "note"])
    return export


def _start(schedule: Schedule, due_at: dt.datetime) -> PreparedExport | None:
    if is_at_work(schedule):
        raise StillAtWork
    if schedule.kind == Schedule.Kind.IMPORT:
        check_number(schedule.tenant_id)
        attempts.begin(schedule, due_at=due_at)
        return None
    address = addresses.filled(schedule.address, due_at, cron.zone_of(schedule.time_zone))
    export = PreparedExport(
        tenant=schedule.tenant,
        entity=schedule.entity,
        file_format=schedule.options[FORMAT],
        query=query_of(schedule.options),
        key_id=schedule.key_id,
        actor=schedule.actor,
        schedule=schedule,
        due_at=due_at,
        destination=addresses.masked(address),
    )
    exports.prepare(export)
    return export


def is_at_work(schedule: Schedule) -> bool:
    """Whether what a schedule has started has not ended. What has no job any more is in the way of nothing."""
    ours = {"tenant": schedule.tenant_id, "schedule": schedule}
    waiting = PreparedExport.objects.filter(**ours, status=PreparedExport.Status.WAITING)
    return bool(
        schedule.again_at
        or (schedule.attempt and has_job("attempt", schedule.attempt))
        or ImportRun.objects.filter(**ours, status__in=ImportRun.AT_WORK).exists()
        or any(has_job("export_id", export_id) for export_id in waiting.values_list("pk", flat=True))
    )
