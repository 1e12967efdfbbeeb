"""Mappings that tenants save."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import importexport.models.fields


class Migration(migrations.Migration):
    dependencies = [("crm", "0001_initial"), ("importexport", "0010_reading")]

    operations = [
        migrations.CreateModel(
            "SavedMapping",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("entity", models.CharField(max_length=20)),
                ("name", models.CharField(max_length=50)),
                (
                    "body",
                    importexport.models.fields.JsonText(
                        db_default=models.Value("{}", output_field=models.TextField()), default=dict, editable=False
                    ),
                ),
                ("saved_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("used_at", models.DateTimeField(null=True)),
                ("headers", models.CharField(db_default="", default="", max_length=64)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_mappings",
                        to="crm.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ["entity", "name"],
                "constraints": [
                    models.UniqueConstraint(fields=["tenant", "entity", "name"], name="savedmapping_is_unique")
                ],
            },
        ),
    ]
