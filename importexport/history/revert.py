"""The three ways to revert what a run did to records: deleted records are recreated, changed ones restored, created
ones deleted. What somebody has edited since is a conflict, and stays."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection, models
from psycopg import sql

from crm.matching_keys import recompute
from crm.models import Stage
from crm.models.fields import folded_fields
from importexport.db import unzipped
from importexport.engine.outcome import Change, Outcome, stretches_of
from importexport.history import revert_sql
from importexport.history.revert_sql import Recreation
from importexport.models import ImportRun
from importexport.resources import RESOURCES

#: Rows that are undone in one statement.
ROWS_AT_ONCE = 4_000
EDITED, DELETED, LINKED = "It was edited since.", "It was deleted since.", "Other records refer to it."
TAKEN, ORPHANED = "Another record has its name, e-mail or domain by now.", "What it referred to is no longer there."
#: The models that imports write to, those that others refer to last.
MODELS: dict[str, type[models.Model]] = {name: resource._meta.model for name, resource in RESOURCES.items()} | {
    "stages": Stage
}


class Reverter:
    """Reverts what the parent of the undo ``run`` did, one entity at a time, in the current transaction."""

    def __init__(self, run: ImportRun, *, is_plan: bool) -> None:
        assert run.parent
        self.run, self.undone, self._is_plan = run, run.parent, is_plan

    # --- deleted records (the run was an undo) are recreated ---

    def recreate(self, entity: str) -> Iterator[Outcome]:
        """Recreate the records that the run deleted, as they were."""
        model = MODELS[entity]
        columns = self.undone.header.get("columns_of", {}).get(entity)
        if not columns:
            return
        statements = Recreation(model, entity=entity, columns=columns)
        with connection.cursor() as cursor:
            cursor.execute(statements.preparation)
        for entries in changes_of(self.undone, entity, "delete"):
            batch = [pk for _, pk, _ in entries]
            with connection.cursor() as cursor:
                cursor.execute(statements.insertion, [batch])
                back = {pk for (pk,) in cursor}
                recompute(model, back)
                cursor.execute(statements.outcome, [batch])
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

    # --- changed records are restored ---

    def restore(self, entity: str) -> Iterator[Outcome]:
        """Restore the former values of fields that still have the values that the run gave them."""
        model = MODELS[entity]
        for entries in changes_of(self.undone, entity, "update"):
            batch = [pk for _, pk, _ in entries]
            found: dict[int, Restored] = {}
            waiting = batch
            # A record may need a key that another one of the batch frees.
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
        with connection.cursor() as cursor, temporary(cursor, revert_sql.BACK):
            types = changed_columns(cursor, model, batch)
            cursor.execute(revert_sql.comparison(model, types), [batch])
            self._reject_taken(cursor, model, types)
            self._reject_orphaned(cursor, model, types)
            cursor.execute(revert_sql.restoration(model, types))
            cursor.execute(revert_sql.FOUND)
            found = [Restored(*row) for row in cursor]
        if any(str(field.column) in types for field in folded_fields(model)):
            # A key follows its source, which may have become a conflict, or the rules of folding have changed since.
            recompute(model, [row.record for row in found if row.changes != "{}"])
        return found

    def _reject_taken(self, cursor: Any, model: type[models.Model], changed: Collection[str]) -> None:
        """Leave records as they are whose former name, e-mail or domain another record has by now."""
        for column in (str(field.column) for field in folded_fields(model)):
            if column in changed:
                cursor.execute(revert_sql.leaving_taken(model, column), [TAKEN, self.run.tenant_id])

    def _reject_orphaned(self, cursor: Any, model: type[models.Model], changed: Collection[str]) -> None:
        """Leave records as they are that would refer to something that does not exist any more."""
        for reference in revert_sql.references_of(model):
            if reference.column in changed:
                cursor.execute(revert_sql.leaving_orphaned(reference), [ORPHANED])

    # --- created records are deleted ---

    def delete(self, entity: str) -> Iterator[Outcome]:
        """Delete the records that the run created, and log each as it was; those edited or referred to since stay."""
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
            cursor.execute(revert_sql.locking(model), [*unzipped(created), self.run.tenant_id])
            return [
                Created(number, record, EDITED if is_edited else LINKED if is_linked else "")
                for number, record, is_edited, is_linked in cursor
            ]

    def _delete(self, entity: str, gone: list[tuple[int, int]]) -> None:
        model, (numbers, records) = MODELS[entity], unzipped(gone)
        with connection.cursor() as cursor:
            if self._is_plan:
                cursor.execute(revert_sql.deletion(model), [records])
            else:
                cursor.execute(revert_sql.kept_deletion(model), [numbers, records, self.run.pk, entity])


class Created(NamedTuple):
    """A record that the run created and that still exists, with its row, and why it has to stay or ""."""

    number: int
    record: int
    note: str


def changes_of(run: ImportRun, entity: str, action: str) -> Iterator[list[tuple[int, int, int]]]:
    """Yield batches of a row log's entries for an entity and action: row number, id of the entry, record."""
    found = run.changes.filter(entity=entity, action=action).order_by("number", "id")
    last: tuple[int, int] = (-1, -1)
    while batch := list(after(found, last).values_list("number", "id", "record")[:ROWS_AT_ONCE]):
        yield batch
        last = batch[-1][:2]


def created_by(run: ImportRun, entity: str) -> Iterator[list[tuple[int, int]]]:
    """Yield batches of the rows that created records of an entity, with the records."""
    if entity == run.entity:
        for page in run.pages.filter(action="create").order_by("first_number").iterator(chunk_size=20):
            yield [row for stretch in page.stretches() for row in stretch.rows()]
    for batch in changes_of(run, entity, "create"):
        yield [(number, record) for number, _, record in batch]


class Restored(NamedTuple):
    """What became of an update: the ``changes`` that were reverted and the ``conflicts``, as JSON."""

    id: int
    number: int
    record: int
    is_there: bool
    changes: str
    conflicts: str
    note: str

    def as_changes(self, entity: str) -> Iterator[Change]:
        """Yield it as entries of a row log."""
        if not self.is_there:
            yield Change(self.number, "conflict", entity, self.record, "{}", DELETED)
        elif self.changes != "{}":
            yield Change(self.number, "update", entity, self.record, self.changes)
        if self.is_there and self.conflicts != "{}":
            yield Change(self.number, "conflict", entity, self.record, self.conflicts, self.note or EDITED)


def changed_columns(cursor: Any, model: type[models.Model], batch: list[int]) -> dict[str, str]:
    """Return the columns that entries of the row log changed, and that the table still has, with their types."""
    cursor.execute("SELECT DISTINCT jsonb_object_keys(changes) FROM importexport_rowchange WHERE id = ANY(%s)", [batch])
    changed = {name for (name,) in cursor} | {"updated_at"}
    fields = [field for field in model._meta.concrete_fields if field.column in changed]
    return {str(field.column): str(field.db_type(connection)) for field in fields}


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
    """Return a table's columns in the order in which PostgreSQL prints a row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " ORDER BY attnum",
            [model._meta.db_table],
        )
        return [name for (name,) in cursor]
