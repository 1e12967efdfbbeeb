import datetime as dt

from django.db import migrations, models

import importexport.db.months

#: The models, and their tables.
TABLES = {"rejectedrow": "importexport_skippedrow", "rowchange": "importexport_rowchange"}


class Migration(migrations.Migration):
    """Runs and what is logged of their rows have a month. What is there is of the past, which writes no row."""

    dependencies = [("importexport", "0020_upload_parts_gone")]

    operations = [
        *(
            migrations.SeparateDatabaseAndState(
                # The default is for processes of the version before.
                [
                    migrations.RunSQL(
                        f"ALTER TABLE {table} ADD COLUMN month date NOT NULL DEFAULT '1970-01-01'",
                        f"ALTER TABLE {table} DROP COLUMN month",
                    )
                ],
                [migrations.AddField(model, "month", models.DateField())],
            )
            for model, table in TABLES.items()
        ),
        # The table that everybody needs comes last: it is locked until the end.
        migrations.AddField(
            "importrun",
            "month",
            models.DateField(db_default=dt.date(1970, 1, 1), default=importexport.db.months.this_month, editable=False),
        ),
    ]
