"""Recomputes stored matching keys after folding has changed, and finds records whose new keys would not be unique."""

import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from django.db import IntegrityError, connection, models, transaction
from psycopg import sql

from crm.models.fields import Folded, folded_fields

#: The number of records to read, and the maximum number to write, at once.
RECORDS_AT_ONCE = 5_000


class Outdated(NamedTuple):
    """A record whose stored matching key is outdated."""

    id: int
    tenant: int
    value: str
    key: str | None


def recompute(model: type[models.Model]) -> int:
    """Recompute the matching keys of a model's records.

    Returns the number of keys that remain unchanged because another record has the new key. Each batch is a transaction
    unless the caller has one, so this can be interrupted and restarted.
    """
    return sum(_write(model, field, batch) for field in folded_fields(model) for batch in outdated(model, field))


def recompute_among(model: type[models.Model], ids: Collection[int], *, tenant: int) -> None:
    """Recompute the matching keys of some of a tenant's records, given by id, as far as no other record has them."""
    for field in folded_fields(model):
        with connection.cursor() as cursor:
            cursor.execute(_statement(AMONG, model, field), [tenant, list(ids)])
            found = cursor.fetchall()
        _write(model, field, _changed(field, found))


def outdated(model: type[models.Model], field: Folded) -> Iterator[list[Outdated]]:
    """Yield the records whose stored key is outdated, in batches ordered by id."""
    last = 0
    records = model._base_manager.order_by("pk").values_list("pk", "tenant", field.source, field.name)
    while batch := list(records.filter(pk__gt=last)[:RECORDS_AT_ONCE]):
        yield _changed(field, batch)
        last = batch[-1][0]


def _changed(field: Folded, records: Sequence[tuple]) -> list[Outdated]:
    """Return those of some records whose key is outdated; each has its id, its tenant, the value and the stored key."""
    keys = field.key_column([value for _, _, value, _ in records])
    found = zip(records, keys, strict=True)
    return [Outdated(pk, tenant, value, key) for (pk, tenant, value, old), key in found if key != old]


def _write(model: type[models.Model], field: Folded, records: list[Outdated]) -> int:
    """Store the keys; return the number that cannot be stored. Of two records, the first gets the key."""
    if not records:
        return 0
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            columns = map(list, zip(*records, strict=True))
            cursor.execute(_statement(UPDATE, model, field), [*columns, records[0].id, records[-1].id])
    except IntegrityError:
        half = len(records) // 2
        return _write(model, field, records[:half]) + _write(model, field, records[half:]) if half else 1
    return 0


def _statement(template: sql.SQL, model: type[models.Model], field: Folded) -> sql.Composed:
    return template.format(
        table=sql.Identifier(model._meta.db_table),
        key=sql.Identifier(str(field.column)),
        source=sql.Identifier(str(model._meta.get_field(field.source).column)),  # type: ignore[union-attr]
    )


#: The range of ids lets PostgreSQL use their index. A value that has been changed in the meantime already has its key.
UPDATE = sql.SQL(
    "UPDATE {table} AS t SET {key} = new.key"
    " FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[]) AS new(id, tenant_id, value, key)"
    " WHERE t.id BETWEEN %s AND %s AND t.tenant_id = new.tenant_id AND t.id = new.id AND t.{source} = new.value"
)
#: OFFSET 0 makes the tenant one of the values of a row to PostgreSQL, and not a way to the records by itself.
AMONG = sql.SQL(
    "SELECT t.id, t.tenant_id, t.{source}, t.{key}"
    " FROM (SELECT id, %s::bigint AS tenant_id FROM unnest(%s::bigint[]) AS ids(id) OFFSET 0) AS m"
    " JOIN {table} AS t ON t.tenant_id = m.tenant_id AND t.id = m.id ORDER BY t.id"
)


# --- records whose keys are taken -----------------------------------------------------------------------------


class Taken(NamedTuple):
    """A record that keeps an outdated matching key, and the id of the record that has the new key, or None."""

    tenant: str
    entity: str
    id: int
    field: str
    value: str
    taken_by: int | None


def taken_keys(model: type[models.Model]) -> Iterator[Taken]:
    """Yield the records of a model that keep an outdated key, ordered by id."""
    for field in folded_fields(model):
        for batch in outdated(model, field):
            yield from _described(model, field, batch)


def _described(model: type[models.Model], field: Folded, batch: Iterable[Outdated]) -> Iterator[Taken]:
    by_id = {record.id: record for record in batch}
    for record in model._base_manager.select_related("tenant").filter(pk__in=by_id).order_by("pk"):
        _, _, value, key = by_id[record.pk]
        holder = holder_of(record, field, key)
        entity = str(model._meta.verbose_name_plural)
        yield Taken(record.tenant.slug, entity, record.pk, field.source, value, holder)  # type: ignore[attr-defined]


def holder_of(record: models.Model, field: Folded, key: str | None) -> int | None:
    """Return the id of the other record that has a matching key, or None."""
    for rule in record._meta.constraints:
        if isinstance(rule, models.UniqueConstraint) and field.name in rule.fields:
            wanted = {name: getattr(record, name) for name in rule.fields} | {field.name: key}
            others = type(record)._base_manager.filter(*map(_is, wanted.items())).exclude(pk=record.pk)
            return others.values_list("pk", flat=True).first()
    return None


def _is(wanted: tuple[str, Any]) -> models.Q:
    name, value = wanted
    return models.Q(**{f"{name}__isnull": True} if value is None else {name: value})


# --- migrations -----------------------------------------------------------------------------------------------


def tell_outdated(*, apps: Any = None, plan: Any = (), verbosity: int, stdout: Any = None, **_: Any) -> None:
    """Print how many records kept an outdated key in this app's migrations that have just run (a signal handler)."""
    if not verbosity or not any(migration.app_label == "crm" and not is_undone for migration, is_undone in plan):
        return
    count = sum(
        len(batch)
        for model in apps.get_app_config("crm").get_models()
        for field in folded_fields(model)
        for batch in outdated(model, field)
    )
    if count:
        kept = "1 record keeps its" if count == 1 else f"{count:,} records keep their"
        sentence = f"{kept} old matching key, because another record has the new one: see manage.py check_keys."
        (stdout or sys.stdout).write(f"  {sentence}\n")
