import django.db.models.deletion
from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations, models

#: The references between a tenant's tables.
REFERENCES = {"importrun": ("parent", "key"), "keptanswer": ("key", "run"), "uploadpart": ("run",)}


class Migration(migrations.Migration):
    """What is there already refers to nothing of another tenant, and what the new keys have replaced goes."""

    dependencies = [("importexport", "0015_tenant_given")]

    operations = [
        *(
            ValidateConstraint(noun, f"{noun}_{field}_is_of_its_tenant")
            for noun, fields in REFERENCES.items()
            for field in fields
        ),
        migrations.RemoveConstraint("keptanswer", "keptanswer_is_unique"),
        migrations.RemoveConstraint("uploadpart", "uploadpart_in_order"),
        migrations.AlterField(
            "uploadpart",
            "run",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="upload", to="importexport.importrun"
            ),
        ),
    ]
