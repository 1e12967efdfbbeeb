"""What the files of other programs were read as."""

from django.db import migrations, models

import importexport.models.fields


class Migration(migrations.Migration):
    dependencies = [("importexport", "0009_running")]

    operations = [
        migrations.AddField(
            "importrun",
            "reading",
            importexport.models.fields.JsonText(
                db_default=models.Value("{}", output_field=models.TextField()), default=dict, editable=False
            ),
        ),
    ]
