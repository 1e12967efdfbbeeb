from django.db import migrations, models


class Migration(migrations.Migration):
    """The runs at work are looked for every second."""

    dependencies = [("importexport", "0005_plans")]

    operations = [
        migrations.AddIndex(
            model_name="importrun",
            index=models.Index(
                condition=models.Q(("status__in", ["planning", "applying"])),
                fields=["created_at"],
                name="importrun_at_work",
            ),
        )
    ]
