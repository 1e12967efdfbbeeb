"""Imports that update existing records, found by their key."""

from collections.abc import Collection
from itertools import compress
from typing import ClassVar, cast

from django.db import IntegrityError

from importexport import errors
from importexport.columns.cells import Cells
from importexport.columns.fields import Column
from importexport.columns.references import hints_of
from importexport.db import Busy, is_clash, retry
from importexport.engine.fixes import Fixes
from importexport.engine.importer import Importer, Prepared, Rejected, good_rows, unknown_rows
from importexport.engine.options import Options
from importexport.engine.outcome import Change, ColumnError, Outcome, stretches_of
from importexport.engine.spec import EXTERNAL_ID, EntitySpec, Key
from importexport.engine.upsert.finder import Found, Pair
from importexport.engine.upsert.upsert_sql import Changeable
from importexport.engine.upsert.writer import Merger
from importexport.files.table import Batch, Table


class UpsertImporter(Importer):
    """Imports a table with ``mode=update`` or ``mode=upsert``."""

    writer: Merger
    merger: ClassVar[type[Merger]] = Merger

    def __init__(self, spec: EntitySpec, options: Options, table: Table, fixes: Fixes | None = None) -> None:
        self._key = spec.key(options.match_on)
        there = table.header.positions
        changing = self._changing(spec.for_file(there), there)
        self._changeable = [Changeable(column, 1 << bit) for bit, column in enumerate(changing)]
        super().__init__(spec, options, table, fixes)
        #: What a new record needs, and no row can clear.
        self._required = self.spec.required_names_of(may_be_incomplete=self._may_be_incomplete)

    def _changing(self, spec: EntitySpec, there: Collection[str]) -> list[Column]:
        """Return the columns that can change records, of a file with these columns."""
        free = [column for column in spec.columns if column.column_name not in self._key.columns]
        return [column for column in free if is_there(column, there) or column.column_name in EXTERNAL_ID.columns]

    def _new_writer(self) -> Merger:
        return self.merger(
            self.spec.model,
            tenant=self.spec.tenant,
            columns=self.spec.stored_columns,
            key=self._key,
            changeable=self._changeable,
            options=self.options,
            keeps_names=self._keeps_names,
        )

    def _read(self, batch: Batch) -> Prepared:
        cells = Cells(batch)
        return Prepared(batch, cells, *self._masks(cells))

    def _ungive(self, column: Column, prepared: Prepared, positions: Collection[int]) -> None:
        bit = next((entry.bit for entry in self._changeable if entry.column is column), 0)
        given = cast(list[int], prepared.given)
        for i in positions:
            given[i] &= ~bit

    def _masks(self, cells: Cells) -> tuple[list[int], list[int]]:
        """Return masks of the columns that each row gives and clears. Clearing a required column, or the id that a
        record has elsewhere, is an error.
        """
        marker = self.options.clear_marker
        marked = cells.blank_out(marker) if marker else {}
        given, cleared = [0] * cells.count, [0] * cells.count
        for entry in self._changeable:
            name, bit = entry.column.column_name, entry.bit
            texts = cells.text(name)
            for hint in hints_of(entry.column):
                texts = [text or other for text, other in zip(texts, cells.text(hint), strict=True)]
            given = [mask | bit if text else mask for mask, text in zip(given, texts, strict=True)]
            places = (i for each in (name, *hints_of(entry.column)) for i in marked.get(each, ()))
            empty = [i for i in places if not texts[i]]
            if self.options.blank == "clear":
                empty = [i for i, text in enumerate(texts) if not text]
            for i in empty:
                cleared[i] |= bit
                if name in self._required:
                    cells.errors[i][name] = errors.required(name)
        for name in EXTERNAL_ID.columns:
            for i in marked.get(name, ()):
                cells.errors[i][name] = errors.required(name)
        return self._with_ids(cells, given, cleared)

    def _with_ids(self, cells: Cells, given: list[int], cleared: list[int]) -> tuple[list[int], list[int]]:
        """Return masks in which a row gives an external source together with an id, and never clears them.

        A source alone is that of the row's references: with it, an id that the record has would be another one.
        """
        source, both = self._bits(["external_source"]), self._bits(EXTERNAL_ID.columns)
        given = [
            mask | source if number else mask & ~both
            for mask, number in zip(given, cells.text(EXTERNAL_ID.column), strict=True)
        ]
        return given, [mask & ~both for mask in cleared]

    def _bits(self, names: Collection[str]) -> int:
        """Return the bits of some columns."""
        return sum(entry.bit for entry in self._changeable if entry.column.column_name in names)

    def _store(self, prepared: Prepared, rejected: Rejected) -> Outcome:
        """Create or update the records of the rows that are not rejected."""
        cells = prepared.cells
        is_good, positions = good_rows(cells, rejected)
        rows = self._rows(cells, is_good)
        self.writer.stage(rows, *(list(compress(mask, is_good)) for mask in (prepared.given, prepared.cleared)))
        wrong, pairs, changes = self._change(rows, cells, positions)
        matched = {n for n, _ in pairs} | set(wrong)
        wanted = [n for n in range(len(positions)) if n not in matched]
        wrong |= self._unmatched(cells, positions, wanted)
        wanted = [n for n in wanted if n not in wrong]
        skipped = self.writer.insert(wanted)
        wrong |= {n: [error] for n, error in self._duplicates(rows, cells, positions, skipped).items()}
        created = self.writer.created([n for n in wanted if n not in wrong])
        self.writer.see(pairs, created)
        rejected |= {positions[n]: found for n, found in wrong.items()}
        comparable = self._comparable(rows, cells, positions)
        return self._outcome(prepared.batch.numbers, positions, comparable, pairs, created, changes)

    def _outcome(
        self,
        numbers: list[int],
        positions: list[int],
        rows: list[list[str | None]],
        pairs: list[Pair],
        created: list[Pair],
        changes: dict[int, str],
    ) -> Outcome:
        number = lambda n: numbers[positions[n]]  # noqa: E731 - used several times below
        same = [(number(n), record) for n, record in pairs if n not in changes]
        new = [(number(n), record) for n, record in created]
        entity = self.spec.entity
        return Outcome(
            stretches={"create": stretches_of(new), "unchanged": stretches_of(same)},
            changes=[Change(number(n), "update", entity, pk, changes[n]) for n, pk in pairs if n in changes],
            values=[[column[n] for n, _ in created] for column in rows],
        )

    def _change(
        self, rows: list[list[str | None]], cells: Cells, positions: list[int]
    ) -> tuple[Rejected, list[Pair], dict[int, str]]:
        """Update existing records; return the errors of rejected rows, the records of the others, and the changes.

        Retries when a concurrent edit takes a name or domain first, and raises Busy if that happens repeatedly.
        """
        found = self._find(rows)
        self.writer.merge_tags(found.pairs)

        def attempt() -> tuple[Rejected, list[Pair], dict[int, str]]:
            wrong, pairs = self._reject_duplicates(cells, positions, found)
            changes = self.writer.compare(pairs)
            lost = self._update([(n, record) for n, record in pairs if n in changes])
            wrong |= {n: [self._duplicate(cells, positions[n], self.spec.keys[-1])] for n in lost}
            return wrong, [pair for pair in pairs if pair[0] not in wrong] if lost else pairs, changes

        try:
            return retry(attempt, when=is_clash)
        except IntegrityError as error:
            raise Busy(errors.RECORDS_BUSY) from error

    def _find(self, rows: list[list[str | None]]) -> Found:
        """Match the rows of a batch with existing records."""
        return self.writer.find()

    def _update(self, pairs: list[Pair]) -> list[int]:
        """Update records; return the rows that would make them the same as others."""
        self.writer.update(pairs)
        return []

    @property
    def _name_key(self) -> Key:
        """The key that several records can share."""
        return self._key

    def _key_of(self, n: int) -> Key:
        """Return the key by which a row was matched with a record."""
        return self._key

    def _sought_by(self, n: int) -> Key:
        """Return the key by which a record is sought for a row in the first place."""
        return self._key

    def _may_be_another(self, n: int) -> bool:
        """Whether a row whose record belongs to another row can be about another record."""
        return False

    def _reject_duplicates(self, cells: Cells, positions: list[int], found: Found) -> tuple[Rejected, list[Pair]]:
        """Return the errors of duplicates (of an earlier row or another record), and the remaining pairs."""
        others = [key for key in self.spec.keys if key is not self._key]
        claims = {key: self.writer.claims(key, found.pairs) for key in others}
        seen = self.writer.seen(record for _, record in found.pairs)
        taken: dict[Key, set[tuple]] = {key: set() for key in others}
        wrong: Rejected = {n: [self._duplicate(cells, positions[n], self._key_of(n))] for n in found.repeated}
        wrong |= {n: [self._ambiguous(cells, positions[n], self._name_key)] for n in found.unclear}
        pairs = []
        kept = []
        for n, record in found.pairs:
            clash = next((key for key in others if is_taken(claims[key].get(n), taken[key])), None)
            if record in seen and self._may_be_another(n):
                continue
            blamed = self._key_of(n) if record in seen else clash
            if blamed is clash and self._keeps(n, clash):
                kept.append(n)
            elif blamed:
                wrong[n] = [self._duplicate(cells, positions[n], blamed)]
                continue
            seen.add(record)
            for key in others:
                taken[key].update(value for value, _ in filter(None, [claims[key].get(n)]))
            pairs.append((n, record))
        self.writer.keep_names(kept)
        return wrong, pairs

    def _keeps(self, n: int, clash: Key | None) -> bool:
        """Whether a row may give its record a name that is taken."""
        return False

    def _ambiguous(self, cells: Cells, position: int, key: Key) -> ColumnError:
        name = key.column
        return name, errors.ambiguous(self.spec.noun.capitalize(), cells.text(name)[position])

    def _unmatched(self, cells: Cells, positions: list[int], rows: list[int]) -> Rejected:
        """Return the errors of rows without a record: an update rejects all, an upsert those without required cells."""
        if not self.options.may_create:
            return {n: [self._not_found(cells, positions[n], self._sought_by(n))] for n in rows}
        required = {name: cells.text(name) for name in self._required}
        lacking = {
            n: [
                (name, cells.lacking(positions[n], name)) for name, texts in required.items() if not texts[positions[n]]
            ]
            for n in rows
        }
        if self._may_be_incomplete:
            unknown = {*unknown_rows(cells, self.spec.known_by)}
            lacking |= {n: [("", errors.incomplete())] for n in rows if positions[n] in unknown}
        return {n: found for n, found in lacking.items() if found}

    def _not_found(self, cells: Cells, position: int, key: Key) -> ColumnError:
        """Return the error of a row without a record."""
        name, noun = key.column, self.spec.noun.capitalize()
        text = cells.text(name)[position]
        if key is EXTERNAL_ID:
            return name, errors.external_id_not_found(noun, text)
        return name, errors.not_found(noun, text) if text else cells.lacking(position, name)

    def _nobody(self, cells: Cells) -> list[int]:
        """Return the positions of the rows that give nothing, and may clear all, that a record is known by.

        Other rows without any of it can be about records of which more is known.
        """
        present = {entry.column.column_name for entry in self._changeable} | {*self._key.columns}
        known = {column.column_name for column in self.spec.columns}.intersection(self.spec.known_by)
        may_clear = self.options.blank == "clear" and present.issuperset(known)
        return unknown_rows(cells, self.spec.known_by) if may_clear else []


def is_there(column: Column, there: Collection[str]) -> bool:
    """Whether a file has a column, or another one that says the same."""
    return any(name in there for name in (column.column_name, *hints_of(column)))


def is_taken(claim: tuple[tuple, bool] | None, taken: set[tuple]) -> bool:
    """Whether the new key of a record is taken by another record, or by an earlier row of the batch."""
    return claim is not None and (claim[1] or claim[0] in taken)
