"""Creates the records that valid rows refer to, and deletes them again if no stored row needs them."""

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


class Created(NamedTuple):
    """A record created for a row: the position of the row in the batch, the record, and the column that named it."""

    position: int
    record: Any
    column: Column


class Missing(NamedTuple):
    """A missing record: its name, and the position of the first row in the batch that refers to it."""

    name: str
    position: int


class MissingRecords:
    """Creates the missing records that the valid rows of a batch refer to."""

    def __init__(self, columns: Sequence[Column], *, tenant: Tenant, model: type[models.Model]) -> None:
        self._columns = [column for column in columns if can_create(column)]
        self._tenant, self._model = tenant, model
        self._created: list[Created] = []
        for column in self._columns:
            widget_of(column).creates_missing = True

    def make(self, cells: Cells, rejected: Collection[int]) -> None:
        """Create the records that valid rows are waiting for, and make the rows refer to them."""
        self._created = []
        for column in self._columns:
            awaited = {i: want for i, want in widget_of(column).awaited.items() if i not in rejected}
            wanted: dict[Any, Missing] = {}
            for position, (key, name) in awaited.items():
                wanted.setdefault(key, Missing(name, position))
            records = self._make(column, wanted, cells) if wanted else {}
            for position, (key, _) in awaited.items():
                refer(cells, column, position, records[key])

    def settle(self, numbers: Sequence[int]) -> list[Change]:
        """Delete the new records whose rows were not stored, such as duplicates; return the others as changes."""
        if not self._created:
            return []
        needed = set().union(*(self._needed(column) for column in self._columns))
        for column in self._columns:
            idle = [made.record.pk for made in self._created if made.column is column and made.record.pk not in needed]
            if idle:
                delete(widget_of(column).model, idle)
                widget_of(column).forget()
        return [
            Change(numbers[made.position], "create", entity_of(made.record), made.record.pk, name_json(made.record))
            for made in self._created
            if made.record.pk in needed
        ]

    def _make(self, column: Column, wanted: dict[Any, Missing], cells: Cells) -> dict[Any, Any]:
        """Return the records for some keys, creating those that do not exist.

        Retries when a concurrent transaction creates the same record first.
        """
        existing: dict[Any, Any] = {}
        new = retry(partial(self._create, column, wanted, existing, cells), when=is_clash)
        self._created += [Created(wanted[key].position, record, column) for key, record in new.items()]
        for key, record in (existing | new).items():
            widget_of(column).learn(key, (record.pk, record.probability) if is_stage(record) else (record.pk,))
        return existing | new

    def _create(
        self, column: Column, wanted: dict[Any, Missing], existing: dict[Any, Any], cells: Cells
    ) -> dict[Any, Any]:
        """Create the records that are not in ``existing``. After a clash, add those of other transactions to it."""
        new = {key: self._new(key, *want, cells) for key, want in wanted.items() if key not in existing}
        try:
            with transaction.atomic():
                widget_of(column).model._default_manager.bulk_create(self._in_order(new.values()))
        except IntegrityError:
            existing.clear()
            existing.update({key: record for key in wanted if (record := find(key, self._tenant))})
            raise
        return new

    def _new(self, key: Any, name: str, position: int, cells: Cells) -> Any:
        if not isinstance(key, tuple):
            return Company(tenant=self._tenant, name=name)
        given = cells.text("probability")[position] and cells.stored["probability"][position]
        stage = Stage(tenant=self._tenant, pipeline_id=key[0], name=name)
        first = Stage.objects.filter(pipeline=key[0]).order_by("position", "id").first()
        # Not zero, which would mean that the deals in the stage are lost.
        stage.probability = int(given) if given else first.probability if first else 0
        return stage

    def _in_order(self, records: Iterable[Any]) -> list[Any]:
        """Return records; new stages are positioned after the last stage of their pipeline."""
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
        """Return the ids of the new records that another record refers to."""
        ids = [made.record.pk for made in self._created if made.column is column]
        with connection.cursor() as cursor, by_index(cursor):
            table, reference = sql.Identifier(self._model._meta.db_table), sql.Identifier("t", column.stores)
            cursor.execute(NEEDED.format(table=table, reference=reference), [ids])
            return {pk for (pk,) in cursor}


NEEDED = sql.SQL(
    "SELECT id FROM unnest(%s::bigint[]) AS made(id)"
    " WHERE EXISTS (SELECT FROM {table} AS t WHERE {reference} = made.id)"
)


def delete(model: type[models.Model], ids: list[int]) -> None:
    """Delete records that nothing refers to, without the queries Django uses to find out."""
    with connection.cursor() as cursor:
        statement = sql.SQL("DELETE FROM {} WHERE id = ANY(%s)").format(sql.Identifier(model._meta.db_table))
        cursor.execute(statement, [ids])


def refer(cells: Cells, column: Column, position: int, record: Any) -> None:
    """Make a row refer to a record. A deal without a probability gets that of its stage."""
    cells.stored[column.stores][position] = str(record.pk)
    if is_stage(record) and not cells.text("probability")[position]:
        cells.stored["probability"][position] = str(record.probability)


def is_stage(record: models.Model) -> bool:
    """Whether a record is a stage. All others are companies."""
    return isinstance(record, Stage)


def find(key: Any, tenant: Tenant) -> Any:
    """Return the record with a key, or None."""
    if isinstance(key, tuple):
        return Stage.objects.filter(tenant=tenant, pipeline=key[0], name_key=key[1]).first()
    return Company.objects.filter(tenant=tenant, name_key=key).first()


def name_json(record: Any) -> str:
    """Return the changes to store in the row log for a new record."""
    return json.dumps({"name": [None, record.name]})


def entity_of(record: models.Model | type[models.Model]) -> str:
    """Return the entity of a record or a model: companies or stages."""
    return str(record._meta.verbose_name_plural)
