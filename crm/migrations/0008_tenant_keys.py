from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations, models

from crm.concurrently import AddUniqueConcurrently
from crm.models.tenancy import referable

#: The models whose index by tenant and id becomes a unique one.
RECORDS = ("activity", "company", "contact", "deal")
#: Those that had none.
OTHERS = ("apikey", "pipeline", "stage")


class Migration(migrations.Migration):
    """What others refer to is unique by tenant and id, so that foreign keys can have both."""

    # The indexes are built while records are read and written. Whatever stops it, it can be run again.
    atomic = False

    dependencies = [("crm", "0007_external_id_indexes")]

    operations = [
        *(AddUniqueConcurrently(noun, referable(noun)) for noun in (*RECORDS, *OTHERS)),
        AddUniqueConcurrently(
            "stage",
            models.UniqueConstraint(
                fields=["tenant", "pipeline", "name_key"], name="stage_name_is_unique_in_pipeline"
            ),
        ),
        *(RemoveIndexConcurrently(noun, f"{noun}_in_order") for noun in RECORDS),
    ]
