"""What updates take away: values that they clear, and tags that records lose.

Counted when a plan is made, because reading all changes of a large one takes seconds.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection
from psycopg import sql

from importexport.models import ImportRun, RowChange
from importexport.resources import RESOURCES

#: How many of the rows are named, and up to how many changes are read where nobody has counted.
NAMED, READ_AT_ONCE = 50, 5_000


@dataclass(frozen=True)
class Losses:
    """How many values are cleared and tags lost, in how many rows, and the numbers of the first of these."""

    cells: int = 0
    tags: int = 0
    rows: int = 0
    first: list[int] = field(default_factory=list)


def losses_of(run: ImportRun) -> Losses:
    """Return what a run's updates take away. Where it is not known and would take long, nothing is named."""
    if run.losses:
        return Losses(**run.losses)
    return count_losses(run) if 0 < run.counts.get("update", 0) <= READ_AT_ONCE else Losses()


def note_losses(run: ImportRun) -> None:
    """Set what the updates of a plan would take away."""
    run.losses = asdict(count_losses(run)) if run.counts.get("update") else {}


def count_losses(run: ImportRun) -> Losses:
    """Read a run's changes, and return what they take away."""
    columns = [column.stores for column in RESOURCES[run.entity].accepted.values() if not column.finds]
    given: dict[str, Any] = {"tenant": run.tenant_id, "run": run.pk, "month": run.month, "entity": run.entity}
    with connection.cursor() as cursor:
        cursor.execute(COUNT, given | {"columns": columns, "named": NAMED})
        return Losses(*cursor.fetchone())


COUNT = sql.SQL("""
WITH changed AS (
    SELECT c.number, e.pair, jsonb_typeof(e.pair -> 0) = 'array' AS is_list
    FROM {changes} AS c, jsonb_each(c.changes) AS e(name, pair)
    WHERE c.tenant_id = %(tenant)s AND c.run_id = %(run)s AND c.month = %(month)s AND c.entity = %(entity)s
        AND c.action = 'update' AND e.name = ANY (%(columns)s)
), losing AS MATERIALIZED (
    SELECT number,
        count(*) FILTER (
            WHERE NOT is_list AND coalesce(pair ->> 0, '') <> '' AND coalesce(pair ->> 1, '') = ''
        ) AS cells,
        coalesce(sum((
            SELECT count(*) FROM jsonb_array_elements_text(pair -> 0) AS was
            WHERE jsonb_typeof(pair -> 1) <> 'array'
                OR lower(was) NOT IN (SELECT lower(now) FROM jsonb_array_elements_text(pair -> 1) AS now)
        )) FILTER (WHERE is_list), 0) AS tags
    FROM changed GROUP BY number
)
SELECT coalesce(sum(cells), 0)::bigint, coalesce(sum(tags), 0)::bigint, count(*),
    coalesce((array_agg(number ORDER BY number))[:%(named)s], '{{}}')
FROM losing WHERE cells > 0 OR tags > 0
""").format(changes=sql.Identifier(RowChange._meta.db_table))
