"""What every channel calls: import a file, export an entity, give a template."""

from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

from django.db import OperationalError, models

from crm.models import Tenant
from importexport.db import is_tie
from importexport.engine import export
from importexport.engine.export import FileFormat
from importexport.engine.options import Options
from importexport.engine.report import Report
from importexport.engine.resource import Progress
from importexport.errors import FileError
from importexport.files.source import Measured
from importexport.files.table import read_table
from importexport.history.recorder import Also, Recorder, note_failed
from importexport.models import ImportRun
from importexport.resources import RESOURCES

#: How often an import is tried that PostgreSQL stops to break a deadlock.
TRIES = 3


def import_file(
    entity: str,
    *,
    tenant: Tenant,
    file: BinaryIO,
    dry_run: bool = False,
    progress: Progress | None = None,
    rejected: BinaryIO | None = None,
    max_bytes: int | None = None,
    run: ImportRun | None = None,
    aside: Any = None,
    options: Options | None = None,
    also: Also | None = None,
) -> Report:
    """Import a CSV file: the good rows are stored in one transaction, every other one is reported.

    ``rejected`` gets the rejected rows as CSV; ``max_bytes`` is the channel's limit of the file's size in bytes;
    ``progress`` is told rows and bytes after every batch; a ``dry_run`` stores nothing. The import is kept as ``run``,
    a new one or one that waits; what a plan finds is written down over ``aside``, a connection of its own.
    ``options`` say how rows become records; ``also`` is called at the end of the transaction, with the report.
    Raises FileError (NotCsv, TooLarge) where the whole file is at fault, and then nothing is stored but that;
    PlanChanged where the run is a plan that cannot be kept to any more, and then nothing is stored.
    """
    options = options or Options()
    start = file.tell() if file.seekable() else None
    is_new = run is not None and run._state.adding
    for left in reversed(range(TRIES)):
        resource, source = RESOURCES[entity](tenant, options=options), Measured(file)
        recorder = Recorder(run, source, aside=aside, also=also) if run else None
        try:
            table = read_table(
                source, columns=resource.column_names(), required=resource.needed_names(), max_bytes=max_bytes
            )
            return resource.import_data(
                table, dry_run=dry_run, raise_errors=True, progress=progress, rejected=rejected, recorder=recorder
            )
        except FileError as error:
            if run:
                note_failed(run, error, source)
            raise
        except OperationalError as error:
            if not left or start is None or not is_tie(error):
                raise
            file.seek(start)
            if rejected:
                rejected.seek(0)
                rejected.truncate()
            if run:
                run._state.adding = is_new
    raise AssertionError("the last try returns or raises")


def export_file(
    entity: str,
    *,
    tenant: Tenant,
    format: FileFormat = "csv",
    queryset: models.QuerySet | None = None,
    columns: Collection[str] | None = None,
) -> Iterator[bytes]:
    """Yield an entity's records, or those of ``queryset``, as a file in chunks; the first comes at once.

    Of ``columns``, only those named are in it, in the template's order.
    """
    resource = RESOURCES[entity](tenant)
    records = resource.get_queryset() if queryset is None else queryset
    chosen = [column for column in resource.columns if columns is None or column.column_name in columns]
    if format == "xlsx":
        return export.stream_xlsx(records, chosen, sheet=entity)
    return export.stream_csv(records, chosen)


def template_file(entity: str) -> bytes:
    """Return a CSV file of the header row alone."""
    return export.csv_line(RESOURCES[entity].column_names())
