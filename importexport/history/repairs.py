"""Related runs: an import, and those that corrected its rejected rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, models
from psycopg import sql

from importexport.models import ImportRun, RejectedRow

#: The number of earlier imports to search for the one that a file corrects.
CANDIDATES = 200


def find_corrected(run: ImportRun, repeats: Sequence[tuple[int, str]]) -> ImportRun | None:
    """Return the latest import of the entity that rejected these rows, given with their error messages.

    The messages may have been removed from the file. In that case, only the row numbers are compared.
    """
    if not repeats:
        return None
    earlier = with_rejected(run.tenant_id, run.entity).exclude(pk=run.pk)
    numbers = {number for number, _ in repeats}
    for candidate in earlier.defer("header", "groups", "warnings", "sample")[:CANDIDATES]:
        said = {row.number: row.message for row in RejectedRow.objects.of(candidate).filter(number__in=numbers)}
        if all(number in said and is_same(text, said[number]) for number, text in repeats):
            return candidate
    return None


def with_rejected(tenant_id: int, entity: str) -> models.QuerySet[ImportRun]:
    """Return the imports and plans of a tenant's entity that rejected rows, latest first."""
    ended = [ImportRun.Status.DONE, ImportRun.Status.PLANNED]
    return ImportRun.objects.filter(
        tenant=tenant_id, entity=entity, kind=ImportRun.Kind.IMPORT, status__in=ended, skipped__gt=0
    )


def earlier_import(run: ImportRun) -> ImportRun | None:
    """Return the latest other import of the same file as the same entity that was not undone; None if there is none."""
    if not run.sha256:
        return None
    same = ImportRun.objects.filter(tenant=run.tenant_id, sha256=run.sha256, entity=run.entity, kind=run.kind)
    found = same.filter(status=ImportRun.Status.DONE, is_undone=False, imported__gt=0).exclude(pk=run.pk)
    return found.select_related("tenant").defer("header", "groups", "warnings", "sample").first()


def is_same(text: str, message: str) -> bool:
    """Whether a cell has an import's message, apart from changes in white space by spreadsheets, or is blank."""
    return not text.strip() or text.split() == message.split()


@dataclass(frozen=True)
class RelatedRuns:
    """The outcome of a file's rows over all attempts: ``total = imported + repaired + left``."""

    total: int
    imported: int
    repaired: int
    left: int


def related_runs_of(run: ImportRun) -> RelatedRuns:
    """Return the outcome of the rows of the first file that a run corrects. Rows that were undone count as left."""
    first = run
    while first.kind == ImportRun.Kind.IMPORT and first.parent_id:
        first = ImportRun.objects.get(pk=first.parent_id)
    undos = {pk: undos_of(pk) for pk in [first.pk, *descendants(first)]}
    imported, repaired = first.imported, 0
    if len(undos) > 1 or undos[first.pk]:
        imported, repaired = count_standing(first, undos)
    return RelatedRuns(first.total_rows, imported, repaired, first.total_rows - imported - repaired)


#: Each related import, with its undos (see ``undos_of``).
Undos = dict[UUID, list[tuple[UUID, str]]]


def count_standing(first: ImportRun, undos: Undos) -> tuple[int, int]:
    """Return how many rows of the first import are still stored, and how many that it rejected were stored later."""
    own, *others = (sql.SQL("({})").format(standing(pk, found)) for pk, found in undos.items())
    statement = COUNTS.format(own=own, others=sql.SQL(" + ").join([NONE, *others]), first=placeholder(first.pk))
    runs = [*undos, *(pk for found in undos.values() for pk, _ in found)]
    with connection.cursor() as cursor:
        cursor.execute(statement, {pk.hex: pk for pk in runs} | {"tenant": first.tenant_id, "month": first.month})
        return cursor.fetchone()


