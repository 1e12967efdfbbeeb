"""Exports that a worker prepares as files, to be downloaded for a day."""

import logging
import secrets
from collections.abc import Callable, Iterator
from typing import Any, cast
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from importexport import errors, services
from importexport.db import UNAVAILABLE
from importexport.engine.export.selection import SelectionError, read_selection
from importexport.engine.export.streams import FileFormat
from importexport.files import storage
from importexport.models import PreparedExport, Schedule
from importexport.models.prepared_export import KEPT
from importexport.resources import RESOURCES
from importexport.runs import attempts
from importexport.runs.queue import enqueue_export
from importexport.runs.tasks import Interruption
from importexport.webhooks.events import announce_ready

logger = logging.getLogger("rally.jobs")
#: The folder in a tenant's that has the files of exports.
FOLDER = "exports"


@transaction.atomic
def prepare(export: PreparedExport) -> None:
    """Store a new export, and have a worker make its file. Raises TooManyWaiting; nothing is stored then."""
    export.save()
    enqueue_export(export)


def make(export_id: UUID, check: Callable[[], None]) -> None:
    """Make the file of an export, unless that is done or the export is gone.

    ``check`` is called between two pieces, and raises Interruption if the process has to stop. Raises that, and
    OperationalError or StorageUnavailable, upon which the file is made later.
    """
    export = PreparedExport.objects.select_related("tenant", "schedule").filter(pk=export_id).first()
    if export is None or export.status != PreparedExport.Status.WAITING or is_made(export):
        return
    change(export, started_at=timezone.now())
    name = new_name(export)
    try:
        stored = storage.write(name, checked(pieces_of(export), check))
    except (*UNAVAILABLE, Interruption):
        raise
    except SelectionError as why:
        # What it selects was there when it was asked for: a company that is named, for example.
        note_failed(export, str(why))
        return
    except Exception:
        fields = {"export": str(export.pk), "tenant": export.tenant.slug, "entity": export.entity}
        logger.exception("Bug while preparing an export of %s", export.entity, extra={"fields": fields})
        note_failed(export, errors.BUG)
        return
    note = note_made if export.due_at else note_ready
    if not note(export, upload_name=name, size=stored.size, sha256=stored.sha256):
        storage.discard(name)


def new_name(export: PreparedExport) -> str:
    """Return a name for the file of an export. Each attempt has another: a worker that was taken for dead may go on
    writing its own while another one makes the file."""
    return f"{export.tenant_id}/{FOLDER}/{export.pk}.{secrets.token_hex(4)}"


def is_made(export: PreparedExport) -> bool:
    """Whether the file of an export is there that waits for being sent."""
    return export.due_at is not None and export.size is not None


@transaction.atomic
def note_made(export: PreparedExport, **file: Any) -> bool:
    """Store that the file of a schedule's export is there, and have it sent; return whether that is still wanted."""
    if export.schedule is None or not change(export, **file):
        return False
    attempts.begin(export.schedule, due_at=export.due_at)
    return True


@transaction.atomic
def note_failed(export: PreparedExport, sentence: str) -> None:
    """Store that an export has failed, and note it with its schedule, if it has one."""
    is_failed = change(export, status=PreparedExport.Status.FAILED, error=sentence, finished_at=timezone.now())
    if is_failed and export.schedule_id:
        Schedule.objects.filter(tenant=export.tenant_id, pk=export.schedule_id).update(note=sentence)


@transaction.atomic
def note_ready(export: PreparedExport, **file: Any) -> bool:
    """Store that the file of an export is ready, and tell webhooks; return whether the export is still there."""
    if not change(export, finished_at=timezone.now(), status=PreparedExport.Status.READY, **file):
        return False
    export.refresh_from_db()
    announce_ready(export)
    return True


def change(export: PreparedExport, **fields: Any) -> int:
    """Store fields of an export that waits; return the number of exports changed, 0 if it is gone."""
    waiting = PreparedExport.Status.WAITING
    return PreparedExport.objects.filter(tenant=export.tenant_id, pk=export.pk, status=waiting).update(**fields)


def pieces_of(export: PreparedExport) -> Iterator[bytes]:
    """Return the pieces of the file, as the API would send them."""
    resource = RESOURCES[export.entity](export.tenant)
    chosen = read_selection(export.query, resource)
    return services.export_file(
        export.entity,
        tenant=export.tenant,
        format=cast(FileFormat, export.file_format),
        queryset=resource.get_queryset().filter(chosen.condition) if chosen.condition else None,
        columns=chosen.columns,
        headers=chosen.headers,
        bom=export.query.get("bom") == "true",
    )


def checked(pieces: Iterator[bytes], check: Callable[[], None]) -> Iterator[bytes]:
    """Yield pieces, with a check after each."""
    for piece in pieces:
        yield piece
        check()


def purge_exports() -> int:
    """Delete the exports that are older than a day, with their files; return their number."""
    old = PreparedExport.objects.filter(created_at__lt=timezone.now() - KEPT).exclude(
        finished_at__gt=timezone.now() - KEPT
    )
    with transaction.atomic():
        count, _ = old.delete()
    return count
