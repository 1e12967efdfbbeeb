"""The three ways to take back what a run did to records: the deleted come back, the changed get back what they had,
the created go. What somebody has been at since is a conflict, and stays."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection, models

from crm.models import Stage
from crm.models.fields import folded_fields
from importexport.db import ANY_TENANT
from importexport.engine.outcome import Change, Outcome, stretches_of
from importexport.models import ImportRun
from importexport.resources import RESOURCES

#: Rows that are undone in one statement.
ROWS_AT_ONCE = 4_000
GOING, BACK, WAS = "rally_going", "rally_back", "rally_was"
EDITED, DELETED, LINKED = "It was edited since.", "It was deleted since.", "Other records refer to it."
TAKEN, ORPHANED = "Another record has its name, e-mail or domain by now.", "What it referred to is no longer there."
#: The records that imports touch, those that others refer to last.
MODELS: dict[str, type[models.Model]] = {name: resource._meta.model for name, resource in RESOURCES.items()} | {
    "stages": Stage
}


class Reverter:
    """Takes back what the run did that ``run`` undoes, an entity at a time, in the current transaction."""

    def __init__(self, run: ImportRun, *, is_plan: bool) -> None:
        assert run.parent
        self.run, self.undone, self._is_plan = run, run.parent, is_plan

    # --- records that were deleted (by an undo) come back ---

    def recreate(self, entity: str) -> Iterator[Outcome]:
        """Bring back the records that the run deleted, each as it was."""
        model = MODELS[entity]
        table = model._meta.db_table
        columns = self.undone.header.get("columns_of", {}).get(entity)
        if not columns:
            return
        names = ", ".join(columns)
        with connection.cursor() as cursor:
            # The table may have got other columns since.
            cursor.execute(
                f"CREATE TEMPORARY TABLE {WAS}_{entity} ON COMMIT DROP AS SELECT {names} FROM {table} LIMIT 0"
            )
        found_again = [
            f"(p.{link.column} IS NULL OR EXISTS"
            f" (SELECT FROM {table_of(link)} AS x WHERE x.id = p.{link.column} FOR KEY SHARE))"
            for link in references_of(model)
        ]
        whole = " AND ".join(found_again) or "true"
        rows = (
            f"(SELECT c.number, c.record, (c.image::{WAS}_{entity}).* FROM importexport_rowchange AS c"
            " WHERE c.id = ANY(%s)) AS p"
        )
        for entries in changes_of(self.undone, entity, "delete"):
            batch = [pk for _, pk, _ in entries]
            with connection.cursor() as cursor:
                cursor.execute(
                    f"INSERT INTO {table} ({names}) SELECT {names} FROM {rows} WHERE {whole}"
                    " ORDER BY number ON CONFLICT DO NOTHING RETURNING id",
                    [batch],
                )
                back = {pk for (pk,) in cursor}
                cursor.execute(
                    f"SELECT number, record, {whole}, EXISTS (SELECT FROM {table} AS t WHERE t.id = p.record)"
                    f" FROM {rows} ORDER BY number",
                    [batch],
                )
                found = cursor.fetchall()
            yield Outcome(
                stretches={"unchanged": stretches_of((n, pk) for n, pk, _, there in found if there and pk not in back)},
                changes=[
                    Change(n, "create", entity, pk, "{}")
                    if pk in back
                    else Change(n, "conflict", entity, pk, "{}", TAKEN if is_whole else ORPHANED)
                    for n, pk, is_whole, there in found
                    if pk in back or not there
                ],
            )

    # --- records that were changed get back what they had ---

    def restore(self, entity: str) -> Iterator[Outcome]:
        """Give back to records what they had in fields that still have what the run gave them."""
        model = MODELS[entity]
        for entries in changes_of(self.undone, entity, "update"):
            batch = [pk for _, pk, _ in entries]
            found: dict[int, Restored] = {}
            waiting = batch
            # A name that one record waits for may be one that another of them gives up.
            while waiting:
                tried = {row.id: row for row in self._try_restoring(model, waiting)}
                found |= tried
                taken = [pk for pk, row in tried.items() if row.note == TAKEN]
                waiting = taken if len(taken) < len(waiting) else []
            rows = sorted(found.values(), key=lambda row: (row.number, row.id))
            same = [(row.number, row.record) for row in rows if row.is_there and row.changes == row.conflicts == "{}"]
            yield Outcome(
                stretches={"unchanged": stretches_of(same)},
                changes=[change for row in rows for change in row.as_changes(entity)],
            )

    def _try_restoring(self, model: type[models.Model], batch: list[int]) -> list["Restored"]:
        table = model._meta.db_table
        with connection.cursor() as cursor, temporary(cursor, BACK):
            types = changed_columns(cursor, model, batch)
            values = ", ".join(f"'{name}', t.{name}" for name in types)
            cursor.execute(COMPARE.format(back=BACK, table=table, values=values), [batch])
            self._reject_taken(cursor, model, types)
            self._reject_orphaned(cursor, model, types)
            cursor.execute(
                f"UPDATE {table} AS t SET"
                f" {', '.join(f'{n} = CASE WHEN b.values ? {n!r} THEN p.{n} ELSE t.{n} END' for n in types)}"
                f" FROM {BACK} AS b CROSS JOIN LATERAL jsonb_to_record(b.values)"
                f" AS p({', '.join(f'{name} {kind}' for name, kind in types.items())})"
                " WHERE t.id = b.record AND b.changes <> '{}'"
            )
            cursor.execute(
                f"SELECT id, number, record, is_there, changes::text, conflicts::text, note FROM {BACK} ORDER BY number"
            )
            return [Restored(*row) for row in cursor]

    def _reject_taken(self, cursor: Any, model: type[models.Model], changed: Collection[str]) -> None:
        """Leave records as they are of which the former name or domain is another's by now."""
        for field in folded_fields(model):
            if field.column not in changed:
                continue
            name, table = field.column, model._meta.db_table
            is_taken = (
                f"b.values->>'{name}' <> '' AND EXISTS (SELECT FROM {table} AS t WHERE t.tenant_id = {ANY_TENANT}"
                f" AND t.{name} <> '' AND t.{name} = b.values->>'{name}' AND t.id <> b.record)"
            )
            cursor.execute(LEAVE.format(back=BACK, condition=is_taken), [TAKEN, self.run.tenant_id])

    def _reject_orphaned(self, cursor: Any, model: type[models.Model], changed: Collection[str]) -> None:
        """Leave records as they are that would refer to something that is no longer there."""
        for field in references_of(model):
            name = field.column
            if name not in changed:
                continue
            is_orphaned = (
                f"b.values->>'{name}' IS NOT NULL AND NOT EXISTS (SELECT FROM {table_of(field)} AS x"
                f" WHERE x.id = (b.values->>'{name}')::bigint FOR KEY SHARE)"
            )
            cursor.execute(LEAVE.format(back=BACK, condition=is_orphaned), [ORPHANED])

    # --- records that were created go ---

    def delete(self, entity: str) -> Iterator[Outcome]:
        """Delete the records that the run created, keeping each as it was; those edited or referred to since stay."""
        model = MODELS[entity]
        table = model._meta.db_table
        edited = "t.updated_at <> t.created_at" if model is not Stage else "false"
        linked = " OR ".join(
            f"EXISTS (SELECT FROM {other} AS x WHERE x.{column} = t.id)" for other, column in links_to(model)
        )
        for going in created_by(self.undone, entity):
            with connection.cursor() as cursor, temporary(cursor, GOING):
                cursor.execute(
                    f"CREATE TEMPORARY TABLE {GOING} ON COMMIT DROP AS SELECT * FROM unnest(%s::bigint[], %s::bigint[])"
                    " AS g(number, record)",
                    [[n for n, _ in going], [pk for _, pk in going]],
                )
                deletion = (
                    f"DELETE FROM {table} AS t USING {GOING} AS g"
                    f" WHERE t.id = g.record AND t.tenant_id = {self.run.tenant_id} "
                    f" AND NOT ({edited}) AND NOT ({linked or 'false'})"
                )
                if self._is_plan:
                    cursor.execute(f"{deletion} RETURNING g.number, t.id")
                else:
                    cursor.execute(
                        f"WITH gone AS ({deletion} RETURNING g.number, t.id, t::text AS was)"
                        " INSERT INTO importexport_rowchange"
                        " (run_id, number, action, entity, record, changes, note, image)"
                        " SELECT %s, number, 'delete', %s, id, '{}', '', was FROM gone RETURNING number, record",
                        [self.run.pk, entity],
                    )
                gone = sorted(cursor.fetchall())
                cursor.execute(
                    f"SELECT g.number, t.id, {edited} FROM {GOING} AS g JOIN {table} AS t ON t.id = g.record ORDER BY 1"
                )
                stayed = cursor.fetchall()
            conflicts = [Change(n, "conflict", entity, pk, "{}", EDITED if odd else LINKED) for n, pk, odd in stayed]
            if entity == self.run.entity:
                yield Outcome(stretches={"delete": stretches_of(gone)}, changes=conflicts)
            else:
                # A page of the row log is of the run's own entity.
                yield Outcome(changes=[*(Change(n, "delete", entity, pk, "{}") for n, pk in gone), *conflicts])


