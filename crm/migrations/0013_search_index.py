from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations, models

from crm.concurrently import AddIndexAnew


class Migration(migrations.Migration):
    """The search reads one index with all that it looks at, instead of those of the beginnings of names."""

    atomic = False

    dependencies = [("crm", "0012_keys_by_id_gone")]

    operations = [
        AddIndexAnew(
            "contact",
            models.Index(
                fields=["tenant", "id"],
                include=["first_name", "last_name", "email_key", "phone", "mobile", "company"],
                name="contact_search",
            ),
        ),
        RemoveIndexConcurrently("contact", "contact_by_first_name"),
    ]
