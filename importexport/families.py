"""Imports that belong together: one, and those that brought its refused rows again."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from importexport.models import ImportRun, SkippedRow

#: How many earlier imports are looked through for the one that refused some rows.
CANDIDATES = 200


def find_parent(run: ImportRun, repeats: Sequence[tuple[int, str]]) -> ImportRun | None:
    """Return the latest import of the entity that refused just these rows, given with what it said of them.

    What it said may have been taken out of the file; the numbers alone decide then.
    """
    if not repeats:
        return None
    ended = [ImportRun.Status.DONE, ImportRun.Status.PLANNED]
    earlier = ImportRun.objects.filter(
        tenant=run.tenant_id, entity=run.entity, kind=ImportRun.Kind.IMPORT, status__in=ended, skipped__gt=0
    ).exclude(pk=run.pk)
    numbers = {number for number, _ in repeats}
    for candidate in earlier.defer("header", "groups", "sample")[:CANDIDATES]:
        said = {row.number: row.message for row in SkippedRow.objects.filter(run=candidate, number__in=numbers)}
        if all(number in said and is_same(text, said[number]) for number, text in repeats):
            return candidate
    return None


def is_same(text: str, message: str) -> bool:
    """Whether a cell is what an import said, or blank; spreadsheets are free with line ends."""
    return not text.strip() or text.split() == message.split()


@dataclass(frozen=True)
class Family:
    """What became of a file's rows over all attempts: ``total = imported + repaired + left``."""

    total: int
    imported: int
    repaired: int
    left: int


def family_of(run: ImportRun) -> Family:
    """Return what became of the rows of the first file that a run goes back to."""
    first = run
    while first.kind == ImportRun.Kind.IMPORT and first.parent_id:
        first = ImportRun.objects.get(pk=first.parent_id)
    members = descendants(first)
    repaired = 0
    if members:
        with connection.cursor() as cursor:
            cursor.execute(REPAIRED, {"first": first.pk, "members": members})
            (repaired,) = cursor.fetchone()
    return Family(first.total_rows, first.imported, repaired, first.skipped - repaired)


def descendants(run: ImportRun) -> list:
    """Return the ids of the imports that brought rows of a run again, at whatever remove."""
    found: list = []
    level = [run.pk]
    while level:
        children = ImportRun.objects.filter(
            parent__in=level, kind=ImportRun.Kind.IMPORT, status=ImportRun.Status.DONE
        ).exclude(pk__in=found)
        level = list(children.values_list("pk", flat=True))
        found += level
    return found


#: How many of the rows that the first import refused a later one has taken.
REPAIRED = """
WITH taken AS (
    SELECT range_agg(span) AS rows FROM (
        SELECT int8range(u.number, u.number + u.count) AS span
        FROM importexport_ledgerpage p, unnest(p.numbers, p.counts) AS u(number, count)
        WHERE p.run_id = ANY(%(members)s) AND p.action IN ('create', 'unchanged')
        UNION ALL
        SELECT int8range(number, number + 1) FROM importexport_rowchange
        WHERE run_id = ANY(%(members)s) AND action = 'update'
    ) AS spans
)
SELECT count(DISTINCT s.number) FROM importexport_skippedrow s, taken
WHERE s.run_id = %(first)s AND s.number <@ taken.rows
"""
