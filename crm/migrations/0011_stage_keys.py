import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Of stages, what the unique constraint that begins with the tenant has replaced goes. There are few."""

    dependencies = [("crm", "0010_same_tenant_valid")]

    operations = [
        migrations.RemoveConstraint("stage", "stage_name_is_unique"),
        migrations.AlterField(
            "stage",
            "pipeline",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="stages", to="crm.pipeline"
            ),
        ),
        migrations.AlterField(
            "stage",
            "tenant",
            models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="crm.tenant"
            ),
        ),
    ]
