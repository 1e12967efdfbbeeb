"""How much is kept of each run."""

from django.db import migrations, models

MEASURE = """
UPDATE importexport_importrun SET kept_bytes =
    coalesce((SELECT sum(octet_length(content)) FROM importexport_uploadpart WHERE run_id = %(run)s), 0)
    + coalesce((SELECT sum(pg_column_size(cells) + pg_column_size(faults)) FROM importexport_skippedrow
        WHERE run_id = %(run)s), 0)
    + coalesce((SELECT sum(pg_column_size(changes) + pg_column_size(image)) FROM importexport_rowchange
        WHERE run_id = %(run)s), 0)
WHERE id = %(run)s
"""


def measure(apps, schema_editor):
    """Measure what is kept of earlier runs, one at a time."""
    runs = apps.get_model("importexport", "ImportRun").objects.filter(purged_at=None)
    with schema_editor.connection.cursor() as cursor:
        for run in list(runs.order_by("created_at").values_list("pk", flat=True)):
            cursor.execute(MEASURE, {"run": run})


class Migration(migrations.Migration):
    dependencies = [("importexport", "0011_saved_mapping")]

    operations = [
        migrations.AddField("importrun", "kept_bytes", models.BigIntegerField(db_default=0, default=0)),
        migrations.RunPython(measure, migrations.RunPython.noop),
        migrations.AddIndex(
            "importrun",
            models.Index(
                condition=models.Q(("purged_at", None)),
                fields=["tenant", "created_at"],
                include=("kept_bytes",),
                name="importrun_kept",
            ),
        ),
    ]
