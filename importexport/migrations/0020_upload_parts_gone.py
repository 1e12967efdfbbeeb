from importlib import import_module

from django.db import migrations

move = import_module("importexport.migrations.0019_uploads_moved").move


class Migration(migrations.Migration):
    """The table of uploads goes, after those that a process of the version before has stored since."""

    dependencies = [("importexport", "0019_uploads_moved")]

    operations = [
        migrations.RunSQL("LOCK TABLE importexport_uploadpart IN ACCESS EXCLUSIVE MODE", migrations.RunSQL.noop),
        migrations.RunPython(move, migrations.RunPython.noop),
        migrations.DeleteModel("UploadPart"),
    ]
