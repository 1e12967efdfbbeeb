"""The functions that all channels call to import and export files, and for templates."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from io import SEEK_END
from typing import Any, BinaryIO

from django.db import models

from crm.models import Tenant
from importexport import mappings
from importexport.db import is_tie, retry
from importexport.engine.export import streams
from importexport.engine.export.foreign import foreign_columns
from importexport.engine.export.streams import FileFormat
from importexport.engine.fixes import Fixes
from importexport.engine.observers import Observer
from importexport.engine.options import Options, from_kept
from importexport.engine.proposal import propose
from importexport.engine.reading import encoding_offered, open_table, read_file
from importexport.engine.report import Report
from importexport.engine.resource import EntityResource
from importexport.errors import FileError
from importexport.files.source import Measured
from importexport.history.announcement import Announcement, announced
from importexport.history.fixes import fixes_of, note_rows
from importexport.history.kept import check_room
from importexport.history.recorder import ImportRecorder, note_failed
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from importexport.sources.reading import Reading


def import_file(
    run: ImportRun,
    file: BinaryIO,
    *,
    dry_run: bool = False,
    aside: Any = None,
    observers: Sequence[Observer] = (),
    fixed_like: ImportRun | None = None,
) -> Report:
    """Import a CSV file or a workbook: store valid rows in one transaction, and report the others.

    The run is new or planned. It has the tenant, entity, options and maximum file size, and is stored with the rows. A
    ``dry_run`` stores nothing, except for a plan over ``aside``, a second connection. ``observers`` receive every
    batch. Deadlocks are retried if the file can be read again. The fixes of the run are applied to the file, or those
    of another run of the same file (``fixed_like``).

    Raises FileError (NotCsv, TooLarge) if the whole file fails; only the failed run is stored then. Raises PlanChanged
    if the run is a plan and the result differs from it, and NoRoom (see ``check_room``); nothing is stored then.
    """
    is_new = run._state.adding and not dry_run
    if is_new:
        check_room(run.tenant)
    file = seekable(file) if from_kept(run.options).reads else file
    start = file.tell() if file.seekable() else None

    with announced(run, size_of(file, start)) if is_new else nullcontext() as announcement:

        def attempt() -> Report:
            if start is not None:
                file.seek(start)
            return _import_once(
                run,
                file,
                dry_run=dry_run,
                aside=aside,
                observers=observers,
                announcement=announcement,
                fixes=fixes_of(fixed_like or run),
            )

        return retry(attempt, when=lambda error: start is not None and is_tie(error))


def size_of(file: BinaryIO, start: int | None) -> int | None:
    """Return the size of a file from a position on, in bytes, or None for a pipe; the position is left at the end."""
    return None if start is None else file.seek(0, SEEK_END) - start


def _import_once(
    run: ImportRun,
    file: BinaryIO,
    *,
    dry_run: bool,
    aside: Any,
    observers: Sequence[Observer],
    announcement: Announcement | None,
    fixes: Fixes | None,
) -> Report:
    resource = RESOURCES[run.entity](run.tenant, options=from_kept(run.options), fixes=fixes)
    source = Measured(file)
    is_recorded = not dry_run or aside is not None
    save = announcement.save if announcement else None
    recorders: list[Observer] = [ImportRecorder(run, source, aside=aside, save=save)] if is_recorded else []
    if announcement:
        recorders.append(announcement)
    try:
        with encoding_offered(file, resource) if resource.options.reads else nullcontext():
            reading = read_first(run, file, resource) if resource.options.reads else None
            table = open_table(source, resource, reading=reading, max_bytes=run.max_bytes)
            run.options = resource.options.for_file(table.header.positions).kept()
            report = resource.import_data(
                table,
                dry_run=dry_run,
                raise_errors=True,
                observers=[*recorders, *observers],
                name=str(run.pk) if is_recorded else "",
            )
    except FileError as error:
        if is_recorded:
            note_failed(run, error, source, save=save)
        raise
    if is_recorded:
        mappings.note_use(run)
    if fixes and is_recorded and dry_run and run.fix_count:
        note_rows(run, fixes)
    return report


def read_first(run: ImportRun, file: BinaryIO, resource: EntityResource) -> Reading:
    """Return what another program's file is, and note it on the run; the position in the file stays the same."""
    start = file.tell()
    try:
        reading = read_file(file, resource)
    finally:
        file.seek(start)
    run.reading = reading.as_json()
    return reading


def propose_reading(entity: str, file: BinaryIO, *, tenant: Tenant, options: Options) -> dict[str, Any]:
    """Return what a file would be read as with some options, as JSON (see engine.proposal); nothing is stored.

    Raises FileError if the file cannot be read whatever the caller decides.
    """
    proposal = propose(seekable(file), RESOURCES[entity](tenant, options=options))
    offered = mappings.last_used_for(proposal.header, tenant=tenant, entity=entity)
    return proposal.as_json() | {"offered": mappings.offer_json(offered)}


def seekable(file: BinaryIO) -> BinaryIO:
    """Return a file that can be read twice: a pipe is copied to the disk."""
    if file.seekable():
        return file
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the import
    shutil.copyfileobj(file, copy)
    copy.seek(0)
    return copy


def export_file(
    entity: str,
    *,
    tenant: Tenant,
    format: FileFormat = "csv",
    queryset: models.QuerySet | None = None,
    columns: Sequence[str] | None = None,
    headers: str = "",
    bom: bool = False,
) -> Iterator[bytes]:
    """Yield an entity's records, or those of ``queryset``, as a file in chunks; the first chunk is sent immediately.

    ``columns`` are the columns of the file in their order, out of the resource's ``exportable``; by default, those of
    the template. With ``headers``, they are those of another program, as it imports them. With ``bom``, a CSV file
    begins with a byte-order mark; raises ValueError for a workbook.
    """
    if bom and format != "csv":
        raise ValueError("Only a CSV file can begin with a byte-order mark.")
    resource = RESOURCES[entity](tenant)
    records = resource.streamed_queryset(queryset)
    chosen = exported_columns(resource, columns, headers)
    if format == "xlsx":
        return resource.streamed(streams.stream_xlsx(records, chosen, sheet=entity))
    return resource.streamed(streams.stream_csv(records, chosen, bom=bom))


def exported_columns(resource: EntityResource, columns: Sequence[str] | None, headers: str) -> list[streams.Exported]:
    """Return the columns of an export: those of another program, some of ours, or those of the template."""
    if headers:
        return foreign_columns(headers, resource)
    names = resource.fields if columns is None else columns
    return [streams.exported(resource.exportable[name]) for name in names]


def template_file(entity: str, *, format: FileFormat = "csv", bom: bool = False) -> bytes:
    """Return a file with only the header row; with ``bom``, a CSV file begins with a byte-order mark.

    A workbook has the columns' help as notes, and drop-down lists.
    """
    if format == "xlsx":
        fields, names = RESOURCES[entity].fields, RESOURCES[entity].column_names()
        columns = [column for column in fields.values() if column.column_name in names]
        return streams.xlsx_template(columns, sheet=entity)
    return streams.csv_header(RESOURCES[entity].column_names(), bom=bom)
