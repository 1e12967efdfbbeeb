from django.db import migrations


class Migration(migrations.Migration):
    """The table of uploads is empty, and goes."""

    dependencies = [("importexport", "0019_uploads_moved")]

    operations = [migrations.DeleteModel("UploadPart")]
