"""The statements that revert what a run did to records.

Those that read the row log name the month of the run, which is the partition.

In these statements, ``c`` is an entry of the row log, ``t`` a record, and ``b`` a row of the temporary table of records
to restore.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db import models
from psycopg import sql

from crm.models import Pipeline, Stage
from importexport.db import ANY_TENANT, any_tenant, identifiers
from importexport.engine.copy_writer import text_column
from importexport.models import ImportRun

BACK = sql.Identifier("rally_back")


def table_of(model: type[models.Model]) -> sql.Identifier:
    """Return a model's table."""
    return sql.Identifier(model._meta.db_table)


def references_of(model: type[models.Model]) -> list[Any]:
    """Return a model's foreign keys, except the one to the tenant."""
    return [f for f in model._meta.concrete_fields if isinstance(f, models.ForeignKey) and f.name != "tenant"]


def generated_columns(model: type[models.Model]) -> set[str]:
    """Return the columns that the database fills."""
    return {str(field.column) for field in model._meta.concrete_fields if field.generated}


# --- recreate deleted records ------------------------------------------------------------------------


class Recreation:
    """The statements that recreate records that a run deleted; ``columns`` are the table's columns at the time, in
    order."""

    def __init__(self, model: type[models.Model], *, entity: str, columns: Collection[str], run: ImportRun) -> None:
        self._parts = {
            "tenant": any_tenant(run.tenant_id),
            "month": sql.Literal(run.month),
            "table": table_of(model),
            "names": identifiers(columns),
            "stored": identifiers(set(columns).difference(generated_columns(model))),
            "was": sql.Identifier(f"rally_was_{entity}"),
            "whole": all_of(map(target_exists, references_of(model))),
        }

    @property
    def preparation(self) -> sql.Composed:
        """The temporary table with the former columns, which may have changed since."""
        return CREATE_WAS.format(**self._parts)

    @property
    def insertion(self) -> sql.Composed:
        """The statement that inserts the records of some entries of the row log, given by id, and returns their ids."""
        return RECREATE.format(rows=KEPT.format(**self._parts), **self._parts)

    @property
    def outcome(self) -> sql.Composed:
        """The outcome for each record: row number, id, whether its references exist, and whether it exists itself."""
        return RECREATED.format(rows=KEPT.format(**self._parts), **self._parts)


def target_exists(reference: models.ForeignKey) -> sql.Composed:
    """Return the condition that the target of a reference still exists."""
    return TARGET_EXISTS.format(
        own=sql.Identifier("p", str(reference.column)),
        other=table_of(reference.related_model),
    )


CREATE_WAS = sql.SQL("CREATE TEMPORARY TABLE {was} ON COMMIT DROP AS SELECT {names} FROM {table} LIMIT 0")
TARGET_EXISTS = sql.SQL(
    "({own} IS NULL OR EXISTS"
    " (SELECT FROM {other} AS x WHERE x.tenant_id = p.tenant_id AND x.id = {own} FOR KEY SHARE))"
)
KEPT = sql.SQL(
    "(SELECT c.number, c.record, (c.image::{was}).* FROM importexport_rowchange AS c"
    " WHERE c.tenant_id = {tenant} AND c.month = {month} AND c.id = ANY(%s)) AS p"
)
RECREATE = sql.SQL(
    "INSERT INTO {table} ({stored}) SELECT {stored} FROM {rows} WHERE {whole}"
    " ORDER BY number ON CONFLICT DO NOTHING RETURNING id"
)
RECREATED = sql.SQL(
    "SELECT number, record, {whole},"
    " EXISTS (SELECT FROM {table} AS t WHERE t.tenant_id = p.tenant_id AND t.id = p.record) FROM {rows} ORDER BY number"
)


# --- restore updated records --------------------------------------------------------------


def comparison(model: type[models.Model], columns: Iterable[str], run: ImportRun) -> sql.Composed:
    """Return the statement that compares a batch of a run's changes, given by id, with the current records."""
    values = (sql.SQL("{}, {}").format(sql.Literal(name), sql.Identifier("t", name)) for name in columns)
    return COMPARE.format(
        back=BACK,
        table=table_of(model),
        values=sql.SQL(", ").join(values),
        tenant=any_tenant(run.tenant_id),
        month=sql.Literal(run.month),
    )


def restoration(model: type[models.Model], types: Mapping[str, str]) -> sql.Composed:
    """Return the statement that restores records; ``types`` has the types of the changed columns."""
    return RESTORE.format(
        table=table_of(model),
        back=BACK,
        values=sql.SQL(", ").join(RESTORED.format(sql.Identifier(name), sql.Literal(name)) for name in types),
        types=sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(n), sql.SQL(t)) for n, t in types.items()),
    )


def unique_columns(model: type[models.Model], rule: models.UniqueConstraint, changed: Collection[str]) -> list[str]:
    """Return the columns of a unique constraint, except the tenant's; none if none of them has changed."""
    columns = [text_column(model._meta.get_field(name)) for name in rule.fields if name != "tenant"]
    return columns if set(columns).intersection(changed) else []


