from django.db import migrations
from psycopg import sql

#: The most rows of one transaction.
ROWS_AT_ONCE = 10_000
#: The models, their tables, and what says whose tenant a row is of.
ROWS = {
    "keptanswer": ("importexport_keptanswer", "crm_apikey", "key_id"),
    "rejectedrow": ("importexport_skippedrow", "importexport_importrun", "run_id"),
    "rowchange": ("importexport_rowchange", "importexport_importrun", "run_id"),
    "rowlogpage": ("importexport_ledgerpage", "importexport_importrun", "run_id"),
    "uploadpart": ("importexport_uploadpart", "importexport_importrun", "run_id"),
}

LAST = sql.SQL("SELECT max(id) FROM (SELECT id FROM {table} WHERE id > %s ORDER BY id LIMIT %s) AS batch")
FILL = sql.SQL(
    "UPDATE {table} AS t SET tenant_id = o.tenant_id FROM {owner} AS o"
    " WHERE t.id > %s AND t.id <= %s AND t.tenant_id IS NULL AND o.id = t.{reference}"
)
#: What a process that died has left of a run that was never stored.
CLEAR = sql.SQL("DELETE FROM {table} WHERE id > %s AND id <= %s AND tenant_id IS NULL")


def fill(apps, schema_editor):
    """Give what belongs to runs their tenants, in batches."""
    for table, owner, reference in ROWS.values():
        names = {"table": table, "owner": owner, "reference": reference}
        parts = {name: sql.Identifier(text) for name, text in names.items()}
        last = 0
        with schema_editor.connection.cursor() as cursor:
            while True:
                cursor.execute(LAST.format(**parts), [last, ROWS_AT_ONCE])
                (end,) = cursor.fetchone()
                if end is None:
                    break
                cursor.execute(FILL.format(**parts), [last, end])
                cursor.execute(CLEAR.format(**parts), [last, end])
                last = end


class Migration(migrations.Migration):
    """What belongs to runs that are there already has their tenants."""

    # Each batch is a transaction. Whatever stops it, it can be run again.
    atomic = False

    dependencies = [("importexport", "0013_tenant_of_run")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
        *(
            migrations.RunSQL(f"ALTER TABLE {table} VALIDATE CONSTRAINT {model}_has_tenant", migrations.RunSQL.noop)
            for model, (table, _, _) in ROWS.items()
        ),
    ]
