import django.db.models.deletion
from django.db import migrations, models

from crm.concurrently import AddUnchecked, AddUniqueConcurrently
from crm.models.tenancy import referable, same_tenant

#: The models, and their tables.
TABLES = {
    "keptanswer": "importexport_keptanswer",
    "rejectedrow": "importexport_skippedrow",
    "rowchange": "importexport_rowchange",
    "rowlogpage": "importexport_ledgerpage",
    "uploadpart": "importexport_uploadpart",
}
#: The references between a tenant's tables.
REFERENCES = {"importrun": ("parent", "key"), "keptanswer": ("key", "run"), "uploadpart": ("run",)}


class Migration(migrations.Migration):
    """Every row has a tenant, which is part of its keys. PostgreSQL takes the columns' word from their checks."""

    # The indexes are built while rows are read and written. Whatever stops it, it can be run again.
    atomic = False

    dependencies = [("importexport", "0014_tenant_filled")]

    operations = [
        *(
            migrations.AlterField(
                model,
                "tenant",
                models.ForeignKey(
                    db_constraint=False,
                    db_index=False,
                    on_delete=django.db.models.deletion.DO_NOTHING,
                    related_name="+",
                    to="crm.tenant",
                ),
            )
            for model in TABLES
        ),
        *(
            migrations.RunSQL(
                f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {model}_has_tenant", migrations.RunSQL.noop
            )
            for model, table in TABLES.items()
        ),
        AddUniqueConcurrently("importrun", referable("importrun")),
        AddUniqueConcurrently(
            "keptanswer",
            models.UniqueConstraint(fields=["tenant", "key", "name"], name="keptanswer_is_unique_in_tenant"),
        ),
        AddUniqueConcurrently(
            "uploadpart",
            models.UniqueConstraint(fields=["tenant", "run", "position"], name="uploadpart_is_unique"),
        ),
        *(
            AddUnchecked(noun, constraint)
            for noun, fields in REFERENCES.items()
            for constraint in same_tenant(noun, *fields)
        ),
    ]
