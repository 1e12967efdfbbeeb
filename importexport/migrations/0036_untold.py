from django.db import migrations, models

from crm.concurrently import AddIndexAnew


class Migration(migrations.Migration):
    """Who has started a run and left its page is told when it has ended."""

    atomic = False

    dependencies = [("importexport", "0035_saved_matching")]

    operations = [
        migrations.AddField("importrun", "is_untold", models.BooleanField(db_default=False, default=False)),
        AddIndexAnew(
            "importrun",
            models.Index(fields=["user"], name="importrun_untold", condition=models.Q(is_untold=True)),
        ),
    ]
