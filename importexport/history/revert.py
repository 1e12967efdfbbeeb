"""Reverts what a run did to records: recreates deleted records, restores updated ones and deletes new ones.

Records that have been edited since then are conflicts, and are kept.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from django.db import IntegrityError, connection, models, transaction
from psycopg import sql

from crm.matching_keys import recompute_among
from crm.models import Activity, Pipeline, Stage
from crm.models.fields import folded_fields
from importexport.db import unzipped
from importexport.engine.copy_writer import unique_rules
from importexport.engine.outcome import Change, Outcome, stretches_of
from importexport.history import revert_sql
from importexport.history.revert_sql import Recreation
from importexport.models import ImportRun, RowChange, RowLogPage
from importexport.resources import RESOURCES

#: The number of rows to revert in one statement.
ROWS_AT_ONCE = 4_000
EDITED, DELETED, LINKED = "It has been edited since.", "It has been deleted since.", "Other records refer to it."
TAKEN = "Another record now has its name, e-mail, domain or external id."
LAST = "The default pipeline needs at least one stage."
ORPHANED = "What it referred to no longer exists."
#: The models that imports write to. Those that others refer to come last: stages, and then their pipelines.
MODELS: dict[str, type[models.Model]] = {name: resource._meta.model for name, resource in RESOURCES.items()} | {
    "stages": Stage,
    "pipelines": Pipeline,
}


class Reverter:
    """Reverts the parent of the undo ``run``, one entity at a time, in the current transaction."""

    def __init__(self, run: ImportRun, *, is_plan: bool) -> None:
        assert run.parent
        self.run, self.undone, self._is_plan = run, run.parent, is_plan

    # --- recreate deleted records (the run was an undo) ---

    def recreate(self, entity: str) -> Iterator[Outcome]:
        """Recreate the records that the run deleted, as they were."""
        model = MODELS[entity]
        columns = self.undone.header.get("columns_of", {}).get(entity)
        if not columns:
            return
        statements = Recreation(model, entity=entity, columns=columns, run=self.undone)
        with connection.cursor() as cursor:
            cursor.execute(statements.preparation)
        for entries in changes_of(self.undone, entity, "delete"):
            batch = [pk for _, pk, _ in entries]
            with connection.cursor() as cursor:
                cursor.execute(statements.insertion, [batch])
                back = {pk for (pk,) in cursor}
                recompute_among(model, back, tenant=self.run.tenant_id)
                cursor.execute(statements.outcome, [batch])
                found = cursor.fetchall()
            yield Outcome(
                stretches={"unchanged": stretches_of((n, pk) for n, pk, _, there in found if there and pk not in back)},
                changes=[
                    Change(n, "create", entity, pk, "{}")
                    if pk in back
                    else Change(n, "conflict", entity, pk, "{}", taken(model) if is_whole else ORPHANED)
                    for n, pk, is_whole, there in found
                    if pk in back or not there
                ],
            )

    # --- restore updated records ---

    def restore(self, entity: str) -> Iterator[Outcome]:
        """Restore the former values of fields that still have the values that the run gave them."""
        model = MODELS[entity]
        for entries in changes_of(self.undone, entity, "update"):
            batch = [pk for _, pk, _ in entries]
            found: dict[int, Restored] = {}
            waiting = batch
            # A record may need a key that restoring another record of the batch makes available.
            while waiting:
                tried = {row.id: row for row in self._try_restoring(model, waiting)}
                found |= tried
                again = [pk for pk, row in tried.items() if row.note == taken(model)]
                waiting = again if len(again) < len(waiting) else []
            rows = sorted(found.values(), key=lambda row: (row.number, row.id))
            same = [(row.number, row.record) for row in rows if row.is_there and row.changes == row.conflicts == "{}"]
            yield Outcome(
                stretches={"unchanged": stretches_of(same)},
                changes=[change for row in rows for change in row.as_changes(entity)],
            )

    def _try_restoring(self, model: type[models.Model], batch: list[int]) -> list["Restored"]:
        """Restore a batch. If that violates a constraint, look for taken keys first, and then try smaller batches."""
        for is_wary in (False, True):
            with suppress(IntegrityError), transaction.atomic():
                return self._restore_together(model, batch, is_wary=is_wary)
        if len(batch) == 1:
            return self._restore_together(model, batch, is_wary=True)
        middle = len(batch) // 2
        return [row for part in (batch[:middle], batch[middle:]) for row in self._try_restoring(model, part)]

    def _restore_together(self, model: type[models.Model], batch: list[int], *, is_wary: bool) -> list["Restored"]:
        """Restore a batch in one statement; with ``is_wary``, not the records whose former keys are taken.

        Raises IntegrityError if records would become duplicates.
        """
        with connection.cursor() as cursor, temporary(cursor, revert_sql.BACK):
            types = changed_columns(cursor, model, batch, self.undone)
            cursor.execute(revert_sql.comparison(model, types, self.undone), [batch])
            if is_wary:
                self._reject_taken(cursor, model, types)
            self._reject_orphaned(cursor, model, types)
            cursor.execute(revert_sql.restoration(model, types))
            cursor.execute(revert_sql.FOUND)
            found = [Restored(*row) for row in cursor]
        if any(str(field.column) in types for field in folded_fields(model)):
            # A key follows its source, which may have become a conflict, or the rules of folding have changed since.
            changed = [row.record for row in found if row.changes != "{}"]
            recompute_among(model, changed, tenant=self.run.tenant_id)
        return found

    def _reject_taken(self, cursor: Any, model: type[models.Model], types: Mapping[str, str]) -> None:
        """Mark records as conflicts if another record now has their former name, e-mail, domain or other unique key."""
        for rule in unique_rules(model):
            if columns := revert_sql.unique_columns(model, rule, types):
                cursor.execute(revert_sql.taken_as_conflicts(model, columns, types), [taken(model), self.run.tenant_id])

    def _reject_orphaned(self, cursor: Any, model: type[models.Model], changed: Collection[str]) -> None:
        """Mark records as conflicts if they would refer to a record that no longer exists."""
        for reference in revert_sql.references_of(model):
            if reference.column in changed:
                cursor.execute(revert_sql.orphaned_as_conflicts(reference), [ORPHANED])

    # --- delete new records ---

    def delete(self, entity: str) -> Iterator[Outcome]:
        """Delete the records that the run created, and log them. Keep those that were edited or are referred to."""
        for created in created_by(self.undone, entity):
            found = self._lock(MODELS[entity], created)
            gone = [(row.number, row.record) for row in found if not row.note]
            self._delete(entity, gone)
            conflicts = [
                Change(row.number, "conflict", entity, row.record, "{}", row.note) for row in found if row.note
            ]
            if entity == self.run.entity:
                yield Outcome(stretches={"delete": stretches_of(gone)}, changes=conflicts)
            else:
                # Pages of the row log hold only records of the run's own entity.
                yield Outcome(changes=[*(Change(n, "delete", entity, pk, "{}") for n, pk in gone), *conflicts])

    def _lock(self, model: type[models.Model], created: list[tuple[int, int]]) -> list["Created"]:
        with connection.cursor() as cursor:
            last = (
                last_stages(cursor, [record for _, record in created], self.run.tenant_id) if model is Stage else set()
            )
            cursor.execute(revert_sql.locking(model), [*unzipped(created), self.run.tenant_id])
            return [
                Created(
                    number, record, EDITED if is_edited else LINKED if is_linked else LAST if record in last else ""
                )
                for number, record, is_edited, is_linked in cursor
            ]

    def _delete(self, entity: str, gone: list[tuple[int, int]]) -> None:
        model, (numbers, records) = MODELS[entity], unzipped(gone)
        gone_of: dict[str, Any] = {"numbers": numbers, "records": records, "tenant": self.run.tenant_id}
        with connection.cursor() as cursor:
            if self._is_plan:
                cursor.execute(revert_sql.deletion(model), gone_of)
            else:
                by = {"run": self.run.pk, "month": self.run.month, "entity": entity}
                cursor.execute(revert_sql.kept_deletion(model), gone_of | by)


def taken(model: type[models.Model]) -> str:
    """Return the note for a record whose former unique key another one has now."""
    return "Another activity is the same by now." if model is Activity else TAKEN


def last_stages(cursor: Any, stages: list[int], tenant: int) -> set[int]:
    """Return those of some of a tenant's stages without which a default pipeline would have none; nobody else deletes
    its others until the transaction ends."""
    for statement in (revert_sql.DEFAULTS_LOCKED, revert_sql.LAST_STAGES):
        cursor.execute(statement, {"stages": stages, "tenant": tenant})
    return {stage for (stage,) in cursor}


class Created(NamedTuple):
    """An existing record that the run created, its row, and why it cannot be deleted, or ""."""

    number: int
    record: int
    note: str


def changes_of(run: ImportRun, entity: str, action: str) -> Iterator[list[tuple[int, int, int]]]:
    """Yield batches of a row log's entries for an entity and action, as row number, entry id and record id."""
    found = RowChange.objects.of(run).filter(entity=entity, action=action).order_by("number", "id")
    last: tuple[int, int] = (-1, -1)
    while batch := list(after(found, last).values_list("number", "id", "record")[:ROWS_AT_ONCE]):
        yield batch
        last = batch[-1][:2]


