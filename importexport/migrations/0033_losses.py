from django.db import migrations

from importexport.models.fields import EMPTY, JsonText


class Migration(migrations.Migration):
    """A preview counts the values that its updates would clear."""

    dependencies = [("importexport", "0032_fixes")]

    operations = [
        migrations.AddField("importrun", "losses", JsonText(db_default=EMPTY, default=dict, editable=False)),
    ]
