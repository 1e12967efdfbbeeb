from django.db import migrations, models
from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat


def name(apps, schema_editor):
    """The files that are there have the names that all exports had."""
    exports = apps.get_model("importexport", "PreparedExport").objects.using(schema_editor.connection.alias)
    named = Concat(Cast("tenant_id", CharField()), Value("/exports/"), Cast(F("id"), CharField()))
    exports.exclude(size=None).update(upload_name=named)


class Migration(migrations.Migration):
    """Each attempt to make the file of an export has a name of its own, which the export has to know."""

    dependencies = [("importexport", "0028_runs_of_schedules")]

    operations = [
        migrations.AddField(
            "preparedexport", "upload_name", models.CharField(db_default="", default="", max_length=100)
        ),
        migrations.RunPython(name, migrations.RunPython.noop, elidable=True),
    ]