def created_by(run: ImportRun, entity: str) -> Iterator[list[tuple[int, int]]]:
    """Yield batches of the rows that created records of an entity, with the records."""
    if entity == run.entity:
        for page in RowLogPage.objects.of(run).filter(action="create").order_by("first_number").iterator(chunk_size=20):
            yield [row for stretch in page.stretches() for row in stretch.rows()]
    for batch in changes_of(run, entity, "create"):
        yield [(number, record) for number, _, record in batch]


class Restored(NamedTuple):
    """The outcome of restoring an update: the ``changes`` that were reverted and the ``conflicts``, as JSON."""

    id: int
    number: int
    record: int
    is_there: bool
    changes: str
    conflicts: str
    note: str

    def as_changes(self, entity: str) -> Iterator[Change]:
        """Yield the outcome as entries of a row log."""
        if not self.is_there:
            yield Change(self.number, "conflict", entity, self.record, "{}", DELETED)
        elif self.changes != "{}":
            yield Change(self.number, "update", entity, self.record, self.changes)
        if self.is_there and self.conflicts != "{}":
            yield Change(self.number, "conflict", entity, self.record, self.conflicts, self.note or EDITED)


def changed_columns(cursor: Any, model: type[models.Model], batch: list[int], run: ImportRun) -> dict[str, str]:
    """Return the columns that entries of a run's row log changed and that still exist, with their types."""
    cursor.execute(CHANGED, [run.tenant_id, run.month, batch])
    changed = {name for (name,) in cursor} | {"updated_at"}
    fields = [field for field in model._meta.concrete_fields if field.column in changed]
    return {str(field.column): str(field.db_type(connection)) for field in fields}


CHANGED = (
    "SELECT DISTINCT jsonb_object_keys(changes) FROM importexport_rowchange"
    " WHERE tenant_id = (SELECT %s::bigint) AND month = %s AND id = ANY(%s)"
)


@contextmanager
def temporary(cursor: Any, table: sql.Identifier) -> Iterator[None]:
    """Drop a temporary table that is created inside."""
    yield
    cursor.execute(sql.SQL("DROP TABLE {}").format(table))


def after(found: models.QuerySet, last: tuple[int, int]) -> models.QuerySet:
    """Return the entries after a row number and an id."""
    # The first condition is implied by the second, but can use an index.
    beyond = models.Q(number__gt=last[0]) | models.Q(number=last[0], id__gt=last[1])
    return found.filter(models.Q(number__gte=last[0]) & beyond)


def columns_of(model: type[models.Model]) -> list[str]:
    """Return a table's columns in the order of PostgreSQL's row format."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " ORDER BY attnum",
            [model._meta.db_table],
        )
        return [name for (name,) in cursor]
