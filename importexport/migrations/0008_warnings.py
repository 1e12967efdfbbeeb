"""Warnings of import runs."""

from django.db import migrations, models

import importexport.models.fields


class Migration(migrations.Migration):
    dependencies = [("importexport", "0007_words")]

    operations = [
        migrations.AddField(
            "importrun",
            "warnings",
            importexport.models.fields.JsonText(
                db_default=models.Value("[]", output_field=models.TextField()), default=list, editable=False
            ),
        ),
        migrations.AddField("importrun", "warning_count", models.BigIntegerField(db_default=0, default=0)),
    ]