def changes_of(run: ImportRun, entity: str, action: str) -> Iterator[list[tuple[int, int, int]]]:
    """Yield what the row log says of an entity's records, some at a time: row number, id of the entry, record."""
    found = run.changes.filter(entity=entity, action=action).order_by("number", "id")
    last: tuple[int, int] = (-1, -1)
    while batch := list(after(found, last).values_list("number", "id", "record")[:ROWS_AT_ONCE]):
        yield batch
        last = batch[-1][:2]


def created_by(run: ImportRun, entity: str) -> Iterator[list[tuple[int, int]]]:
    """Yield the rows that created records of an entity, and the records, some at a time."""
    if entity == run.entity:
        for page in run.pages.filter(action="create").order_by("first_number").iterator(chunk_size=20):
            yield [row for stretch in page.stretches() for row in stretch.rows()]
    for batch in changes_of(run, entity, "create"):
        yield [(number, record) for number, _, record in batch]


#: What a batch of changes is worth today: ``changes`` that can be taken back, as ``[now, before]`` each, and
#: ``conflicts``, where the record has neither what the import gave it nor what it had. The time of the last change goes
#: back with the record, unless somebody else has changed it since; where nothing else goes back, neither does that.
COMPARE = """
CREATE TEMPORARY TABLE {back} ON COMMIT DROP AS
SELECT c.id, c.number, c.record, t.id IS NOT NULL AS is_there, ''::text AS note, found.conflicts,
    CASE WHEN found.changes - 'updated_at' = '{{}}' THEN '{{}}' WHEN found.changes ? 'updated_at' THEN found.changes
        ELSE found.changes || jsonb_build_object('updated_at', jsonb_build_array(t.updated_at, now())) END AS changes,
    CASE WHEN found.changes ? 'updated_at' THEN found.values
        ELSE found.values || jsonb_build_object('updated_at', now()) END AS values
FROM importexport_rowchange AS c
LEFT JOIN {table} AS t ON t.id = c.record
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
WHERE c.id = ANY(%s)
"""

