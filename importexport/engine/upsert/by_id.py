"""Imports that update existing records, found by their external ids; rows without an id go by their names."""

from collections.abc import Collection, Sequence

from django.db import connection
from psycopg import sql

from importexport.columns.cells import Cells
from importexport.columns.fields import Column
from importexport.db import any_tenant, unzipped
from importexport.engine.spec import EXTERNAL_ID, EntitySpec, Key
from importexport.engine.upsert.finder import Found, Pair
from importexport.engine.upsert.importer import UpsertImporter, is_there
from importexport.engine.upsert.writer import Merger

#: Columns that change together: a deal whose pipeline changes is in another stage.
STAGE, PIPELINE = "stage_name", "pipeline_name"


class IdMerger(Merger):
    """A Merger that matches rows by external id, and those without a record by ``naturals``, the other keys."""

    naturals: Sequence[Key] = ()

    def __enter__(self) -> "IdMerger":
        super().__enter__()
        self._by_id = self._finder
        self._others = [self._new_finder(key, adopts=True) for key in self.naturals]
        return self

    def _detailed_key(self) -> Key:
        return self.naturals[0]

    def find_by_id(self) -> list[Pair]:
        """Match rows with records by external id."""
        return self._by_id.find(self._staged).pairs if self._staged else []

    def find_by_name(self, place: int, rows: Sequence[int]) -> Found:
        """Match some rows with records that have no other id of the source, by one of the other keys."""
        return self._others[place].find(self._staged, rows) if rows else Found([])

    def move_stages(self, pairs: Sequence[Pair], *, stage: int, pipeline: int) -> None:
        """Let rows that move a deal to another pipeline, and name no stage there, give its first one.

        ``stage`` and ``pipeline`` are the bits of the columns; both are 0 for other records.
        """
        if pairs and stage and pipeline:
            statement = MOVE.format(
                tenant=any_tenant(self.tenant.pk),
                staging=self._staging,
                table=self._table,
                bit=sql.Literal(stage),
                both=sql.Literal(stage | pipeline),
                pipeline=sql.Literal(pipeline),
            )
            with connection.cursor() as cursor:
                cursor.execute(statement, unzipped(pairs))


#: LIMIT has PostgreSQL expect a record for each row (see ROWS).
MOVE = sql.SQL(
    "UPDATE {staging} AS s SET given = s.given | {bit} FROM unnest(%s::int[], %s::bigint[]) AS m(n, id)"
    " CROSS JOIN LATERAL (SELECT t.pipeline_id FROM {table} AS t"
    " WHERE t.tenant_id = {tenant} AND t.id = m.id LIMIT 1) AS t"
    " WHERE s.n = m.n AND s.given & {both} = {pipeline} AND s.pipeline_id <> t.pipeline_id"
)


class IdImporter(UpsertImporter):
    """Imports a table with ``mode=update`` or ``mode=upsert`` whose rows are matched by external id.

    A row without an id is matched by the entity's first key. A row whose id no record has is the record that has one
    of its other keys, and no id of that source: the record gets the id.
    """

    writer: IdMerger
    merger = IdMerger

    def _new_writer(self) -> Merger:
        writer = super()._new_writer()
        writer.naturals = self.spec.match_keys  # type: ignore[attr-defined]
        return writer

    def _changing(self, spec: EntitySpec, there: Collection[str]) -> list[Column]:
        """Return the columns of the file, its keys included, and what changes with them."""
        names = {column.column_name for column in spec.columns if is_there(column, there)} | {*EXTERNAL_ID.columns}
        if names & {STAGE, PIPELINE}:
            names |= {STAGE, PIPELINE}
        return [column for column in spec.columns if column.column_name in names]

    def _masks(self, cells: Cells) -> tuple[list[int], list[int]]:
        """Return masks in which rows without an id never change the key that they are matched by."""
        given, cleared = super()._masks(cells)
        key, both = self._bits(self._natural.columns), self._bits([STAGE, PIPELINE])
        stage, pipeline = self._bits([STAGE]), self._bits([PIPELINE])
        there = self._table.header.positions
        forced = self._bits([name for name in (STAGE, PIPELINE) if name not in there])
        has_id = list(map(bool, cells.text(EXTERNAL_ID.column)))
        for i, mask in enumerate(given):
            if not has_id[i]:
                given[i] = mask & ~key
            elif mask & stage:
                given[i] = mask | pipeline
        return given, [mask & ~forced & ~(both if has else key) for mask, has in zip(cleared, has_id, strict=True)]

    @property
    def _natural(self) -> Key:
        """The key of rows without an id."""
        return self.spec.match_keys[0]

    @property
    def _name_key(self) -> Key:
        return self._natural

    def _find(self, rows: list[list[str | None]]) -> Found:
        """Match rows by id, then those without a record by name."""
        ids = self._ids_of(rows)
        self._with_id = {n for n, number in enumerate(ids) if number[1]}
        first: dict[tuple, int] = {}
        repeated = {n for n in sorted(self._with_id) if first.setdefault(ids[n], n) != n}
        pairs = [(n, record) for n, record in self.writer.find_by_id() if n not in repeated]
        self._by_id = {n for n, _ in pairs}
        found = self._find_by_name([n for n in range(len(ids)) if n not in repeated and n not in self._by_id])
        everything = sorted([*pairs, *found.pairs])
        self.writer.move_stages(everything, stage=self._bits([STAGE]), pipeline=self._bits([PIPELINE]))
        self._by_id |= repeated
        return self.writer.remember(Found(everything, found.exact, found.unclear, {*found.repeated, *repeated}))

    def _find_by_name(self, rows: list[int]) -> Found:
        """Match rows by the first key, and those with an id that it does not lead to a record by the others.

        A row with an id whose record belongs to an earlier row is about another one.
        """
        found = self.writer.find_by_name(0, rows)
        pairs, unclear, repeated = [*found.pairs], {*found.unclear}, {*found.repeated} - self._with_id
        for place in range(1, len(self.spec.match_keys)):
            done = {n for n, _ in pairs} | unclear | {*found.repeated}
            more = self.writer.find_by_name(place, [n for n in rows if n in self._with_id and n not in done])
            pairs += more.pairs
            unclear |= {*more.unclear}
        return Found(pairs, found.exact, unclear, repeated)

    def _ids_of(self, rows: list[list[str | None]]) -> list[tuple[str | None, ...]]:
        """Return the external sources and ids of the rows of a batch."""
        columns = self.spec.stored_columns
        return list(zip(*(rows[columns.index(name)] for name in ("external_source", "external_id")), strict=True))

    def _update(self, pairs: list[Pair]) -> list[int]:
        if self.writer.can_claim(self._natural):
            return super()._update(pairs)
        return self.writer.update_each(pairs)

    def _key_of(self, n: int) -> Key:
        return EXTERNAL_ID if n in self._by_id else self._natural

    def _sought_by(self, n: int) -> Key:
        return EXTERNAL_ID if n in self._with_id else self._natural

    def _may_be_another(self, n: int) -> bool:
        """A row with an id that was matched by name is about another record if that belongs to another row."""
        return n in self._with_id and n not in self._by_id

    def _keeps(self, n: int, clash: Key | None) -> bool:
        return clash is not None and n in self._with_id and self.writer.may_keep(clash)
