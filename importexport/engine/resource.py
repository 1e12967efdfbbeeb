"""The flow itself: a resource takes a table in, batch by batch and column by column, and gives records out."""

from collections.abc import Callable
from itertools import compress
from typing import Any, BinaryIO, ClassVar, Protocol, cast

from django.db import models
from import_export.resources import Resource

from crm.matching import fold, fold_column
from crm.models import Tenant
from crm.models.fields import folded_fields
from importexport import errors
from importexport.columns.cells import Cells
from importexport.columns.fields import Column
from importexport.columns.references import can_create
from importexport.db import lock_entities
from importexport.engine.copy_writer import Key, Writer
from importexport.engine.create_missing import MissingRecords
from importexport.engine.options import Options, key_of
from importexport.engine.outcome import Outcome, Rejection, numbered
from importexport.engine.report import Report
from importexport.engine.upsert import Upsert
from importexport.files.header import ROW_COLUMN
from importexport.files.rejected_rows import RejectedRows
from importexport.files.table import Batch, DatasetRows, Table

#: Told after every batch: rows taken so far, bytes of the file read so far.
Progress = Callable[[int, int], None]
ColumnError = tuple[str, errors.RowError]


class Recorder(Protocol):
    """Keeps what an import does, told inside of the import's transaction."""

    @property
    def name(self) -> str:
        """The import's id, by which others are told of it."""

    def begin(self, table: Table) -> None:
        """The header is understood, and no row is read yet."""

    def add(self, outcome: Outcome) -> None:
        """A batch is done."""

    def end(self, report: Report) -> None:
        """All rows are done."""


