"""Mappings that a tenant has saved."""

from django.db import models
from django.db.models.functions import Now

from importexport.models.fields import EMPTY, JsonText


class SavedMapping(models.Model):
    """How files of an entity are read, under a name: the options of ``body`` (see mappings.SAVED)."""

    tenant = models.ForeignKey("crm.Tenant", models.CASCADE, related_name="saved_mappings", db_index=False)
    entity = models.CharField(max_length=20)
    name = models.CharField(max_length=50)
    body = JsonText(default=dict, db_default=EMPTY, editable=False)
    saved_at = models.DateTimeField(db_default=Now())
    #: When an import or a plan last used it, and the SHA-256 of the headers of that file (see mappings.digest_of).
    used_at = models.DateTimeField(null=True)
    headers = models.CharField(max_length=64, default="", db_default="")

    class Meta:
        verbose_name = "saved matching"
        ordering = ["entity", "name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "entity", "name"], name="savedmapping_is_unique")]

    def __str__(self) -> str:
        return f"@{self.name} ({self.entity})"
