from django.db import migrations, models
from django.db.migrations.operations import AddIndex
from psycopg import sql

from crm.concurrently import drop_index, execute

#: The whole table's index, which has no rows itself: months that are added from now on have it as well.
OF_TABLE = sql.SQL("CREATE INDEX IF NOT EXISTS {name} ON ONLY {table} (run_id, number) WHERE action = 'create'")
OF_MONTH = sql.SQL("CREATE INDEX CONCURRENTLY {own} ON {month} (run_id, number) WHERE action = 'create'")
ATTACH = sql.SQL("ALTER INDEX {name} ATTACH PARTITION {own}")
#: The months whose index is not yet a part of the table's.
MISSING = """
SELECT m.inhrelid::regclass::text FROM pg_inherits AS m
WHERE m.inhparent = to_regclass(%s) AND NOT EXISTS (
    SELECT FROM pg_index AS i JOIN pg_inherits AS part ON part.inhrelid = i.indexrelid
    WHERE i.indrelid = m.inhrelid AND part.inhparent = to_regclass(%s))
"""


class AddIndexMonthByMonth(AddIndex):
    """Adds an index to a table in partitions: to each by itself, concurrently, which keeps nobody waiting."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        table, name = to_state.apps.get_model(app_label, self.model_name)._meta.db_table, self.index.name
        execute(schema_editor, OF_TABLE.format(name=sql.Identifier(name), table=sql.Identifier(table)))
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(MISSING, [table, name])
            months = [month for (month,) in cursor]
        for month in months:
            own = f"{name}_{month.removeprefix(f'{table}_')}"
            execute(schema_editor, drop_index(own))
            execute(schema_editor, OF_MONTH.format(own=sql.Identifier(own), month=sql.Identifier(month)))
            execute(schema_editor, ATTACH.format(name=sql.Identifier(name), own=sql.Identifier(own)))


class Migration(migrations.Migration):
    """Finds the records that an import has created because its rows name them."""

    # Whatever stops it, it can be run again.
    atomic = False

    dependencies = [("importexport", "0036_untold")]

    operations = [
        AddIndexMonthByMonth(
            "rowchange",
            models.Index(fields=["run", "number"], name="rowchange_created", condition=models.Q(action="create")),
        )
    ]
