import django.db.models.deletion
from django.db import migrations, models

#: The models, and their tables.
TABLES = {
    "keptanswer": "importexport_keptanswer",
    "rejectedrow": "importexport_skippedrow",
    "rowchange": "importexport_rowchange",
    "rowlogpage": "importexport_ledgerpage",
    "uploadpart": "importexport_uploadpart",
}


class Migration(migrations.Migration):
    """What belongs to a run has its tenant: new rows from now on, and the others after the next migration.

    Nothing is rewritten or read here.
    """

    dependencies = [("crm", "0011_stage_keys"), ("importexport", "0012_kept_bytes")]

    operations = [
        *(
            migrations.AddField(
                model,
                "tenant",
                models.ForeignKey(
                    db_constraint=False,
                    db_index=False,
                    null=True,
                    on_delete=django.db.models.deletion.DO_NOTHING,
                    related_name="+",
                    to="crm.tenant",
                ),
            )
            for model in TABLES
        ),
        *(
            migrations.RunSQL(
                f"ALTER TABLE {table} ADD CONSTRAINT {model}_has_tenant CHECK (tenant_id IS NOT NULL) NOT VALID",
                f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {model}_has_tenant",
            )
            for model, table in TABLES.items()
        ),
    ]