def taken_as_conflicts(model: type[models.Model], columns: Sequence[str], types: Mapping[str, str]) -> sql.Composed:
    """Return the statement that marks records as conflicts if another record now has their former unique key."""
    is_taken = TAKEN.format(
        table=table_of(model),
        tenant=ANY_TENANT,
        key=sql.Identifier("t", columns[0]),
        value=restored(columns[0], types),
        same=all_of(SAME.format(sql.Identifier("t", name), restored(name, types)) for name in columns[1:]),
    )
    return MARK_CONFLICTS.format(back=BACK, condition=is_taken)


def restored(column: str, types: Mapping[str, str]) -> sql.Composable:
    """Return the value of a column after the restoration."""
    if column not in types:
        return sql.Identifier("o", column)
    return CASE_RESTORED.format(
        sql.Literal(column), before(column), sql.SQL(types[column]), sql.Identifier("o", column)
    )


def orphaned_as_conflicts(reference: models.ForeignKey) -> sql.Composed:
    """Return the statement that marks records as conflicts if they would refer to a deleted record."""
    other = table_of(reference.related_model)
    is_orphaned = ORPHANED.format(before=before(str(reference.column)), other=other)
    return MARK_CONFLICTS.format(back=BACK, condition=is_orphaned)


def before(column: str) -> sql.Composed:
    """Return the former value of a column, as text."""
    return sql.SQL("(b.values->>{})").format(sql.Literal(column))


#: Compares a batch of changes with the current records: ``changes`` can be reverted, as ``[current, former]`` values;
#: ``conflicts`` cannot, because the current value is neither that of the import nor the former one. ``updated_at`` is
#: restored as well, unless the record has been edited since or nothing else changes.
COMPARE = sql.SQL("""
CREATE TEMPORARY TABLE {back} ON COMMIT DROP AS
SELECT c.tenant_id, c.id, c.number, c.record, t.id IS NOT NULL AS is_there, ''::text AS note, found.conflicts,
    CASE WHEN found.changes - 'updated_at' = '{{}}' THEN '{{}}' WHEN found.changes ? 'updated_at' THEN found.changes
        ELSE found.changes || jsonb_build_object('updated_at', jsonb_build_array(t.updated_at, now())) END AS changes,
    CASE WHEN found.changes ? 'updated_at' THEN found.values
        ELSE found.values || jsonb_build_object('updated_at', now()) END AS values
FROM importexport_rowchange AS c
LEFT JOIN {table} AS t ON t.tenant_id = c.tenant_id AND t.id = c.record
CROSS JOIN LATERAL (SELECT CASE WHEN t.id IS NOT NULL THEN jsonb_build_object({values}) END AS has OFFSET 0) AS now
CROSS JOIN LATERAL (
    SELECT
        coalesce(jsonb_object_agg(d.key, jsonb_build_array(d.value->1, d.value->0) || CASE
            WHEN jsonb_array_length(d.value) = 4 THEN jsonb_build_array(d.value->3, d.value->2) ELSE '[]' END)
            FILTER (WHERE d.has = d.value->1 AND d.value->0 <> d.value->1), '{{}}') AS changes,
        coalesce(jsonb_object_agg(d.key, jsonb_build_array(d.has, d.value->0))
            FILTER (WHERE d.has <> d.value->1 AND d.has <> d.value->0 AND d.key <> 'updated_at'), '{{}}') AS conflicts,
        coalesce(jsonb_object_agg(d.key, d.value->0) FILTER (WHERE d.has = d.value->1), '{{}}') AS values
    FROM (SELECT key, value, now.has->key AS has FROM jsonb_each(c.changes)) AS d
) AS found
WHERE c.tenant_id = {tenant} AND c.month = {month} AND c.id = ANY(%s)
""")

RESTORE = sql.SQL(
    "UPDATE {table} AS t SET {values} FROM {back} AS b CROSS JOIN LATERAL jsonb_to_record(b.values) AS p({types})"
    " WHERE t.tenant_id = b.tenant_id AND t.id = b.record AND b.changes <> '{{}}'"
)
RESTORED = sql.SQL("{0} = CASE WHEN b.values ? {1} THEN p.{0} ELSE t.{0} END")
#: Turns the changes of some records into conflicts with a note.
MARK_CONFLICTS = sql.SQL(
    "UPDATE {back} AS b SET conflicts = b.conflicts || b.changes, changes = '{{}}', note = %s WHERE {condition}"
)
TAKEN = sql.SQL(
    "b.changes <> '{{}}' AND EXISTS (SELECT FROM {table} AS o JOIN {table} AS t ON t.tenant_id = {tenant}"
    " AND {key} <> '' AND {key} = {value} AND t.id <> o.id AND {same}"
    " WHERE o.tenant_id = b.tenant_id AND o.id = b.record)"
)
SAME = sql.SQL("{} IS NOT DISTINCT FROM {}")
CASE_RESTORED = sql.SQL("CASE WHEN b.values ? {} THEN {}::{} ELSE {} END")
ORPHANED = sql.SQL(
    "{before} IS NOT NULL AND NOT EXISTS"
    " (SELECT FROM {other} AS x WHERE x.tenant_id = b.tenant_id AND x.id = {before}::bigint FOR KEY SHARE)"
)
FOUND = sql.SQL(
    "SELECT id, number, record, is_there, changes::text, conflicts::text, note FROM {} ORDER BY number"
).format(BACK)


