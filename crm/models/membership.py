"""Membership of staff users in tenants."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Membership(models.Model):
    """A staff user's membership in one tenant."""

    class Role(models.TextChoices):
        """What a member may do: view records, edit them, or also manage API keys and members."""

        VIEWER = "viewer"
        EDITOR = "editor"
        ADMIN = "admin"

    tenant = models.ForeignKey("crm.Tenant", models.CASCADE, related_name="memberships")
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="membership")
    role = models.CharField(max_length=10, choices=Role, default=Role.EDITOR)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = "member"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(role__in=["viewer", "editor", "admin"]), name="membership_role_is_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"
