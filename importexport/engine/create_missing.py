"""Creates the records that valid rows refer to, and deletes them again if no stored row needs them."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from django.db import IntegrityError, connection, models, transaction
from django.db.models import Max
from psycopg import sql

from crm.matching import fold
from crm.models import Company, Pipeline, Stage, Tenant
from crm.models.fields import folded_field
from crm.models.pipeline import DEFAULT_STAGES
from importexport.columns.cells import Cells
from importexport.columns.fields import Column
from importexport.columns.references import can_create, widget_of
from importexport.db import by_index, is_clash, retry
from importexport.engine.outcome import Change

#: Folded names of stages in which a deal is won or lost → the probability of a new stage with that name.
WON_OR_LOST = {"won": 100, "closed won": 100, "lost": 0, "closed lost": 0}
#: The first stage of a new pipeline, if the row names none, and the probability of one for which nothing else says it.
FIRST_STAGE, FIRST_PROBABILITY = next(iter(DEFAULT_STAGES.items()))


#: The external source and id of a record that has none.
NO_ID = ("", "")


class Created(NamedTuple):
    """A record created for a row: the position of the row in the batch, the record, and the column that named it."""

    position: int
    record: Any
    column: Column


class Missing(NamedTuple):
    """A missing record: its name, the position of the first row in the batch that refers to it, the external source and
    id by which a row does, and the domain."""

    name: str
    position: int
    external_id: tuple[str, str] = NO_ID
    domain: str = ""


class MissingRecords:
    """Creates the missing records that the valid rows of a batch refer to.

    ``columns`` are in the order in which they are cleaned: a pipeline is created before its stages. With ``names``,
    only those are created, by column.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        tenant: Tenant,
        model: type[models.Model],
        names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.columns = [c for c in columns if can_create(c) and (names is None or c.column_name in names)]
        self._tenant, self._model = tenant, model
        self._created: list[Created] = []
        for column in self.columns:
            widget_of(column).create_missing(None if names is None else names[column.column_name])

    def make(self, cells: Cells, rejected: Collection[int]) -> None:
        """Create the records that valid rows are waiting for, and make the rows refer to them."""
        self._created = []
        for column in self.columns:
            awaited = {i: want for i, want in widget_of(column).awaited.items() if i not in rejected}
            if widget_of(column).model is Stage:
                awaited = self._with_pipelines(awaited, cells)
            external_ids, domains = widget_of(column).external_ids, widget_of(column).awaited_texts
            for same in (external_ids, by_host(domains)):
                awaited = together(awaited, same) if same else awaited
            wanted: dict[Any, Missing] = {}
            for position, (key, name) in awaited.items():
                first = wanted.setdefault(key, Missing(name, position))
                if first.external_id == NO_ID and position in external_ids:
                    wanted[key] = first._replace(external_id=external_ids[position])
                if not first.domain and position in domains:
                    wanted[key] = wanted[key]._replace(domain=domains[position])
            records = self._make(column, wanted, cells) if wanted else {}
            for position, (key, _) in awaited.items():
                refer(cells, column, position, records[key])

    def _with_pipelines(self, awaited: Mapping[int, tuple], cells: Cells) -> dict[int, tuple]:
        """Return the stages that rows are waiting for, by pipeline and key. Unnamed ones are the pipeline's first."""
        first: dict[int, tuple[str, str]] = {}
        found = {}
        for position, (key, name) in awaited.items():
            pipeline = int(cells.stored["pipeline_id"][position] or 0)
            if pipeline not in first:
                stage = first_stage(pipeline, self._tenant)
                first[pipeline] = (stage.name_key, stage.name) if stage else (key, name) if key else FIRST
            own = (key, name) if key else first[pipeline]
            found[position] = ((pipeline, own[0]), own[1])
        return found

    def settle(self, numbers: Sequence[int]) -> list[Change]:
        """Delete the new records whose rows were not stored, such as duplicates; return the others as changes."""
        if not self._created:
            return []
        needed = {(column, pk) for column in self.columns for pk in self._needed(column)}
        idle = [made for made in self._created if (made.column, made.record.pk) not in needed]
        # Stages before their pipelines.
        for column in reversed(self.columns):
            if ids := [made.record.pk for made in idle if made.column is column]:
                delete(widget_of(column).model, ids, self._tenant)
                self._forget()
        return [
            Change(numbers[made.position], "create", entity_of(made.record), made.record.pk, name_json(made.record))
            for made in self._created
            if (made.column, made.record.pk) in needed
        ]

    def _make(self, column: Column, wanted: dict[Any, Missing], cells: Cells) -> dict[Any, Any]:
        """Return the records for some keys, creating those that do not exist.

        Retries when a concurrent transaction creates the same record first.
        """
        existing: dict[Any, Any] = {}
        new = retry(partial(self._create, column, wanted, existing, cells), when=is_clash)
        self._created += [Created(wanted[key].position, record, column) for key, record in new.items()]
        if widget_of(column).model is Pipeline:
            self._forget()
        for key, record in (existing | new).items():
            widget_of(column).learn(key, (record.pk, record.probability) if is_stage(record) else (record.pk,))
        return existing | new

    def _forget(self) -> None:
        for column in self.columns:
            widget_of(column).forget()

    def _create(
        self, column: Column, wanted: dict[Any, Missing], existing: dict[Any, Any], cells: Cells
    ) -> dict[Any, Any]:
        """Create the records that are not in ``existing``. After a clash, add those of other transactions to it."""
        model = widget_of(column).model
        new = {key: self._new(model, key, want, cells) for key, want in wanted.items() if key not in existing}
        try:
            with transaction.atomic():
                model._default_manager.bulk_create(self._in_order(new.values()))
        except IntegrityError:
            existing.clear()
            existing.update({key: record for key in wanted if (record := find(model, key, self._tenant))})
            raise
        return new

    def _new(self, model: type[models.Model], key: Any, want: Missing, cells: Cells) -> Any:
        if model is Pipeline:
            return Pipeline(tenant=self._tenant, name=want.name)
        if model is Company:
            source, number = want.external_id
            ids = {"external_source": source, "external_id": number}
            return Company(tenant=self._tenant, name=want.name, domain=want.domain, **ids)
        pipeline, folded = key
        given = cells.text("probability")[want.position] and cells.stored["probability"][want.position]
        stage = Stage(tenant=self._tenant, pipeline_id=pipeline, name=want.name)
        first = first_stage(pipeline, self._tenant)
        # Not zero, which would mean that the deals in the stage are lost.
        otherwise = int(given) if given else first.probability if first else FIRST_PROBABILITY
        stage.probability = WON_OR_LOST.get(folded, otherwise)
        return stage

    def _in_order(self, records: Iterable[Any]) -> list[Any]:
        """Return records; new stages are positioned after the last stage of their pipeline."""
        new = list(records)
        last: Counter[int] = Counter()
        for stage in filter(is_stage, new):
            if stage.pipeline_id not in last:
                others = Stage.objects.filter(tenant=self._tenant, pipeline=stage.pipeline_id)
                highest = others.aggregate(last=Max("position"))["last"]
                last[stage.pipeline_id] = -1 if highest is None else highest
            last[stage.pipeline_id] += 1
            stage.position = last[stage.pipeline_id]
        return new

    def _needed(self, column: Column) -> set[int]:
        """Return the ids of the new records that another record refers to."""
        ids = [made.record.pk for made in self._created if made.column is column]
        with connection.cursor() as cursor, by_index(cursor):
            table, reference = sql.Identifier(self._model._meta.db_table), sql.Identifier("t", column.stores)
            cursor.execute(NEEDED.format(table=table, reference=reference), [self._tenant.pk, ids])
            return {pk for (pk,) in cursor}


