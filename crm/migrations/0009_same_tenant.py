from django.db import migrations

from crm.concurrently import AddUnchecked
from crm.models.tenancy import same_tenant

#: The references between a tenant's tables.
REFERENCES = {
    "activity": ("contact", "company", "deal"),
    "contact": ("company",),
    "deal": ("stage", "pipeline", "contact", "company"),
    "stage": ("pipeline",),
}


class Migration(migrations.Migration):
    """The database refuses new references into another tenant. Each key locks two tables for a moment, for writing."""

    atomic = False

    dependencies = [("crm", "0008_tenant_keys")]

    operations = [
        AddUnchecked(noun, constraint)
        for noun, fields in REFERENCES.items()
        for constraint in same_tenant(noun, *fields)
    ]
