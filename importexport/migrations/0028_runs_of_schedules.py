from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations, models

from crm.concurrently import AddIndexAnew


class Migration(migrations.Migration):
    """The runs of a schedule are found by it, and are of its tenant. Nobody has to wait for that."""

    atomic = False
    dependencies = [("importexport", "0027_schedules")]

    operations = [
        AddIndexAnew(
            model_name="importrun",
            index=models.Index(
                condition=models.Q(("schedule", None), _negated=True),
                fields=["schedule", "-created_at"],
                name="importrun_by_schedule",
            ),
        ),
        ValidateConstraint("importrun", "importrun_schedule_is_of_its_tenant"),
    ]