#: What was to be taken back becomes a conflict.
LEAVE = """
UPDATE {back} AS b SET conflicts = b.conflicts || b.changes, changes = '{{}}', note = %s WHERE {condition}
"""


class Restored(NamedTuple):
    """What became of an update: what was taken back, and what could not be, as JSON."""

    id: int
    number: int
    record: int
    is_there: bool
    changes: str
    conflicts: str
    note: str

    def as_changes(self, entity: str) -> Iterator[Change]:
        """Yield what the row log says of it."""
        if not self.is_there:
            yield Change(self.number, "conflict", entity, self.record, "{}", DELETED)
        elif self.changes != "{}":
            yield Change(self.number, "update", entity, self.record, self.changes)
        if self.is_there and self.conflicts != "{}":
            yield Change(self.number, "conflict", entity, self.record, self.conflicts, self.note or EDITED)


def changed_columns(cursor: Any, model: type[models.Model], batch: list[int]) -> dict[str, str]:
    """Return the columns that entries of the row log have changed, and that the table still has, with their types."""
    cursor.execute("SELECT DISTINCT jsonb_object_keys(changes) FROM importexport_rowchange WHERE id = ANY(%s)", [batch])
    changed = {name for (name,) in cursor} | {"updated_at"}
    fields = [field for field in model._meta.concrete_fields if field.column in changed]
    return {str(field.column): str(field.db_type(connection)) for field in fields}


@contextmanager
def temporary(cursor: Any, name: str) -> Iterator[None]:
    """Drop a temporary table that is made inside."""
    yield
    cursor.execute(f"DROP TABLE {name}")


def after(found: models.QuerySet, last: tuple[int, int]) -> models.QuerySet:
    """Return what comes after a row number and an id."""
    # The first condition says nothing that the second does not, but an index serves it.
    beyond = models.Q(number__gt=last[0]) | models.Q(number=last[0], id__gt=last[1])
    return found.filter(models.Q(number__gte=last[0]) & beyond)


def references_of(model: type[models.Model]) -> list[Any]:
    """Return the columns of a model that refer to other records, save the tenant."""
    return [f for f in model._meta.concrete_fields if isinstance(f, models.ForeignKey) and f.name != "tenant"]


def table_of(field: Any) -> str:
    """Return the table that a reference leads to."""
    return field.related_model._meta.db_table


def links_to(model: type[models.Model]) -> list[tuple[str, str]]:
    """Return the tables, with their columns, that refer to a model."""
    links = [relation.field for relation in model._meta.related_objects]
    return [(field.model._meta.db_table, str(field.column)) for field in links]


def columns_of(model: type[models.Model]) -> list[str]:
    """Return a table's columns in the order in which PostgreSQL writes a row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " ORDER BY attnum",
            [model._meta.db_table],
        )
        return [name for (name,) in cursor]