FIRST = (fold(FIRST_STAGE), FIRST_STAGE)

#: By "=" the tenant would be a way to the records by itself to PostgreSQL (see revert_sql.DELETE).
NEEDED = sql.SQL(
    "SELECT id FROM (SELECT id, %s::bigint AS tenant_id FROM unnest(%s::bigint[]) AS ids(id) OFFSET 0) AS made"
    " WHERE EXISTS (SELECT FROM {table} AS t WHERE t.tenant_id = made.tenant_id AND {reference} = made.id)"
)
DELETE = sql.SQL("DELETE FROM {} WHERE id = ANY(%s) AND tenant_id IS NOT DISTINCT FROM %s::bigint")


def together(awaited: Mapping[int, tuple], same: Mapping[int, Any]) -> dict[int, tuple]:
    """Return the records that rows are waiting for; rows with the same external id, or the same host, wait for the same
    one, by any name."""
    first: dict[Any, tuple] = {}
    return {
        position: first.setdefault(same[position], want) if position in same else want
        for position, want in awaited.items()
    }


def by_host(domains: Mapping[int, str]) -> dict[int, str]:
    """Return domains as they are matched, without those that name no host."""
    hosts = folded_field(Company, "domain_key").fold_column([*domains.values()])
    return {position: host for position, host in zip(domains, hosts, strict=True) if host}


def delete(model: type[models.Model], ids: list[int], tenant: Tenant) -> None:
    """Delete a tenant's records that nothing refers to, without the queries Django uses to find out."""
    with connection.cursor() as cursor:
        cursor.execute(DELETE.format(sql.Identifier(model._meta.db_table)), [ids, tenant.pk])


def refer(cells: Cells, column: Column, position: int, record: Any) -> None:
    """Make a row refer to a record. A deal without a probability gets that of its stage."""
    cells.stored[column.stores][position] = str(record.pk)
    if is_stage(record) and not cells.text("probability")[position]:
        cells.stored["probability"][position] = str(record.probability)


def first_stage(pipeline: int, tenant: Tenant) -> Stage | None:
    """Return the first stage of a tenant's pipeline."""
    return Stage.objects.filter(tenant=tenant, pipeline=pipeline).order_by("position", "id").first()


def is_stage(record: models.Model) -> bool:
    """Whether a record is a stage, not a pipeline or a company."""
    return isinstance(record, Stage)


def find(model: type[models.Model], key: Any, tenant: Tenant) -> Any:
    """Return the record with a key, or None."""
    where = {"pipeline": key[0], "name_key": key[1]} if model is Stage else {"name_key": key}
    return model._default_manager.filter(tenant=tenant, **where).first()


def name_json(record: Any) -> str:
    """Return the changes to store in the row log for a new record."""
    return json.dumps({"name": [None, record.name]})


def entity_of(record: models.Model | type[models.Model]) -> str:
    """Return the entity of a record or a model: companies, stages or pipelines."""
    return str(record._meta.verbose_name_plural)
