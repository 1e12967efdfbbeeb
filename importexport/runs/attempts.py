"""Attempts to fetch or send the file of a schedule: three, within minutes.

The schedule has the id of the attempt that is to be made. Whoever stores what came of an attempt replaces the id in the
same transaction, and stores nothing if it is another one by now: so each occurrence ends once, although a job may be
done twice when a worker was killed or taken for dead.
"""

import datetime as dt
import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone

from importexport.models import Schedule
from importexport.runs.queue import put_attempt

#: Minutes after each failed attempt before the next one.
PAUSES = (1, 5)
NONE: dict[str, Any] = {"attempt": None, "attempts": 0, "due_at": None, "again_at": None}


class Overtaken(Exception):
    """Somebody else has stored what came of an attempt, or the schedule is gone."""


def begin(schedule: Schedule, *, due_at: dt.datetime | None) -> None:
    """Have the first attempt made for an occurrence. To be called in a transaction."""
    _put(schedule, attempts=0, due_at=due_at)


def begin_again(schedule: Schedule) -> None:
    """Have the next attempt made, which is due. To be called in a transaction."""
    _put(schedule, again_at=None)


def _put(schedule: Schedule, **fields: Any) -> None:
    attempt = uuid.uuid4()
    _of(schedule).update(attempt=attempt, **fields)
    put_attempt(tenant_id=schedule.tenant_id, schedule_id=schedule.pk, attempt=attempt)


def end(schedule: Schedule, *, note: str = "") -> None:
    """Store that the occurrence is at its end. To be called in a transaction; raises Overtaken."""
    if not _of(schedule).filter(attempt=schedule.attempt).update(**NONE, note=note):
        raise Overtaken


@transaction.atomic
def postpone(schedule: Schedule, sentence: str) -> None:
    """Store that an attempt has failed, and when the next one is made. Raises Overtaken."""
    again = timezone.now() + dt.timedelta(minutes=PAUSES[schedule.attempts])
    pause = f"{PAUSES[schedule.attempts]} minute{'s' if PAUSES[schedule.attempts] > 1 else ''}"
    note = f"{sentence} The next attempt is made after {pause}."
    failed = {"attempt": None, "attempts": schedule.attempts + 1, "again_at": again, "note": note}
    if not _of(schedule).filter(attempt=schedule.attempt).update(**failed):
        raise Overtaken


def are_left(schedule: Schedule) -> bool:
    """Whether there is another attempt after the one that is being made."""
    return schedule.attempts < len(PAUSES)


def _of(schedule: Schedule) -> Any:
    return Schedule.objects.filter(tenant=schedule.tenant_id, pk=schedule.pk)