# --- delete new records --------------------------------------------------------------------------------------


def locking(model: type[models.Model]) -> sql.Composed:
    """Return the statement that locks a tenant's records, given as row numbers and ids.

    It returns the row number, the id, and whether the record has been edited or referred to since its import. The
    records are looked up one by one: with an ordinary join, PostgreSQL would start from the tenant's unedited records,
    whose number it underestimates, and compare all of them with each batch.
    """
    return LOCK.format(
        table=table_of(model),
        tenant=ANY_TENANT,
        edited=EDITED.get(model, sql.SQL("t.updated_at <> t.created_at")),
        linked=any_of(is_linked(relation.field) for relation in model._meta.related_objects),
    )


def deletion(model: type[models.Model]) -> sql.Composed:
    """Return the statement that deletes a tenant's records by id."""
    return DELETE.format(table=table_of(model))


def kept_deletion(model: type[models.Model]) -> sql.Composed:
    """Return the statement that deletes a tenant's records, given as row numbers and ids, and saves them in a run's row
    log."""
    return DELETE_AND_KEEP.format(table=table_of(model))


def is_linked(reference: Any) -> sql.Composed:
    """Return the condition that a foreign key refers to a record."""
    return sql.SQL("EXISTS (SELECT FROM {} AS x WHERE x.tenant_id = t.tenant_id AND {} = t.id)").format(
        table_of(reference.model), sql.Identifier("x", reference.column)
    )


#: Whether a record without a time of its last change must be kept.
EDITED: dict[type[models.Model], sql.SQL] = {Stage: sql.SQL("false"), Pipeline: sql.SQL("t.is_default")}
LOCK = sql.SQL(
    "SELECT g.number, held.* FROM unnest(%s::bigint[], %s::bigint[]) AS g(number, record)"
    " CROSS JOIN LATERAL (SELECT t.id, {edited}, {linked} FROM {table} AS t"
    " WHERE t.id = g.record AND t.tenant_id = {tenant} LIMIT 1 FOR UPDATE) AS held ORDER BY 1, 2"
)
DEFAULTS_LOCKED = sql.SQL(
    "SELECT FROM crm_pipeline WHERE tenant_id = %(tenant)s AND is_default AND id IN"
    " (SELECT pipeline_id FROM crm_stage WHERE tenant_id = %(tenant)s AND id = ANY(%(stages)s))"
    " ORDER BY id FOR NO KEY UPDATE"
)
#: Of stages to be deleted, the first of a default pipeline that has no others: none that stays, with or without deals.
LAST_STAGES = sql.SQL("""
SELECT t.id FROM crm_stage AS t
JOIN crm_pipeline AS p ON p.tenant_id = t.tenant_id AND p.id = t.pipeline_id AND p.is_default
WHERE t.tenant_id = %(tenant)s AND t.id = ANY(%(stages)s) AND NOT EXISTS (
    SELECT FROM crm_stage AS o
    WHERE o.tenant_id = t.tenant_id AND o.pipeline_id = t.pipeline_id AND o.id <> t.id AND (
        o.id <> ALL(%(stages)s) OR (o.position, o.id) < (t.position, t.id)
        OR EXISTS (SELECT FROM crm_deal AS d WHERE d.tenant_id = o.tenant_id AND d.stage_id = o.id)))
""")
#: No index serves IS NOT DISTINCT FROM: by "=" the tenant would be a way to the records by itself to PostgreSQL, and
#: where it expects few, all of them would be read for each batch.
DELETE = sql.SQL(
    "DELETE FROM {table} WHERE id = ANY(%(records)s) AND tenant_id IS NOT DISTINCT FROM %(tenant)s::bigint"
)
#: In a join, the tenant has to be one of the values of a row, by OFFSET 0, for the same reason.
DELETE_AND_KEEP = sql.SQL(
    "WITH gone AS (DELETE FROM {table} AS t"
    " USING (SELECT number, record, %(tenant)s::bigint AS tenant_id"
    " FROM unnest(%(numbers)s::bigint[], %(records)s::bigint[]) AS pairs(number, record) OFFSET 0) AS g"
    " WHERE t.tenant_id = g.tenant_id AND t.id = g.record"
    " RETURNING g.number, t.id, t::text AS was)"
    " INSERT INTO importexport_rowchange"
    " (tenant_id, run_id, month, number, action, entity, record, changes, note, image)"
    " SELECT %(tenant)s, %(run)s, %(month)s, number, 'delete', %(entity)s, id, '{{}}', '', was FROM gone"
)


def all_of(conditions: Iterable[sql.Composable]) -> sql.Composed:
    """Return the conjunction of some conditions."""
    return sql.SQL(" AND ").join([sql.SQL("true"), *conditions])


def any_of(conditions: Iterable[sql.Composable]) -> sql.Composed:
    """Return the disjunction of some conditions."""
    return sql.SQL(" OR ").join([sql.SQL("false"), *conditions])