class EntityResource(Resource):
    """A django-import-export resource whose rows travel by column and COPY.

    Subclasses declare columns, in the contract's order, and in ``Meta`` the ``model`` and ``import_order`` (columns
    that depend on others come after them). An instance serves one tenant and one import.
    """

    entity: ClassVar[str]
    noun: ClassVar[str]
    #: What makes two rows the same record; of several that are taken, a message names the first. By the first, rows
    #: find their records, unless another is asked for.
    keys: ClassVar[tuple[Key, ...]]

    class Meta:
        use_transactions = True

    def __init__(self, tenant: Tenant, *, options: Options | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant = tenant
        self.options = options or Options()
        self._key = key_of(self.options, self) if self.options.may_update else None
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

    @classmethod
    def creates_references(cls) -> bool:
        """Whether a row can name a record that could be made from its name."""
        return any(can_create(column) for column in cls.fields.values())

    def needed_names(self) -> list[str]:
        """The columns that a file must have under the resource's options."""
        return [column.column_name for column in self.columns if self._is_needed(column)]

    def _is_needed(self, column: Column) -> bool:
        """Whether no row may leave a column blank; of a record that is there already, only who it is must be said."""
        if self._key is None:
            return column.required
        name = column.column_name
        return name == self._key.column or (column.required and name in self._key.columns)

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
        recorder: Recorder | None = None,
        **kwargs: Any,
    ) -> Report:
        """Import a Table, or a tablib Dataset, inside the transaction that ``import_data`` keeps."""
        report = Report()
        try:
            table = dataset if isinstance(dataset, Table) else self.table_of(dataset)
            report.ignored_columns = table.header.ignored
            self._import_table(table, report, progress=progress, rejected=rejected, recorder=recorder)
        except errors.FileError as error:
            self.handle_import_error(report, error, raise_errors)
        return report

    def handle_import_error(self, result: Report, error: Exception, raise_errors: bool = False) -> None:
        """Raise an error of the file as it is, or note it as the library does."""
        if raise_errors:
            raise error
        result.append_base_error(self.get_error_result_class()(error))

    def table_of(self, dataset: Any) -> Table:
        """Return a tablib Dataset as a Table."""
        return Table(DatasetRows(dataset), columns=self.column_names(), required=self.needed_names())

    def _import_table(
        self,
        table: Table,
        report: Report,
        *,
        progress: Progress | None,
        rejected: BinaryIO | None,
        recorder: Recorder | None,
    ) -> None:
        file = rejected and RejectedRows(rejected, header=table.header.cells, delimiter=table.rows.delimiter)
        lock_entities(self.tenant, self._locked(), name=recorder.name if recorder else "")
        if recorder:
            recorder.begin(table)
        take, writer = self._taker(table)
        with writer:
            for batch in table.batches():
                outcome = take(batch)
                messages = [rejection.message for rejection in outcome.rejected]
                report.add(
                    messages=messages,
                    created=outcome.count("create"),
                    updated=outcome.count_changes("update", self.entity),
                    unchanged=outcome.count("unchanged"),
                )
                if file:
                    file.add(outcome.rejected)
                if recorder:
                    recorder.add(outcome)
                if progress:
                    progress(report.total_rows, table.rows.bytes_read)
        if recorder:
            recorder.end(report)

    def _locked(self) -> set[str]:
        """Return whose imports have to wait: a company made for a contact must not come in by another file."""
        return {self.entity} if self.options.missing == "reject" else {self.entity, "companies"}

    def _taker(self, table: Table) -> tuple[Callable[[Batch], Outcome], Writer]:
        """Return what takes a batch in, and the writer that has to be open around it."""
        maker = (
            MissingRecords(self.columns, tenant=self.tenant, model=self.model)
            if self.options.missing == "create"
            else None
        )
        if self._key is None:
            writer = Writer(self.model, tenant=self.tenant, columns=self.stored_columns())
            return lambda batch: self._create_batch(batch, table, writer, maker), writer
        present = [name for name in self.fields if name in table.header.positions]
        upsert = Upsert(self, self.options, self._key, present)
        return lambda batch: self._upsert_batch(batch, table, upsert, maker), upsert.writer

    def _create_batch(self, batch: Batch, table: Table, writer: Writer, maker: MissingRecords | None) -> Outcome:
        """Store a batch's good rows as new records."""
        cells = self._clean(Cells(batch))
        rejected = self._errors(cells, batch, table.header.width)
        if maker:
            maker.make(cells, rejected)
        good = [i not in rejected for i in range(cells.count)]
        positions = list(compress(range(cells.count), good))
        rows = self.good_rows(cells, good, all_good=not rejected)
        lost = writer.write(rows, len(positions))
        rejected |= {positions[n]: [error] for n, error in self.duplicates(cells, positions, lost, writer).items()}
        numbers = batch.numbers if len(positions) == cells.count else [batch.numbers[i] for i in positions]
        stretches = {"create": numbered(writer.stored_rows(), numbers)}
        outcome = Outcome(stretches=stretches, values=self.comparable(rows, cells, positions))
        return self._finish(outcome, batch, rejected, maker)

    def _upsert_batch(self, batch: Batch, table: Table, upsert: Upsert, maker: MissingRecords | None) -> Outcome:
        """Store a batch's good rows as new records, or in those that they are."""
        cells = Cells(batch)
        masks = upsert.read(cells)
        rejected = self._errors(self._clean(cells), batch, table.header.width)
        if maker:
            maker.make(cells, rejected)
        outcome = upsert.import_batch(batch, cells, rejected, masks)
        return self._finish(outcome, batch, rejected, maker)

    def _finish(
        self, outcome: Outcome, batch: Batch, rejected: dict[int, list[ColumnError]], maker: MissingRecords | None
    ) -> Outcome:
        """Add what all ways of taking a batch in have in common."""
        outcome.rejected = [Rejection(batch.numbers[i], batch.records[i], rejected[i]) for i in sorted(rejected)]
        outcome.repeats = batch.repeats
        if maker:
            outcome.changes += maker.settle(batch.numbers)
        return outcome

    def _clean(self, cells: Cells) -> Cells:
        for name in self._meta.import_order or self.fields:
            self.fields[name].clean_cells(cells, required=self._is_needed(self.fields[name]))
        return cells

    def _errors(self, cells: Cells, batch: Batch, width: int) -> dict[int, list[ColumnError]]:
        """Return each faulty row's sentences in the template's order. Of a row with too many cells nothing else
        is said: its cells are likely in the wrong columns."""
        place = {name: n for n, name in enumerate(self.column_names())}
        for i in batch.unnumbered:
            cells.errors[i][ROW_COLUMN] = errors.number(ROW_COLUMN)
        place[ROW_COLUMN] = len(place)
        found = {i: sorted(by.items(), key=lambda item: place[item[0]]) for i, by in cells.errors.items() if by}
        return found | {i: [("", errors.too_many_cells(width, cells))] for i, cells in batch.surplus.items()}

    def stored_columns(self) -> list[str]:
        """The database columns that an import fills, matching keys included."""
        return self._own_columns() + [str(field.column) for field in folded_fields(self.model)]

    def _own_columns(self) -> list[str]:
        return [column.stores for column in self.columns]

    def good_rows(self, cells: Cells, good: list[bool], *, all_good: bool) -> list[list[str | None]]:
        """Return what is stored, a list per column, matching keys included."""
        stored = cells.stored
        if not all_good:
            stored = {name: list(compress(values, good)) for name, values in stored.items()}
        rows = [stored[name] for name in self._own_columns()]
        rows.extend([*fold_column(cast(list[str], stored[field.source]))] for field in folded_fields(self.model))
        return rows

    def comparable(self, rows: list[list[str | None]], cells: Cells, positions: list[int]) -> list[list[str | None]]:
        """Return what is stored as it can be compared with another day's: a record that a row makes has no id yet."""
        if self.options.missing == "reject":
            return rows
        names = {column.stores: column.column_name for column in self.columns if can_create(column)}
        return [
            fold_column([cells.text(names[stores])[i] for i in positions]) if stores in names else values  # type: ignore[misc]
            for stores, values in zip(self.stored_columns(), rows, strict=True)
        ]

    def duplicates(self, cells: Cells, positions: list[int], lost: list[int], writer: Writer) -> dict[int, ColumnError]:
        """Return the sentence for each row that the writer passed over, by its index among the good rows."""
        blamed: dict[int, Key] = dict.fromkeys(lost, self.keys[-1])
        for key in reversed(self.keys[:-1]) if lost else ():
            wanted = {n: fold(cells.text(key.column)[positions[n]]) for n in lost}
            blamed |= dict.fromkeys(writer.taken(key, wanted), key)
        return {n: self.duplicate(cells, positions[n], key) for n, key in blamed.items()}

    def duplicate(self, cells: Cells, position: int, key: Key) -> ColumnError:
        """Return the sentence for a row whose key another row or record has."""
        return key.column, errors.duplicate(self.noun, key.column, cells.text(key.column)[position])

    # --- out -------------------------------------------------------------------------------------------------

    def get_queryset(self) -> models.QuerySet:
        """Return the tenant's records, oldest first."""
        return self.model._default_manager.filter(tenant=self.tenant).order_by("id")
