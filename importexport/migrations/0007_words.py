"""One word for one thing: channel, error, failed, rejected row, row log. Tables and columns keep their names."""

import django.db.models.deletion
from django.db import migrations, models

import importexport.models.fields

FAILED = ["UPDATE importexport_importrun SET status = 'failed' WHERE status = 'refused'"]
REFUSED = ["UPDATE importexport_importrun SET status = 'refused' WHERE status = 'failed'"]
#: Groups of errors are JSON text; a quote within a text has a backslash before it, so that this meets names alone.
CODES = ["""UPDATE importexport_importrun SET groups = replace(groups, '{"kind": ', '{"code": ') WHERE groups LIKE '[{%'"""]
KINDS = ["""UPDATE importexport_importrun SET groups = replace(groups, '{"code": ', '{"kind": ') WHERE groups LIKE '[{%'"""]


class Migration(migrations.Migration):
    dependencies = [("importexport", "0006_at_work")]

    operations = [
        migrations.AlterField(
            "importrun",
            "door",
            models.CharField(
                choices=[("api", "API"), ("admin", "Admin"), ("shell", "Shell")], db_column="door", max_length=5
            ),
        ),
        migrations.RenameField("importrun", "door", "channel"),
        migrations.AlterField("importrun", "fault", models.TextField(db_column="fault", default="")),
        migrations.RenameField("importrun", "fault", "error"),
        migrations.AlterField(
            "importrun",
            "status",
            models.CharField(
                choices=[
                    ("planning", "Planning"),
                    ("planned", "Planned"),
                    ("applying", "Applying"),
                    ("done", "Done"),
                    ("failed", "Failed"),
                ],
                max_length=9,
            ),
        ),
        migrations.RunSQL(FAILED, REFUSED),
        migrations.RunSQL(CODES, KINDS),
        migrations.AlterField("skippedrow", "faults", importexport.models.fields.JsonText(db_column="faults")),
        migrations.RenameField("skippedrow", "faults", "errors"),
        migrations.AlterModelTable("skippedrow", "importexport_skippedrow"),
        migrations.RenameModel("SkippedRow", "RejectedRow"),
        migrations.AlterModelTable("ledgerpage", "importexport_ledgerpage"),
        migrations.RenameModel("LedgerPage", "RowLogPage"),
        migrations.AlterField(
            "rejectedrow",
            "run",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="rejected_rows",
                to="importexport.importrun",
            ),
        ),
    ]
