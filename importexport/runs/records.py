"""The records that a run created or updated."""

from typing import Any

from django.db import connection, models
from django.db.models import F, Func, Q
from django.db.models.expressions import RawSQL
from psycopg import sql

from crm.models import Tenant
from importexport.history import suggestions
from importexport.history.repairs import undos_of
from importexport.models import ImportRun, RowChange
from importexport.resources import RESOURCES


def stored_by(run: ImportRun) -> Q:
    """Return the condition that a record of the run's tenant and entity was created or updated by the run, and that
    this has not been undone."""
    if run.is_undone:
        return Q(pk__in=[])
    condition, changed = _among(CREATED, [run.tenant_id, run.pk]), _updates(run)
    if changed.exists():
        condition |= Q(pk__in=changed.values("record"))
    return condition


def _among(ids: str, parameters: list[Any]) -> Q:
    """Return the condition that a record's id is in a multirange, given in SQL."""
    with connection.cursor() as cursor:
        cursor.execute(BOUNDS.format(ids=sql.SQL(ids)), parameters)
        first, after = cursor.fetchone()
    if first is None:
        return Q(pk__in=[])
    found = RawSQL(ids, parameters)  # noqa: S611 - a constant
    is_among = Func(F("id"), found, template="%(expressions)s", arg_joiner=" <@ ", output_field=models.BooleanField())
    # The bounds let PostgreSQL use the index, because the ids of a run's records are close to each other.
    return Q(is_among, id__gte=first, id__lt=after)


def _updates(run: ImportRun) -> models.QuerySet[RowChange]:
    """Return a run's updates of records that have not been restored since."""
    updates = RowChange.objects.of(run).filter(entity=run.entity, action="update")
    if run.undone_rows:
        undos = [pk for pk, sign in undos_of(run.pk) if sign == "-"]
        for undo in ImportRun.objects.filter(tenant=run.tenant_id, pk__in=undos, is_undone=False):
            restored = RowChange.objects.of(undo).filter(entity=run.entity, action="update")
            updates = updates.exclude(record__in=restored.values("record"))
    return updates


def creating(entity: str) -> list[str]:
    """Return the entities whose imports may create records of one: companies are created for contacts as well."""
    return [one for one in RESOURCES if one == entity or any(suggestions.creating(RESOURCES[one], entity))]


def imported_by(actor: str, *, entity: str, tenant: Tenant) -> Q:
    """Return the condition that a record of a tenant was created by an import that somebody has made: of its entity, or
    of another one whose rows named it. The latter is known for as long as the contents of the import are kept."""
    return _among(CREATED_BY, [tenant.pk, actor, tenant.pk, entity, tenant.pk, entity, entity])


#: The first id of a multirange, and the one after the last.
BOUNDS = sql.SQL("SELECT lower(ids), upper(ids) FROM ({ids}) AS found(ids)")

#: The ids of the records that a run created, as a multirange, which PostgreSQL searches in logarithmic time.
CREATED = """
SELECT range_agg(int8range(u.id, u.id + u.count))
FROM importexport_ledgerpage p, unnest(p.ids, p.counts) AS u(id, count)
WHERE p.tenant_id = %s AND p.run_id = %s AND p.action = 'create'
"""

#: The same of all imports that somebody has made.
CREATED_BY = """
WITH made AS MATERIALIZED (
  SELECT id, month, entity FROM importexport_importrun
  WHERE tenant_id = %s AND actor = %s AND kind = 'import' AND status = 'done')
SELECT range_agg(ids) FROM (
  SELECT int8range(u.id, u.id + u.count)
  FROM made JOIN importexport_ledgerpage p ON p.run_id = made.id, unnest(p.ids, p.counts) AS u(id, count)
  WHERE p.tenant_id = %s AND p.action = 'create' AND made.entity = %s
  UNION ALL
  SELECT int8range(c.record, c.record + 1)
  FROM made JOIN importexport_rowchange c ON c.run_id = made.id AND c.month = made.month
  WHERE c.tenant_id = %s AND c.action = 'create' AND c.entity = %s AND made.entity <> %s
) AS created(ids)
"""


def stored_records(run: ImportRun) -> models.QuerySet:
    """Return the existing records that a run created or updated, oldest first."""
    return RESOURCES[run.entity](run.tenant).get_queryset().filter(stored_by(run))
