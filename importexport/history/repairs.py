"""Related runs: an import, and those that corrected its rejected rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, models
from psycopg import sql

from importexport.models import ImportRun, RejectedRow

#: How many earlier imports are searched for the one that rejected some rows.
CANDIDATES = 200


def find_corrected(run: ImportRun, repeats: Sequence[tuple[int, str]]) -> ImportRun | None:
    """Return the latest import of the entity that rejected just these rows, given with their error messages.

    The messages may have been removed from the file; the numbers alone decide then.
    """
    if not repeats:
        return None
    ended = [ImportRun.Status.DONE, ImportRun.Status.PLANNED]
    earlier = ImportRun.objects.filter(
        tenant=run.tenant_id, entity=run.entity, kind=ImportRun.Kind.IMPORT, status__in=ended, skipped__gt=0
    ).exclude(pk=run.pk)
    numbers = {number for number, _ in repeats}
    for candidate in earlier.defer("header", "groups", "sample")[:CANDIDATES]:
        said = {row.number: row.message for row in RejectedRow.objects.filter(run=candidate, number__in=numbers)}
        if all(number in said and is_same(text, said[number]) for number, text in repeats):
            return candidate
    return None


def is_same(text: str, message: str) -> bool:
    """Whether a cell is an import's message, or blank; spreadsheets may change white space."""
    return not text.strip() or text.split() == message.split()


@dataclass(frozen=True)
class RelatedRuns:
    """What became of a file's rows over all attempts: ``total = imported + repaired + left``."""

    total: int
    imported: int
    repaired: int
    left: int


def related_runs_of(run: ImportRun) -> RelatedRuns:
    """Return what became of the rows of the first file that a run corrects; what was undone since is left again."""
    first = run
    while first.kind == ImportRun.Kind.IMPORT and first.parent_id:
        first = ImportRun.objects.get(pk=first.parent_id)
    undos = {pk: undos_of(pk) for pk in [first.pk, *descendants(first)]}
    imported, repaired = first.imported, 0
    if len(undos) > 1 or undos[first.pk]:
        imported, repaired = count_standing(first.pk, undos)
    return RelatedRuns(first.total_rows, imported, repaired, first.total_rows - imported - repaired)


#: Each related import, with its undos (see ``undos_of``).
Undos = dict[UUID, list[tuple[UUID, str]]]


def count_standing(first: UUID, undos: Undos) -> tuple[int, int]:
    """Return how many rows of the first import stand, and how many of those that it rejected a later one has taken."""
    own, *others = (sql.SQL("({})").format(standing(pk, found)) for pk, found in undos.items())
    statement = COUNTS.format(own=own, others=sql.SQL(" + ").join([NONE, *others]), first=placeholder(first))
    runs = [*undos, *(pk for found in undos.values() for pk, _ in found)]
    with connection.cursor() as cursor:
        cursor.execute(statement, {pk.hex: pk for pk in runs})
        return cursor.fetchone()


def standing(run_id: UUID, undos: list[tuple[UUID, str]]) -> sql.Composed:
    """Return, in SQL, the rows that a run took and that its undos have left, as a multirange."""
    later = (sql.SQL("{} {}").format(sql.SQL(sign), touched(pk)) for pk, sign in undos)
    return sql.SQL(" ").join([touched(run_id), *later])


def touched(run_id: UUID) -> sql.Composed:
    """Return, in SQL, the rows that an import took, or that an undo took back, as a multirange."""
    return TOUCHED.format(run=placeholder(run_id))


def placeholder(run_id: UUID) -> sql.Placeholder:
    """Return the parameter that has a run's id."""
    return sql.Placeholder(run_id.hex)


def descendants(run: ImportRun) -> list[UUID]:
    """Return the ids of the imports that correct a run, directly or by way of others."""
    found: list[UUID] = []
    level = [run.pk]
    while level:
        level = list(children(level, ImportRun.Kind.IMPORT).exclude(pk__in=found).values_list("pk", flat=True))
        found += level
    return found


def undos_of(run_id: UUID) -> list[tuple[UUID, str]]:
    """Return the undos of a run, and theirs, in the order in which they were done: the ids, and ``-`` where rows went,
    ``+`` where they came back."""
    found: list[tuple[Any, UUID, str]] = []
    level, sign = [run_id], "-"
    while level:
        undos = list(children(level, ImportRun.Kind.UNDO).values_list("finished_at", "pk"))
        found += [(when, pk, sign) for when, pk in undos]
        level, sign = [pk for _, pk in undos], "+" if sign == "-" else "-"
    return [(pk, sign) for _, pk, sign in sorted(found)]


def children(parents: list[UUID], kind: str) -> models.QuerySet[ImportRun]:
    """Return the runs of a kind whose parents are some others, and that were carried out."""
    return ImportRun.objects.filter(parent__in=parents, kind=kind, status=ImportRun.Status.DONE)


NONE = sql.SQL("int8multirange()")

#: A row that an undo could take back in part only is none of its rows.
TOUCHED = sql.SQL("""(
    SELECT coalesce(range_agg(span) FILTER (WHERE whole), int8multirange())
         - coalesce(range_agg(span) FILTER (WHERE NOT whole), int8multirange())
    FROM (
        SELECT int8range(u.number, u.number + u.count) AS span, true AS whole
        FROM importexport_ledgerpage p, unnest(p.numbers, p.counts) AS u(number, count) WHERE p.run_id = {run}
        UNION ALL
        SELECT int8range(c.number, c.number + 1), c.action <> 'conflict'
        FROM importexport_rowchange c JOIN importexport_importrun r ON r.id = c.run_id
        WHERE c.run_id = {run} AND c.entity = r.entity
    ) AS rows
)""")

COUNTS = sql.SQL("""
WITH taken AS MATERIALIZED (SELECT {own} AS at_first, {others} AS later)
SELECT (SELECT coalesce(sum(upper(span) - lower(span)), 0)::bigint FROM taken, unnest(taken.at_first) AS span),
       (SELECT count(DISTINCT s.number) FROM importexport_skippedrow s, taken
        WHERE s.run_id = {first} AND s.number <@ taken.later)
""")
