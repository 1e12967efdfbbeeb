from django.db import migrations, models

import crm.models.fields
from crm.matching_keys import recompute


def recompute_activities(apps, schema_editor):
    """Give activities the keys that others had before they were told apart."""
    recompute(apps.get_model("crm", "Activity"))


class Migration(migrations.Migration):
    """Activities are told apart by body and completion time as well: what was unique before is so still."""

    dependencies = [
        ("crm", "0004_matching_keys"),
    ]

    operations = [
        # Without its old index, which the new column would have PostgreSQL build anew.
        migrations.RemoveConstraint(model_name="activity", name="activity_is_unique"),
        migrations.AddField(model_name="activity", name="body_digest", field=crm.models.fields.Digest("body")),
        migrations.AddConstraint(
            model_name="activity",
            constraint=models.UniqueConstraint(
                fields=(
                    "tenant", "subject_key", "activity_type", "scheduled_at", "due_date", "contact", "company", "deal",
                    "completed_at", "body_digest",
                ),
                name="activity_is_unique",
                nulls_distinct=False,
            ),
        ),
        migrations.RunPython(recompute_activities, migrations.RunPython.noop, elidable=True),
    ]  # fmt: skip
