"""What every channel calls: import a file, export an entity, give a template."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, BinaryIO

from django.db import models

from crm.models import Tenant
from importexport.db import is_tie, retry
from importexport.engine import export
from importexport.engine.export import FileFormat
from importexport.engine.observers import Observer
from importexport.engine.options import from_kept
from importexport.engine.report import Report
from importexport.errors import FileError
from importexport.files.source import Measured
from importexport.files.table import read_table
from importexport.history.recorder import ImportRecorder, note_failed
from importexport.models import ImportRun
from importexport.resources import RESOURCES


def import_file(
    run: ImportRun,
    file: BinaryIO,
    *,
    dry_run: bool = False,
    aside: Any = None,
    observers: Sequence[Observer] = (),
) -> Report:
    """Import a CSV file as its run says: good rows are stored in one transaction, all others are reported.

    The run is new, or one that waits, and says tenant, entity, options and the limit of the file's size. It is written
    down with the rows. A ``dry_run`` stores nothing, and is written down only as a plan: over ``aside``, a connection
    of its own. ``observers`` are told of every batch. Deadlocks are retried where the file can be read again.

    Raises FileError (NotCsv, TooLarge) where the whole file is at fault, and then nothing is stored but that;
    PlanChanged where the run is a plan that cannot be kept to any more, and then nothing is stored.
    """
    start = file.tell() if file.seekable() else None
    is_new = run._state.adding

    def attempt() -> Report:
        if start is not None:
            file.seek(start)
        return _import_once(run, file, dry_run=dry_run, aside=aside, observers=observers, is_new=is_new)

    return retry(attempt, when=lambda error: start is not None and is_tie(error))


def _import_once(
    run: ImportRun, file: BinaryIO, *, dry_run: bool, aside: Any, observers: Sequence[Observer], is_new: bool
) -> Report:
    resource = RESOURCES[run.entity](run.tenant, options=from_kept(run.options))
    source = Measured(file)
    is_recorded = not dry_run or aside is not None
    recorders = [ImportRecorder(run, source, aside=aside, is_new=is_new)] if is_recorded else []
    columns, required = resource.spec.column_names, resource.needed_names()
    try:
        table = read_table(source, columns=columns, required=required, max_bytes=run.max_bytes)
        return resource.import_data(
            table,
            dry_run=dry_run,
            raise_errors=True,
            observers=[*recorders, *observers],
            name=str(run.pk) if is_recorded else "",
        )
    except FileError as error:
        if is_recorded:
            note_failed(run, error, source, is_new=is_new)
        raise


def export_file(
    entity: str,
    *,
    tenant: Tenant,
    format: FileFormat = "csv",
    queryset: models.QuerySet | None = None,
    columns: Collection[str] | None = None,
    bom: bool = False,
) -> Iterator[bytes]:
    """Yield an entity's records, or those of ``queryset``, as a file in chunks; the first comes at once.

    Of ``columns``, only those named are in it, in the template's order. With ``bom``, a CSV file begins with a
    byte-order mark. Raises ValueError for a workbook with one.
    """
    if bom and format != "csv":
        raise ValueError("Only a CSV file can begin with a byte-order mark.")
    resource = RESOURCES[entity](tenant)
    records = resource.streamed_queryset(queryset)
    chosen = [column for column in resource.columns if columns is None or column.column_name in columns]
    if format == "xlsx":
        return resource.streamed(export.stream_xlsx(records, chosen, sheet=entity))
    return resource.streamed(export.stream_csv(records, chosen, bom=bom))


def template_file(entity: str, *, bom: bool = False) -> bytes:
    """Return a CSV file of the header row alone; with ``bom``, it begins with a byte-order mark."""
    return export.csv_header(RESOURCES[entity].column_names(), bom=bom)
