"""How much of a run has been undone: the rows that it stored, without those that its undos have reverted since.

It is counted once, when an undo is carried out, and kept with what was undone. The undo of an undo brings rows back, so
all runs are counted anew that an undo descends from.
"""

from collections.abc import Iterator

from django.db import connection
from psycopg import sql

from importexport.history.repairs import STORED, rows_of, standing, undos_of
from importexport.models import ImportRun

COUNTS = sql.SQL("""
WITH stored AS MATERIALIZED (SELECT {stored} AS rows),
     kept AS MATERIALIZED (SELECT ({standing}) * rows AS rows FROM stored)
SELECT (SELECT coalesce(sum(upper(span) - lower(span)), 0)::bigint FROM stored, unnest(stored.rows) AS span),
       (SELECT coalesce(sum(upper(span) - lower(span)), 0)::bigint FROM kept, unnest(kept.rows) AS span)
""")


def note_undone(undo: ImportRun) -> None:
    """Note what has been undone, with all runs that an undo descends from. Called in the undo's transaction."""
    for run in _undone_by(undo):
        stored, kept = _count(run)
        found = {"undone_rows": stored - kept, "is_undone": kept == 0 < stored}
        ImportRun.objects.filter(tenant=run.tenant_id, pk=run.pk).update(**found)


def _undone_by(undo: ImportRun) -> Iterator[ImportRun]:
    """Yield the run that an undo undoes; if that is an undo, too, also what it undoes, and so on."""
    run = undo
    while run.kind == ImportRun.Kind.UNDO and run.parent_id:
        run = ImportRun.objects.only("tenant_id", "kind", "parent_id").get(tenant=undo.tenant_id, pk=run.parent_id)
        yield run


def _count(run: ImportRun) -> tuple[int, int]:
    """Return how many rows changed something in a run, and of how many of them that still stands."""
    undos = undos_of(run.pk)
    stored = rows_of(run.pk, STORED)
    statement = COUNTS.format(stored=stored, standing=standing(run.pk, undos))
    runs = [run.pk, *(pk for pk, _ in undos)]
    with connection.cursor() as cursor:
        cursor.execute(statement, {pk.hex: pk for pk in runs} | {"tenant": run.tenant_id})
        return cursor.fetchone()
