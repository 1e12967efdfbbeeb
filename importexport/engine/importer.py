"""Imports a table batch by batch and column by column: cleaned in Python while PostgreSQL stores the batch before."""

from collections.abc import Collection, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import compress
from typing import TypeVar, cast

from crm.models.fields import folded_fields
from importexport import errors
from importexport.columns.cells import Cells
from importexport.columns.doubtful import Doubts, doubts_about
from importexport.columns.fields import Column
from importexport.columns.references import hints_of, widget_of
from importexport.db import lock_entities, stay_alive
from importexport.engine.blanking import Blanking
from importexport.engine.copy_writer import Writer
from importexport.engine.create_missing import MissingRecords
from importexport.engine.fixes import Fixes
from importexport.engine.midnights import Midnights
from importexport.engine.observers import Observer
from importexport.engine.options import Options
from importexport.engine.outcome import ColumnError, Outcome, Rejection, numbered
from importexport.engine.report import Report
from importexport.engine.spec import EXTERNAL_ID, EntitySpec, Key
from importexport.files.header import ROW_COLUMN
from importexport.files.table import Batch, Table
from importexport.files.text.overlong import KEPT
from importexport.sources.reading import NOWHERE

#: What is wrong with rows, by their position in the batch.
Rejected = dict[int, list[ColumnError]]
T = TypeVar("T")


@dataclass
class Prepared:
    """A batch, read and cleaned as far as that takes no query.

    An upsert also notes, as masks, which columns each row gives and which it clears.
    """

    batch: Batch
    cells: Cells
    given: Sequence[int] = ()
    cleared: Sequence[int] = ()
    doubts: Doubts = field(default_factory=dict)


