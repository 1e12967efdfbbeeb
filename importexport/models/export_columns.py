"""The columns that people have chosen for their exports."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class ExportColumns(models.Model):
    """The columns that a user of the admin has last chosen for an entity; none are kept for all of them."""

    tenant = models.ForeignKey("crm.Tenant", models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    entity = models.CharField(max_length=20)
    columns = ArrayField(models.CharField(max_length=100))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "user", "entity"], name="exportcolumns_are_unique")]

    def __str__(self) -> str:
        return f"{self.entity}: {', '.join(self.columns)}"
