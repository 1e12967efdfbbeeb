from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations

#: The references between a tenant's tables.
REFERENCES = {
    "activity": ("contact", "company", "deal"),
    "contact": ("company",),
    "deal": ("stage", "pipeline", "contact", "company"),
    "stage": ("pipeline",),
}


class Migration(migrations.Migration):
    """No reference that is there already is into another tenant. Records are read and written meanwhile."""

    atomic = False

    dependencies = [("crm", "0009_same_tenant")]

    operations = [
        ValidateConstraint(noun, f"{noun}_{field}_is_of_its_tenant")
        for noun, fields in REFERENCES.items()
        for field in fields
    ]
