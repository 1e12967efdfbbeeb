"""Imports are listed while they run, and begin when their work does."""

import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("importexport", "0008_warnings")]

    operations = [
        migrations.AlterField(
            "importrun",
            "status",
            models.CharField(
                choices=[
                    ("planning", "Planning"),
                    ("planned", "Planned"),
                    ("applying", "Applying"),
                    ("running", "Running"),
                    ("done", "Done"),
                    ("failed", "Failed"),
                ],
                max_length=9,
            ),
        ),
        migrations.AlterField(
            "importrun",
            "created_at",
            models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now
            ),
        ),
        migrations.RemoveIndex("importrun", "importrun_at_work"),
        migrations.AddIndex(
            "importrun",
            models.Index(
                condition=models.Q(("status__in", ["planning", "applying", "running"])),
                fields=["created_at"],
                name="importrun_at_work",
            ),
        ),
    ]
