"""What is done when a schedule is due, by a worker: a file is fetched and imported, or an export is sent."""

import logging
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone

from importexport import errors, mappings
from importexport.db import UNAVAILABLE
from importexport.engine.export.streams import CONTENT_TYPES
from importexport.engine.options import OptionError, Options
from importexport.files import storage
from importexport.files.source import printable, tidy_name
from importexport.files.storage import Stored
from importexport.models import ImportRun, PreparedExport, Schedule
from importexport.resources import RESOURCES
from importexport.runs import attempts, exports, lifecycle
from importexport.runs.attempts import Overtaken
from importexport.runs.queue import put_back
from importexport.runs.tasks import Interruption
from importexport.schedules import addresses, cron
from importexport.schedules.options import as_texts
from importexport.schedules.transfers import TransferFailed, fetched, send
from importexport.webhooks.events import announce_end

logger = logging.getLogger("rally.jobs")
#: Called all the time; raises Interruption if the process has to stop.
Check = Callable[[], None]
NOT_FETCHED, NOT_SENT = "The file could not be fetched.", "The file could not be sent."


def carry_out(*, tenant_id: int, schedule_id: int, attempt: UUID, check: Check) -> None:
    """Make an attempt, unless it has been made.

    Raises Interruption, and OperationalError or StorageUnavailable, upon which it is made later.
    """
    found = Schedule.objects.select_related("tenant").filter(tenant=tenant_id, pk=schedule_id, attempt=attempt)
    if (schedule := found.first()) is None:
        return
    work = _import if schedule.kind == Schedule.Kind.IMPORT else _export
    with suppress(Overtaken):
        try:
            work(schedule, check)
        except (*UNAVAILABLE, Interruption, Overtaken):
            raise
        except TransferFailed as why:
            _postpone_or_fail(schedule, str(why), is_final=why.is_final)
        except (errors.FileError, OptionError) as why:
            _postpone_or_fail(schedule, str(why), is_final=True)
        except Exception:
            fields = {"schedule": schedule.pk, "tenant": schedule.tenant.slug, "entity": schedule.entity}
            logger.exception("Bug at an occurrence of a schedule", extra={"fields": fields})
            _postpone_or_fail(schedule, errors.BUG, is_final=True)


def _address(schedule: Schedule) -> str:
    """Return the address with the time filled in at which the occurrence was due."""
    return addresses.filled(schedule.address, schedule.due_at or timezone.now(), cron.zone_of(schedule.time_zone))


def _import(schedule: Schedule, check: Check) -> None:
    """Fetch a file, and have it imported like one that a client has brought without waiting."""
    address, spec = _address(schedule), RESOURCES[schedule.entity].describe()
    options = mappings.read_given(as_texts(schedule.options), tenant=schedule.tenant, spec=spec)
    run, limit = _new_run(schedule, address), settings.RALLY_IMPORT_MAX_BYTES_ASYNC
    # A server that hangs occupies no connection of the database.
    connections.close_all()

    def begin(stored: ImportRun) -> None:
        attempts.end(schedule)
        put_back(stored)

    with fetched(address, tenant=schedule.tenant, check=check) as file:
        lifecycle.keep_upload(run, file, options, status=ImportRun.Status.APPLYING, limit=limit, begin=begin)


def _new_run(schedule: Schedule, address: str) -> ImportRun:
    return ImportRun(
        tenant=schedule.tenant,
        entity=schedule.entity,
        channel=ImportRun.Channel.SCHEDULE,
        schedule=schedule,
        user_id=schedule.user_id,
        key_id=schedule.key_id,
        actor=schedule.actor,
        file_name=tidy_name(addresses.file_name_of(address, otherwise=schedule.entity)),
    )


def waiting_export(schedule: Schedule) -> PreparedExport | None:
    """Return the export of a schedule whose file is to be sent."""
    found = PreparedExport.objects.select_related("tenant").filter(tenant=schedule.tenant_id, schedule=schedule)
    return found.filter(status=PreparedExport.Status.WAITING, size__isnull=False).order_by("-created_at").first()


def _export(schedule: Schedule, check: Check) -> None:
    """Send the file of an export that has been made."""
    export = waiting_export(schedule)
    if export is None:
        raise Overtaken
    address = _address(schedule)
    content_type = CONTENT_TYPES["xlsx" if export.file_format == "xlsx" else "csv"]
    with storage.open_stored(export.upload_name, Stored(export.size or 0, export.sha256)) as file:
        connections.close_all()
        send(file, address, size=export.size or 0, content_type=content_type, tenant=schedule.tenant, check=check)
    with transaction.atomic():
        attempts.end(schedule)
        exports.note_ready(export, sent_at=timezone.now(), destination=addresses.masked(address))


def _postpone_or_fail(schedule: Schedule, sentence: str, *, is_final: bool) -> None:
    whole = f"{NOT_FETCHED if schedule.kind == Schedule.Kind.IMPORT else NOT_SENT} {printable(sentence)}"
    if attempts.are_left(schedule) and not is_final:
        attempts.postpone(schedule, whole)
        return
    with transaction.atomic():
        attempts.end(schedule, note=whole)
        if schedule.kind == Schedule.Kind.IMPORT:
            _store_failed(_new_run(schedule, _address(schedule)), whole)
        elif export := waiting_export(schedule):
            exports.note_failed(export, whole)


def _store_failed(run: ImportRun, sentence: str) -> None:
    """Store a run whose file never came, so that it is listed and told like any other that failed."""
    run.status, run.error, run.finished_at = ImportRun.Status.FAILED, sentence, timezone.now()
    # Its own may be why it has failed.
    run.options = Options().kept()
    run.save()
    announce_end(run)
