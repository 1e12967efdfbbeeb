"""Who is told that a run has ended that they have started: by a notice on their next page, and by e-mail.

A run that a worker does is untold until its user has seen the end, on the run's own page or as a notice. Where e-mail
is set up, a job looks after it a few seconds later: a message is sent if the user has left the page, or if the run has
taken long. It is a job of its own, so it neither fails nor delays the run.
"""

import datetime as dt
import logging
from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import number_format
from psycopg import sql

from crm.models import Tenant
from importexport.db import store_job
from importexport.models import ImportRun
from importexport.runs.queue import TRANSFERS

logger = logging.getLogger("rally.jobs")
#: The name of the task, which jobs are stored with.
TASK = "tell"
#: Seconds after which somebody who still has the page open has seen the end, and from which on a run takes long.
LEAVE, LONG = 10, 30
#: How many runs a user is told about at once.
AT_ONCE = 5
ENDED = (ImportRun.Status.PLANNED, ImportRun.Status.DONE, ImportRun.Status.FAILED)


def watch(run: ImportRun) -> None:
    """Note that the user of a run that is put in the queue is to be told of its end. For API keys, there is nobody."""
    if run.user_id is not None:
        ImportRun.objects.filter(tenant=run.tenant_id, pk=run.pk).update(is_untold=True)
        run.is_untold = True


def note_seen(run: ImportRun, *, user_id: int | None) -> None:
    """Note that a user sees the page of a run. Only the end of the user's own run counts."""
    if run.is_untold and run.user_id == user_id and run.status in ENDED:
        ImportRun.objects.filter(tenant=run.tenant_id, pk=run.pk).update(is_untold=False)


def untold(*, user_id: int, tenant: Tenant | None) -> list[ImportRun]:
    """Return the runs of a user that have ended unseen, latest first, in one account or all.

    They are told then. One query if there are none.
    """
    mine = ImportRun.objects.filter(user=user_id, is_untold=True, status__in=ENDED)
    mine = mine.filter(tenant=tenant) if tenant else mine
    found = list(mine.select_related("parent").defer("header", "groups", "warnings", "sample", "suggestions"))
    if found:
        _as_told(found)
    return found


def _as_told(runs: Sequence[ImportRun]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(TOLD, [[run.tenant_id for run in runs], [run.pk for run in runs]])


TOLD = sql.SQL(
    "UPDATE {table} AS r SET is_untold = false FROM unnest(%s::bigint[], %s::uuid[]) AS told(tenant_id, id)"
    " WHERE r.tenant_id = told.tenant_id AND r.id = told.id"
).format(table=sql.Identifier(ImportRun._meta.db_table))


# --- e-mail ---------------------------------------------------------------------------------------------------


def plan_message(run_id: UUID) -> None:
    """Have a message sent about a run that a worker has just left, if it has ended and its user has an address.

    Costs nothing where no e-mail is set up. An error here is logged: the run has ended all the same.
    """
    if not settings.RALLY_EMAIL:
        return
    try:
        for run in _to_tell(run_id):
            at = timezone.now() + dt.timedelta(seconds=LEAVE)
            store_job(TASK, {"run_id": str(run.pk)}, queue=TRANSFERS, schedule_at=at)
    except Exception:
        logger.exception("Could not have a message sent about a run", extra={"fields": {"run": str(run_id)}})


def send_message(run_id: UUID) -> None:
    """Send the message about a run that has ended unseen or has taken long. Raises OSError."""
    for run in _to_tell(run_id):
        if run.is_untold or took_long(run):
            message_about(run).send()


def _to_tell(run_id: UUID) -> QuerySet[ImportRun]:
    """Return the run with an id if it has ended, and its user has an address and may still sign in."""
    ended = ImportRun.objects.filter(pk=run_id, status__in=ENDED, user__is_active=True, user__is_staff=True)
    return ended.exclude(user__email="").select_related("user", "tenant", "parent")


def took_long(run: ImportRun) -> bool:
    """Whether nobody may be expected to have waited for the end of a run."""
    return run.duration is not None and run.duration.total_seconds() >= LONG


def message_about(run: ImportRun) -> EmailMessage:
    """Return the message about a run that has ended. It has counts, and nothing of what is in the file."""
    with translation.override(run.tenant.locale):
        lines = [f"{headline(run)}.", "", *figures(run)]
    if address := address_of(run):
        lines += ["", address]
    lines += ["", f"You get this message because you have started it in the account {run.tenant.name}."]
    return EmailMessage(" ".join(headline(run).split()), "\n".join(lines) + "\n", to=[run.user.email])  # type: ignore[union-attr]


def headline(run: ImportRun) -> str:
    """Return what has become of a run, in a sentence without a full stop."""
    file = run.file_name or "The file"
    if run.kind == ImportRun.Kind.UNDO:
        file = f"The undo of {file}"
        return f"{file} {OF_UNDOS[ImportRun.Status(run.status)]}"
    if run.status == ImportRun.Status.PLANNED:
        return f"The preview of {file} is ready"
    if run.status == ImportRun.Status.FAILED:
        return f"{file} was not imported"
    return f"{file} was imported"


OF_UNDOS = {
    ImportRun.Status.PLANNED: "can be looked at and confirmed",
    ImportRun.Status.DONE: "was carried out",
    ImportRun.Status.FAILED: "was not carried out",
}


def figures(run: ImportRun) -> list[str]:
    """Return the counts of a run, or why it has failed."""
    if run.status == ImportRun.Status.FAILED:
        return [run.error]
    would = "would be " if run.status == ImportRun.Status.PLANNED else ""
    if run.kind == ImportRun.Kind.UNDO:
        return [f"{counted(run.imported, 'change')} {would}undone, {counted(run.skipped, 'conflict')}."]
    all_rows, note = counted(run.total_rows, "row"), [run.error] if run.error else []
    rows = f"{all_rows}: {number(run.imported)} {would}imported, {number(run.skipped)} {would}rejected."
    return [*note, rows, *([f"{counted(run.warning_count, 'warning')}."] if run.warning_count else [])]


def counted(count: int, noun: str) -> str:
    """Return a number with a noun that forms its plural with an s, as pages write it: ``1,234 rows``."""
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"


def number(count: int) -> str:
    """Return a number as pages write it: ``1,234``."""
    return number_format(count, force_grouping=True)


def address_of(run: ImportRun) -> str:
    """Return the address of a run's page, or an empty text if this installation does not know its own."""
    page = reverse("admin:importexport_importrun_change", args=[run.pk])
    if settings.RALLY_PUBLIC_URL:
        return f"{settings.RALLY_PUBLIC_URL}{page}"
    if settings.RALLY_BASE_DOMAIN:
        return f"{'https' if settings.HTTPS else 'http'}://{run.tenant.slug}.{settings.RALLY_BASE_DOMAIN}{page}"
    return ""
