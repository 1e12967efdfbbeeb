"""The records that a run created or updated."""

from django.db import models
from django.db.models import F, Func, Max, Min, Q
from django.db.models.expressions import RawSQL

from crm.models import Tenant
from importexport.history.repairs import undos_of
from importexport.models import ImportRun, RowChange, RowLogPage
from importexport.resources import RESOURCES


def stored_by(run: ImportRun) -> Q:
    """Return the condition that a record of the run's tenant and entity was created or updated by the run, and that
    this has not been undone."""
    if run.is_undone:
        return Q(pk__in=[])
    ids = RawSQL(CREATED, [run.tenant_id, run.pk])  # noqa: S611 - a constant
    condition, changed = _created_in(RowLogPage.objects.of(run), ids), _updates(run)
    if changed.exists():
        condition |= Q(pk__in=changed.values("record"))
    return condition


def _created_in(pages: models.QuerySet[RowLogPage], ids: RawSQL) -> Q:
    """Return the condition that a record was created in some pages, which have these ``ids``, a multirange."""
    created = pages.filter(action="create").aggregate(first=Min("first_id"), last=Max("last_id"))
    if created["first"] is None:
        return Q(pk__in=[])
    is_among = Func(F("id"), ids, template="%(expressions)s", arg_joiner=" <@ ")
    is_among.output_field = models.BooleanField()
    # The bounds let PostgreSQL use the index, because the ids of a run's records are close to each other.
    return Q(is_among, id__gte=created["first"], id__lte=created["last"])


def _updates(run: ImportRun) -> models.QuerySet[RowChange]:
    """Return a run's updates of records that have not been restored since."""
    updates = RowChange.objects.of(run).filter(entity=run.entity, action="update")
    if run.undone_rows:
        undos = [pk for pk, sign in undos_of(run.pk) if sign == "-"]
        for undo in ImportRun.objects.filter(tenant=run.tenant_id, pk__in=undos, is_undone=False):
            restored = RowChange.objects.of(undo).filter(entity=run.entity, action="update")
            updates = updates.exclude(record__in=restored.values("record"))
    return updates


def imported_by(actor: str, *, entity: str, tenant: Tenant) -> Q:
    """Return the condition that a record of a tenant was created by an import of its entity that somebody has made."""
    runs = ImportRun.objects.filter(
        tenant=tenant, entity=entity, actor=actor, kind=ImportRun.Kind.IMPORT, status=ImportRun.Status.DONE
    )
    ids = RawSQL(CREATED_BY, [tenant.pk, tenant.pk, entity, actor])  # noqa: S611 - a constant
    return _created_in(RowLogPage.objects.filter(tenant=tenant, run__in=runs), ids)


#: The ids of the records that a run created, as a multirange, which PostgreSQL searches in logarithmic time.
CREATED = """
SELECT range_agg(int8range(u.id, u.id + u.count))
FROM importexport_ledgerpage p, unnest(p.ids, p.counts) AS u(id, count)
WHERE p.tenant_id = %s AND p.run_id = %s AND p.action = 'create'
"""

#: The same of all imports of an entity that somebody has made.
CREATED_BY = """
SELECT range_agg(int8range(u.id, u.id + u.count))
FROM importexport_importrun r JOIN importexport_ledgerpage p ON p.tenant_id = r.tenant_id AND p.run_id = r.id,
  unnest(p.ids, p.counts) AS u(id, count)
WHERE p.tenant_id = %s AND r.tenant_id = %s AND r.entity = %s AND r.actor = %s AND r.kind = 'import'
  AND r.status = 'done' AND p.action = 'create'
"""


def stored_records(run: ImportRun) -> models.QuerySet:
    """Return the existing records that a run created or updated, oldest first."""
    return RESOURCES[run.entity](run.tenant).get_queryset().filter(stored_by(run))
