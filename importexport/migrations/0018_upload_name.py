from django.db import migrations, models


class Migration(migrations.Migration):
    """A run says where its file is in the storage."""

    dependencies = [("importexport", "0017_keys_by_id_gone")]

    operations = [
        migrations.AddField("importrun", "upload_name", models.CharField(db_default="", default="", max_length=100)),
    ]