class Importer:
    """Stores the good rows of one table as new records, in the current transaction, after some fixes."""

    def __init__(self, spec: EntitySpec, options: Options, table: Table, fixes: Fixes | None = None) -> None:
        spec = spec.for_file(table.header.positions)
        self.spec, self.options, self._table, self._fixes = spec, options, table, fixes
        self._may_be_incomplete = options.incomplete == "accept"
        needed = spec.needed_names(options.match_on, may_be_incomplete=self._may_be_incomplete)
        self._needed = {*needed}.difference(EXTERNAL_ID.columns)
        self._columns = spec.cleaned_columns
        names = dict.fromkeys([*spec.in_files, *(column.column_name for column in spec.columns), ROW_COLUMN])
        self._places = {name: place for place, name in enumerate(names)}
        self._folded = folded_fields(spec.model)
        soft, blanks = table.layout.soft if table.layout else (), fixes.blanks if fixes else ()
        self._blanking = Blanking(options, needed=self._needed, soft=soft, blanks=blanks)
        self._midnights = Midnights(self._columns)
        self._missing: MissingRecords | None = None
        if options.missing == "create" or (fixes and fixes.creates):
            only = fixes.names if fixes and options.missing != "create" else None
            self._missing = MissingRecords(spec.cleaned_columns, tenant=spec.tenant, model=spec.model, names=only)
        self.writer = self._new_writer()

    def _new_writer(self) -> Writer:
        return Writer(
            self.spec.model, tenant=self.spec.tenant, columns=self.spec.stored_columns, keeps_names=self._keeps_names
        )

    @property
    def _keeps_names(self) -> bool:
        """Whether records are stored although their names are taken, if they have an external id."""
        return self.options.duplicates == "keep" and EXTERNAL_ID in self.spec.keys

    def run(self, observers: Sequence[Observer], report: Report, *, name: str = "") -> None:
        """Import the table and notify the observers; ``name`` identifies it to imports that wait for it.

        Raises FileError where the file is broken further down, and Busy (see db.patience).
        """
        lock_entities(self.spec.tenant, self._locked(), name=name)
        for observer in observers:
            observer.begin(self._table)
        # Closed at once by an error: a retry reads the file again.
        with self.writer, closing(self._prepared()) as batches:
            for prepared in batches:
                outcome = self._import_batch(prepared)
                report.add(outcome)
                for observer in observers:
                    observer.add(outcome)
                if len(outcome.rejected) == outcome.rows:
                    stay_alive()
        report.midnights = self._midnights.found
        report.merged = self._table.rows.merged
        for observer in observers:
            observer.end(report)

    def _locked(self) -> set[str]:
        """Return whose imports have to wait: a company created for a contact must not come in by another file."""
        return {self.spec.entity, "companies"} if self._missing else {self.spec.entity}

    # --- without the database ---

    def _prepared(self) -> Generator[Prepared]:
        batches = map(self._prepare, self._table.batches())
        yield from read_ahead(batches) if self._table.rows.may_read_ahead else batches

    def _prepare(self, batch: Batch) -> Prepared:
        """Clean the columns of a batch that need no query; runs in another thread."""
        if self._fixes:
            self._fixes.apply(batch)
        prepared = self._read(batch)
        prepared.doubts.update({i: list(warnings) for i, warnings in batch.warnings.items()})
        self._clean(prepared, needs_records=False)
        if self._may_be_incomplete:
            self._fill_in(prepared.cells)
        if self._table.header.positions.get("external_source") == NOWHERE:
            self._drop_idle_sources(prepared.cells)
        for i, warnings in doubts_about(self.spec.columns, batch.columns, prepared.cells).items():
            prepared.doubts.setdefault(i, []).extend(warnings)
        return prepared

    def _read(self, batch: Batch) -> Prepared:
        return Prepared(batch, Cells(batch))

    def _clean(self, prepared: Prepared, *, needs_records: bool) -> None:
        for column in self._columns:
            if column.widget.needs_records == needs_records:
                column.clean_cells(prepared.cells, required=column.column_name in self._needed)
                if self._blanking.applies_to(column):
                    self._leave_blank(column, prepared)

    def _leave_blank(self, column: Column, prepared: Prepared) -> None:
        """Blank the cells of a column that cannot be read, as far as the options and fixes say so.

        The former are told as warnings, the latter noted with the batch.
        """
        found, fixed = self._blanking.take(column, prepared.cells)
        for i, (text, fix) in fixed.items():
            place = i, column.column_name
            # Of a cell that was changed before, the file has the former text.
            prepared.batch.fixed[place] = prepared.batch.fixed.get(place, (text, fix))[0], fix
        for i, warning in found.items():
            prepared.doubts.setdefault(i, []).append((column.column_name, warning))
        if found or fixed:
            self._ungive(column, prepared, {*found, *fixed})
            column.clean_cells(prepared.cells, required=False)

    def _ungive(self, column: Column, prepared: Prepared, positions: Collection[int]) -> None:
        """Note that rows do not give a column after all; an upsert leaves the record's value as it is then."""

    def _drop_idle_sources(self, cells: Cells) -> None:
        """Store the name of the program that wrote the file only beside an id."""
        numbers = cells.text(EXTERNAL_ID.column)
        sources = cells.stored["external_source"]
        cells.stored["external_source"] = [s if number else "" for s, number in zip(sources, numbers, strict=True)]

    def _fill_in(self, cells: Cells) -> None:
        """Fill blank cells for which another column's value can stand in."""
        for name, source in self.spec.stand_ins.items():
            values, stored = (cells.stored[self.spec.column(column).stores] for column in (source, name))
            texts = {i: values[i] or "" for i, text in enumerate(cells.text(name)) if not text}
            cells.fill(name, texts)
            for i, text in texts.items():
                stored[i] = text

    # --- with it ---

    def _import_batch(self, prepared: Prepared) -> Outcome:
        """Store a batch's good rows; return what became of all."""
        batch, cells = prepared.batch, prepared.cells
        self._clean(prepared, needs_records=True)
        self._midnights.add(cells)
        rejected = self._errors(cells, batch)
        if self._missing:
            self._missing.make(cells, rejected)
        outcome = self._store(prepared, rejected)
        if self._fixes:
            self._fixes.leave_out(batch, rejected)
            outcome.changes += self._fixes.changes(batch)
        outcome.rejected = [Rejection(batch.numbers[i], batch.records[i], rejected[i]) for i in sorted(rejected)]
        outcome.repeats = batch.repeats
        doubts = prepared.doubts
        outcome.warnings = [warning for i in sorted(doubts) if i not in rejected for warning in doubts[i]]
        if self._missing:
            outcome.changes += self._missing.settle(batch.numbers)
        return outcome

    def _store(self, prepared: Prepared, rejected: Rejected) -> Outcome:
        """Store the rows that are not rejected; those that the writer passes over are added to ``rejected``."""
        cells, numbers = prepared.cells, prepared.batch.numbers
        is_good, positions = good_rows(cells, rejected)
        rows = self._rows(cells, is_good)
        lost = self.writer.write(rows, len(positions))
        rejected |= {positions[n]: [error] for n, error in self._duplicates(rows, cells, positions, lost).items()}
        if len(positions) < cells.count:
            numbers = list(compress(numbers, is_good))
        stretches = {"create": numbered(self.writer.stored_rows(), numbers)}
        return Outcome(stretches=stretches, values=self._comparable(rows, cells, positions))

    def _errors(self, cells: Cells, batch: Batch) -> Rejected:
        """Return each faulty row's sentences in the template's order. Of a row with too many cells nothing else
        is said: its cells are likely in the wrong columns."""
        for i in batch.unnumbered:
            cells.errors[i][ROW_COLUMN] = errors.number(ROW_COLUMN)
        for i, names in batch.broken.items():
            cells.errors[i] |= {name: errors.character(name) for name in names}
        if self._may_be_incomplete:
            for i in self._nobody(cells):
                cells.errors[i][""] = errors.incomplete()
        for i, faults in batch.faults.items():
            cells.errors[i] = dict(faults)
        for i in batch.cut:
            # What is wrong with its cells says more.
            cells.errors[i] = cells.errors[i] or {"": errors.row_too_long(KEPT)}
        place = lambda item: self._places.get(item[0], len(self._places))  # noqa: E731 - unknown columns come last
        found = {i: sorted(by.items(), key=place) for i, by in cells.errors.items() if by}
        found |= {i: [("", errors.left_out(fix.by))] for i, fix in batch.left_out.items()}
        width = self._table.header.width
        return found | {i: [("", errors.too_many_cells(width, surplus))] for i, surplus in batch.surplus.items()}

    def _nobody(self, cells: Cells) -> Sequence[int]:
        """Return the positions of the rows that do not say whom they are about, and must."""
        return unknown_rows(cells, self.spec.known_by)

    def _rows(self, cells: Cells, is_good: Sequence[bool]) -> list[list[str | None]]:
        """Return what is stored of the good rows, a list per column, matching keys included."""
        stored = cells.stored
        if not all(is_good):
            stored = {name: list(compress(values, is_good)) for name, values in stored.items()}
        rows = [stored[name] for name in self.spec.own_columns]
        rows.extend(folded.key_column(cast(list[str], stored[folded.source])) for folded in self._folded)
        return rows

    def _comparable(
        self, rows: list[list[str | None]], cells: Cells, positions: Sequence[int]
    ) -> list[list[str | None]]:
        """Return what is stored as it can be compared with another day's: a record that a row creates has no id yet."""
        if not self._missing:
            return rows
        created = {column.stores: column for column in self._missing.columns}
        return [
            folded_names(created[stores], cells, positions) if stores in created else values
            for stores, values in zip(self.spec.stored_columns, rows, strict=True)
        ]

    def _duplicates(
        self, rows: list[list[str | None]], cells: Cells, positions: Sequence[int], lost: Sequence[int]
    ) -> dict[int, ColumnError]:
        """Return the sentence for each row that the writer passed over, by its index among the good rows."""
        keys = self.spec.keys
        blamed: dict[int, Key] = dict.fromkeys(lost, keys[-1])
        for key in reversed(keys[:-1]) if lost else ():
            places = [self.spec.stored_columns.index(name) for name in key.stored_columns]
            wanted = {n: tuple(rows[place][n] for place in places) for n in lost}
            blamed |= dict.fromkeys(self.writer.taken(key, wanted), key)
        return {n: self._duplicate(cells, positions[n], key) for n, key in blamed.items()}

    def _duplicate(self, cells: Cells, position: int, key: Key) -> ColumnError:
        """Return the sentence for a row whose key another row or record has."""
        return key.column, errors.duplicate(self.spec.noun, key.column, cells.text(key.column)[position])


def folded_names(column: Column, cells: Cells, positions: Sequence[int]) -> list[str | None]:
    """Return what some rows of a batch say about the records they refer to: names as they are matched, and hints."""
    texts = cells.text(column.column_name)
    names = widget_of(column).folded.fold_column([texts[i] for i in positions])
    hints = [cells.text(hint) for hint in hints_of(column)]
    return ["\n".join([name, *(hint[i] for hint in hints)]) for name, i in zip(names, positions, strict=True)]


def unknown_rows(cells: Cells, names: Sequence[str]) -> list[int]:
    """Return the positions of the rows that are blank in all of some columns; none if there are no columns."""
    texts = [cells.text(name) for name in names]
    return [i for i, row in enumerate(zip(*texts, strict=True)) if not any(row)]


def good_rows(cells: Cells, rejected: Collection[int]) -> tuple[list[bool], list[int]]:
    """Return whether each row of a batch may be stored, and the positions of those that may."""
    is_good = [i not in rejected for i in range(cells.count)]
    return is_good, list(compress(range(cells.count), is_good))


def read_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield items, each made in another thread while the caller is busy with the one before."""
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item
