"""Records that rows refer to and that do not exist: created for good rows, deleted again where no row needs them."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

from django.db import IntegrityError, connection, models, transaction
from django.db.models import Max
from psycopg import sql

from crm.models import Company, Stage, Tenant
from importexport.columns.cells import Cells
from importexport.columns.fields import Column
from importexport.columns.references import can_create, widget_of
from importexport.db import by_index, is_clash, retry
from importexport.engine.outcome import Change


class Made(NamedTuple):
    """A record created for a row: the row's place in the batch, the record, and the column that named it."""

    position: int
    record: Any
    column: Column


class Wanted(NamedTuple):
    """A record that rows refer to: its name, and the place of the first such row in the batch."""

    name: str
    position: int


class MissingRecords:
    """Creates what the good rows of a batch refer to."""

    def __init__(self, columns: Sequence[Column], *, tenant: Tenant, model: type[models.Model]) -> None:
        self._columns = [column for column in columns if can_create(column)]
        self._tenant, self._model = tenant, model
        self._made: list[Made] = []
        for column in self._columns:
            widget_of(column).creates_missing = True

    def make(self, cells: Cells, rejected: Collection[int]) -> None:
        """Create what the rows that are not rejected await, and let them refer to it."""
        self._made = []
        for column in self._columns:
            awaited = {i: want for i, want in widget_of(column).awaited.items() if i not in rejected}
            wanted: dict[Any, Wanted] = {}
            for position, (key, name) in awaited.items():
                wanted.setdefault(key, Wanted(name, position))
            records = self._make(column, wanted, cells) if wanted else {}
            for position, (key, _) in awaited.items():
                refer(cells, column, position, records[key])

    def settle(self, numbers: Sequence[int]) -> list[Change]:
        """Delete what no row came to refer to (it was a duplicate, say); return what was created for good."""
        if not self._made:
            return []
        needed = set().union(*(self._needed(column) for column in self._columns))
        for column in self._columns:
            idle = [made.record.pk for made in self._made if made.column is column and made.record.pk not in needed]
            if idle:
                delete(widget_of(column).model, idle)
                widget_of(column).forget()
        return [
            Change(numbers[made.position], "create", entity_of(made.record), made.record.pk, name_json(made.record))
            for made in self._made
            if made.record.pk in needed
        ]

    def _make(self, column: Column, wanted: dict[Any, Wanted], cells: Cells) -> dict[Any, Any]:
        """Return the records of some keys, created where they do not exist.

        Retries when somebody else creates the same at this moment.
        """
        there: dict[Any, Any] = {}
        new = retry(partial(self._create, column, wanted, there, cells), when=is_clash)
        self._made += [Made(wanted[key].position, record, column) for key, record in new.items()]
        for key, record in (there | new).items():
            widget_of(column).learn(key, (record.pk, record.probability) if is_stage(record) else (record.pk,))
        return there | new

    def _create(self, column: Column, wanted: dict[Any, Wanted], there: dict[Any, Any], cells: Cells) -> dict[Any, Any]:
        """Return new records of those keys that are not ``there``, which after a clash has what others created."""
        new = {key: self._new(key, *want, cells) for key, want in wanted.items() if key not in there}
        try:
            with transaction.atomic():
                widget_of(column).model._default_manager.bulk_create(self._in_order(new.values()))
        except IntegrityError:
            there.clear()
            there.update({key: record for key in wanted if (record := existing(key, self._tenant))})
            raise
        return new

    def _new(self, key: Any, name: str, position: int, cells: Cells) -> Any:
        if not isinstance(key, tuple):
            return Company(tenant=self._tenant, name=name)
        given = cells.text("probability")[position] and cells.stored["probability"][position]
        stage = Stage(tenant=self._tenant, pipeline_id=key[0], name=name)
        first = Stage.objects.filter(pipeline=key[0]).order_by("position", "id").first()
        # Zero would mean that its deals are lost.
        stage.probability = int(given) if given else first.probability if first else 0
        return stage

    def _in_order(self, records: Iterable[Any]) -> list[Any]:
        """Return records, stages placed after the last of their pipeline."""
        new = list(records)
        last: Counter[int] = Counter()
        for stage in filter(is_stage, new):
            if stage.pipeline_id not in last:
                highest = Stage.objects.filter(pipeline=stage.pipeline_id).aggregate(last=Max("position"))["last"]
                last[stage.pipeline_id] = -1 if highest is None else highest
            last[stage.pipeline_id] += 1
            stage.position = last[stage.pipeline_id]
        return new

    def _needed(self, column: Column) -> set[int]:
        """Return the ids of those new records that some record refers to."""
        ids = [made.record.pk for made in self._made if made.column is column]
        with connection.cursor() as cursor, by_index(cursor):
            table, reference = sql.Identifier(self._model._meta.db_table), sql.Identifier("t", column.stores)
            cursor.execute(NEEDED.format(table=table, reference=reference), [ids])
            return {pk for (pk,) in cursor}


NEEDED = sql.SQL(
    "SELECT id FROM unnest(%s::bigint[]) AS made(id)"
    " WHERE EXISTS (SELECT FROM {table} AS t WHERE {reference} = made.id)"
)


def delete(model: type[models.Model], ids: list[int]) -> None:
    """Delete records that nothing refers to, without the queries by which Django would make sure of that."""
    with connection.cursor() as cursor:
        statement = sql.SQL("DELETE FROM {} WHERE id = ANY(%s)").format(sql.Identifier(model._meta.db_table))
        cursor.execute(statement, [ids])


def refer(cells: Cells, column: Column, position: int, record: Any) -> None:
    """Make a row refer to a record; a deal without a probability gets its stage's."""
    cells.stored[column.stores][position] = str(record.pk)
    if is_stage(record) and not cells.text("probability")[position]:
        cells.stored["probability"][position] = str(record.probability)


def is_stage(record: models.Model) -> bool:
    """Whether a record is a stage, rather than a company."""
    return isinstance(record, Stage)


def existing(key: Any, tenant: Tenant) -> Any:
    """Return the record of a key, or None."""
    if isinstance(key, tuple):
        return Stage.objects.filter(tenant=tenant, pipeline=key[0], name_key=key[1]).first()
    return Company.objects.filter(tenant=tenant, name_key=key).first()


def name_json(record: Any) -> str:
    """Return what the row log keeps of a new record."""
    return json.dumps({"name": [None, record.name]})


def entity_of(record: models.Model) -> str:
    """Return what records of a kind are called: companies, stages."""
    return str(record._meta.verbose_name_plural)
