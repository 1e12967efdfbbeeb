from django.db import migrations, models

#: The runs that have undos, each with its undos and those of these, oldest first: whether they bring rows back, and the
#: month of their changes.
UNDOS = """
WITH RECURSIVE undos AS (
    SELECT r.tenant_id, r.parent_id AS root, r.id, r.month, r.finished_at, false AS is_back
    FROM importexport_importrun AS r WHERE r.kind = 'undo' AND r.status = 'done' AND r.parent_id IS NOT NULL
    UNION ALL
    SELECT r.tenant_id, u.root, r.id, r.month, r.finished_at, NOT u.is_back
    FROM importexport_importrun AS r JOIN undos AS u ON r.tenant_id = u.tenant_id AND r.parent_id = u.id
    WHERE r.kind = 'undo' AND r.status = 'done'
)
SELECT root.tenant_id, root.id, root.month, root.entity, undos.id, undos.month, undos.is_back
FROM undos JOIN importexport_importrun AS root ON root.tenant_id = undos.tenant_id AND root.id = undos.root
ORDER BY root.tenant_id, root.id, undos.finished_at, undos.id
"""
#: The rows of a run that changed something, or for an undo, all that it dealt with, but for conflicts.
ROWS = """
SELECT (coalesce(range_agg(span) FILTER (WHERE whole), int8multirange())
      - coalesce(range_agg(span) FILTER (WHERE NOT whole), int8multirange()))::text
FROM (
    SELECT int8range(u.number, u.number + u.count) AS span, true AS whole
    FROM importexport_ledgerpage AS p, unnest(p.numbers, p.counts) AS u(number, count)
    WHERE p.tenant_id = %s AND p.run_id = %s AND (%s OR p.action <> 'unchanged')
    UNION ALL
    SELECT int8range(c.number, c.number + 1), c.action <> 'conflict'
    FROM importexport_rowchange AS c
    WHERE c.tenant_id = %s AND c.run_id = %s AND c.month = %s AND c.entity = %s
) AS rows
"""
MINUS = "SELECT (%s::int8multirange - %s::int8multirange)::text"
PLUS = "SELECT (%s::int8multirange + %s::int8multirange)::text"
STORE = """
UPDATE importexport_importrun SET undone_rows = counts.stored - counts.kept,
    is_undone = counts.kept = 0 AND counts.stored > 0
FROM (
    SELECT (SELECT coalesce(sum(upper(s) - lower(s)), 0) FROM unnest(%s::int8multirange) AS s) AS stored,
           (SELECT coalesce(sum(upper(s) - lower(s)), 0)
            FROM unnest(%s::int8multirange * %s::int8multirange) AS s) AS kept
) AS counts
WHERE tenant_id = %s AND id = %s
"""


def count_undone(apps, schema_editor):
    """Note what has been undone already."""
    with schema_editor.connection.cursor() as cursor:

        def one(statement, *params):
            cursor.execute(statement, params)
            return cursor.fetchone()[0]

        def rows(tenant, run, month, entity, *, is_undo):
            return one(ROWS, tenant, run, is_undo, tenant, run, month, entity)

        cursor.execute(UNDOS)
        roots = {}
        for tenant, root, month, entity, *undo in cursor.fetchall():
            roots.setdefault((tenant, root, month, entity), []).append(undo)
        for (tenant, root, month, entity), undos in roots.items():
            stored = kept = rows(tenant, root, month, entity, is_undo=False)
            for undo, of_undo, is_back in undos:
                touched = rows(tenant, undo, of_undo, entity, is_undo=True)
                kept = one(PLUS if is_back else MINUS, kept, touched)
            cursor.execute(STORE, [stored, kept, stored, tenant, root])


class Migration(migrations.Migration):
    """The pages tell what has been undone, and the sums leave it out."""

    dependencies = [("importexport", "0030_export_columns")]

    operations = [
        migrations.AddField("importrun", "undone_rows", models.BigIntegerField(db_default=0, default=0)),
        migrations.AddField("importrun", "is_undone", models.BooleanField(db_default=False, default=False)),
        migrations.RunPython(count_undone, migrations.RunPython.noop, elidable=True),
    ]