def standing(run_id: UUID, undos: list[tuple[UUID, str]]) -> sql.Composed:
    """Return the SQL for the rows that a run imported and that have not been undone, as a multirange."""
    later = (sql.SQL("{} {}").format(sql.SQL(sign), touched(pk)) for pk, sign in undos)
    return sql.SQL(" ").join([touched(run_id), *later])


def touched(run_id: UUID) -> sql.Composed:
    """Return the SQL for the rows that an import stored or an undo reverted, as a multirange."""
    return rows_of(run_id, ANY)


def rows_of(run_id: UUID, pages: sql.SQL) -> sql.Composed:
    """Return the SQL for the rows of a run's changes, and of those of its pages that meet a condition."""
    return ROWS.format(run=placeholder(run_id), pages=pages)


def placeholder(run_id: UUID) -> sql.Placeholder:
    """Return the parameter for a run's id."""
    return sql.Placeholder(run_id.hex)


def descendants(run: ImportRun) -> list[UUID]:
    """Return the ids of the imports that correct a run, directly or indirectly."""
    found: list[UUID] = []
    level = [run.pk]
    while level:
        level = list(children(level, ImportRun.Kind.IMPORT).exclude(pk__in=found).values_list("pk", flat=True))
        found += level
    return found


def undos_of(run_id: UUID) -> list[tuple[UUID, str]]:
    """Return the undos of a run, the undos of those, and so on, oldest first: their ids, and ``-`` if they removed rows
    or ``+`` if they brought them back."""
    found: list[tuple[Any, UUID, str]] = []
    level, sign = [run_id], "-"
    while level:
        undos = list(children(level, ImportRun.Kind.UNDO).values_list("finished_at", "pk"))
        found += [(when, pk, sign) for when, pk in undos]
        level, sign = [pk for _, pk in undos], "+" if sign == "-" else "-"
    return [(pk, sign) for _, pk, sign in sorted(found)]


def children(parents: list[UUID], kind: str) -> models.QuerySet[ImportRun]:
    """Return the completed runs of a kind with one of these parents."""
    return ImportRun.objects.filter(parent__in=parents, kind=kind, status=ImportRun.Status.DONE)


NONE = sql.SQL("int8multirange()")

#: Pages of the row log: all, and those with rows that changed something.
ANY, STORED = sql.SQL("true"), sql.SQL("p.action <> 'unchanged'")

#: Excludes rows that an undo could revert only partly.
ROWS = sql.SQL("""(
    SELECT coalesce(range_agg(span) FILTER (WHERE whole), int8multirange())
         - coalesce(range_agg(span) FILTER (WHERE NOT whole), int8multirange())
    FROM (
        SELECT int8range(u.number, u.number + u.count) AS span, true AS whole
        FROM importexport_ledgerpage p, unnest(p.numbers, p.counts) AS u(number, count)
        WHERE p.tenant_id = %(tenant)s AND p.run_id = {run} AND {pages}
        UNION ALL
        SELECT int8range(c.number, c.number + 1), c.action <> 'conflict'
        FROM importexport_rowchange c JOIN importexport_importrun r ON r.tenant_id = c.tenant_id AND r.id = c.run_id
        WHERE c.tenant_id = %(tenant)s AND c.run_id = {run} AND c.entity = r.entity
            AND c.month = (SELECT month FROM importexport_importrun WHERE tenant_id = %(tenant)s AND id = {run})
    ) AS rows
)""")

COUNTS = sql.SQL("""
WITH taken AS MATERIALIZED (SELECT {own} AS at_first, {others} AS later)
SELECT (SELECT coalesce(sum(upper(span) - lower(span)), 0)::bigint FROM taken, unnest(taken.at_first) AS span),
       (SELECT count(DISTINCT s.number) FROM importexport_skippedrow s, taken
        WHERE s.tenant_id = %(tenant)s AND s.run_id = {first} AND s.month = %(month)s
            AND s.number <@ taken.later)
""")
