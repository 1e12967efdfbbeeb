"""The fixes of a run, as an import applies them (see models.RunFix)."""

from collections.abc import Collection

from django.db import connection
from psycopg import sql

from importexport.engine.fixes import Fixes
from importexport.models import ImportRun, RunFix


def fixes_of(run: ImportRun, *, numbers: Collection[int] | None = None) -> Fixes | None:
    """Return the fixes of a run, or those that may be about some rows; None if there are none, without a query."""
    if not run.fix_count:
        return None
    found = RunFix.objects.filter(tenant=run.tenant_id, run=run).exclude(state=RunFix.State.REVOKED)
    if numbers is not None:
        found = found.filter(number__in=[0, *numbers])
    return Fixes(kept.fix for kept in found)


def note_rows(run: ImportRun, fixes: Fixes) -> None:
    """Note with each fix how many rows it was applied to; a fix of a record to create has none of its own."""
    found = RunFix.objects.filter(tenant=run.tenant_id, run=run).exclude(kind=RunFix.Kind.CREATE)
    ids = list(found.values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [ids, [fixes.rows[pk] for pk in ids], run.tenant_id, run.pk])


NOTE = sql.SQL(
    "UPDATE {table} AS f SET rows = given.rows FROM unnest(%s::bigint[], %s::bigint[]) AS given(id, rows)"
    " WHERE f.tenant_id = %s AND f.run_id = %s AND f.id = given.id AND f.rows IS DISTINCT FROM given.rows"
).format(table=sql.Identifier(RunFix._meta.db_table))
