"""The flow itself: a resource takes a table in, batch by batch and column by column, and gives records out."""

from collections.abc import Callable
from itertools import compress
from typing import Any, BinaryIO, ClassVar, Protocol, cast

from django.db import models
from import_export.resources import Resource

from crm.matching import fold, fold_column
from crm.models import Tenant
from crm.models.fields import Folded
from crm.tenancy import lock_entity
from importexport import faults
from importexport.columns import Cells, Column
from importexport.report import Refusal, RejectedRows, Report
from importexport.table import Batch, DatasetRows, Table
from importexport.writing import Key, Writer

#: Told after every batch: rows taken so far, bytes of the file read so far.
Progress = Callable[[int, int], None]
#: Ids from the first to the last.
IdRange = tuple[int, int]
ColumnFault = tuple[str, faults.Fault]


class Journal(Protocol):
    """Keeps what an import does, told inside of the import's transaction."""

    def begin(self, table: Table) -> None:
        """The header is understood, and no row is read yet."""

    def add(self, refusals: list[Refusal], stored: list[IdRange]) -> None:
        """A batch is done: its refused rows in order, and the ids of the records stored."""

    def end(self, report: Report) -> None:
        """All rows are done."""


class EntityResource(Resource):
    """A django-import-export resource whose rows travel by column and COPY.

    Subclasses declare columns, in the contract's order, and in ``Meta`` the ``model`` and ``import_order`` (columns
    that depend on others come after them). An instance serves one tenant and one import.
    """

    entity: ClassVar[str]
    noun: ClassVar[str]
    #: What makes two rows the same record; of several that are taken, a message names the first.
    keys: ClassVar[tuple[Key, ...]]

    class Meta:
        use_transactions = True

    def __init__(self, tenant: Tenant, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant = tenant
        for column in self.columns:
            column.widget.bind(tenant)

    # --- what is declared ------------------------------------------------------------------------------------

    @property
    def columns(self) -> list[Column]:
        """The columns in the contract's order."""
        return list(self.fields.values())

    @classmethod
    def column_names(cls) -> list[str]:
        """The header of templates and exports."""
        return [column.column_name for column in cls.fields.values()]

    @classmethod
    def required_names(cls) -> list[str]:
        """The columns that a file must have."""
        return [column.column_name for column in cls.fields.values() if column.required]

    @property
    def model(self) -> type[models.Model]:
        """The model of the records."""
        return self._meta.model

    # --- in --------------------------------------------------------------------------------------------------

    def get_result_class(self) -> type[Report]:
        """An import answers with a Report."""
        return Report

    def import_data_inner(
        self,
        dataset: Any,
        dry_run: bool,
        raise_errors: bool,
        using_transactions: bool,
        collect_failed_rows: bool,
        *,
        progress: Progress | None = None,
        rejected: BinaryIO | None = None,
        journal: Journal | None = None,
        **kwargs: Any,
    ) -> Report:
        """Import a Table, or a tablib Dataset, inside the transaction that ``import_data`` keeps."""
        report = Report()
        try:
            table = dataset if isinstance(dataset, Table) else self.table_of(dataset)
            report.ignored_columns = table.header.ignored
            self._import_table(table, report, progress=progress, rejected=rejected, journal=journal)
        except faults.FileFault as fault:
            self.handle_import_error(report, fault, raise_errors)
        return report

    def handle_import_error(self, result: Report, error: Exception, raise_errors: bool = False) -> None:
        """Raise a fault of the file as it is, or note it as the library does."""
        if raise_errors:
            raise error
        result.append_base_error(self.get_error_result_class()(error))

    def table_of(self, dataset: Any) -> Table:
        """Return a tablib Dataset as a Table."""
        return Table(DatasetRows(dataset), columns=self.column_names(), required=self.required_names())

    def _import_table(
        self,
        table: Table,
        report: Report,
        *,
        progress: Progress | None,
        rejected: BinaryIO | None,
        journal: Journal | None,
    ) -> None:
        file = rejected and RejectedRows(rejected, header=table.header.cells, delimiter=table.rows.delimiter)
        lock_entity(self.tenant, self.entity)
        if journal:
            journal.begin(table)
        with Writer(self.model, tenant=self.tenant, columns=self._stored_columns()) as writer:
            for batch in table.batches():
                refusals = self._import_batch(batch, width=table.header.width, writer=writer)
                messages = [refusal.message for refusal in refusals]
                report.add(imported=len(batch.records) - len(refusals), messages=messages)
                if file:
                    file.add((refusal.cells for refusal in refusals), messages)
                if journal:
                    journal.add(refusals, writer.stored_ids())
                if progress:
                    progress(report.total_rows, table.rows.bytes_read)
        if journal:
            journal.end(report)

    def _import_batch(self, batch: Batch, *, width: int, writer: Writer) -> list[Refusal]:
        """Store a batch's good rows; return the refused ones, in row order."""
        cells = self._clean(batch)
        refused = self._faults(cells, batch, width)
        good = [i not in refused for i in range(cells.count)]
        positions = list(compress(range(cells.count), good))
        lost = writer.write(self._good_rows(cells, good, all_good=not refused), len(positions))
        refused |= {positions[n]: [fault] for n, fault in self._duplicates(cells, positions, lost, writer).items()}
        return [Refusal(batch.numbers[i], batch.records[i], refused[i]) for i in sorted(refused)]

    def _clean(self, batch: Batch) -> Cells:
        cells = Cells(batch)
        for name in self._meta.import_order or self.fields:
            self.fields[name].clean_cells(cells)
        return cells

    def _faults(self, cells: Cells, batch: Batch, width: int) -> dict[int, list[ColumnFault]]:
        """Return each faulty row's sentences in the template's order. Of a row with too many cells nothing else
        is said: its cells are likely in the wrong columns."""
        place = {name: n for n, name in enumerate(self.column_names())}
        found = {i: sorted(by.items(), key=lambda item: place[item[0]]) for i, by in cells.faults.items()}
        return found | {i: [("", faults.too_many_cells(width, cells))] for i, cells in batch.surplus.items()}

    def _stored_columns(self) -> list[str]:
        return self._own_columns() + [str(field.column) for field in self._folded()]

    def _own_columns(self) -> list[str]:
        return [column.stores for column in self.columns]

    def _folded(self) -> list[Folded]:
        return [field for field in self.model._meta.concrete_fields if isinstance(field, Folded)]

    def _good_rows(self, cells: Cells, good: list[bool], *, all_good: bool) -> list[list[str | None]]:
        """Return what is stored, a list per column, matching keys included."""
        stored = cells.stored
        if not all_good:
            stored = {name: list(compress(values, good)) for name, values in stored.items()}
        rows = [stored[name] for name in self._own_columns()]
        rows.extend([*fold_column(cast(list[str], stored[field.source]))] for field in self._folded())
        return rows

    def _duplicates(
        self, cells: Cells, positions: list[int], lost: list[int], writer: Writer
    ) -> dict[int, ColumnFault]:
        """Return the sentence for each row that the writer passed over, by its index among the good rows."""
        blamed: dict[int, Key] = dict.fromkeys(lost, self.keys[-1])
        for key in reversed(self.keys[:-1]) if lost else ():
            wanted = {n: fold(cells.text(key.column)[positions[n]]) for n in lost}
            blamed |= dict.fromkeys(writer.taken(key, wanted), key)
        return {
            n: (key.column, faults.duplicate(self.noun, key.column, cells.text(key.column)[positions[n]]))
            for n, key in blamed.items()
        }

    # --- out -------------------------------------------------------------------------------------------------

    def get_queryset(self) -> models.QuerySet:
        """Return the tenant's records, oldest first."""
        return self.model._default_manager.filter(tenant=self.tenant).order_by("id")
