"""API keys. The secret exists only in ``create_api_key``; the database stores its digest."""

import datetime
import hashlib
import re
import secrets
import string

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from crm.characters import trim
from crm.models.tenancy import referable
from crm.models.tenant import Tenant

PREFIX = "rk_live_"
#: The number of random characters.
SECRET_LENGTH = 40
ALPHABET = string.ascii_letters + string.digits
_FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{32,128}}")


class ApiKey(models.Model):
    """Credentials for a program: tied to a tenant, limited by a scope, revocable at any time."""

    class Scope(models.TextChoices):
        """Each scope includes the previous one: exports and templates; imports; everything."""

        READ = "read"
        WRITE = "write"
        ADMIN = "admin"

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    scope = models.CharField(max_length=5, choices=Scope, default=Scope.WRITE)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                "tenant",
                "name",
                condition=models.Q(revoked_at=None),
                name="api_key_name_is_unique_while_in_use",
                violation_error_message="A key of this name is in use already.",
            ),
            referable("apikey"),
            models.CheckConstraint(
                condition=models.Q(scope__in=["read", "write", "admin"]), name="api_key_scope_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        """``active``, ``expired`` or ``revoked``."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= timezone.now() else "active"


def create_api_key(
    *, tenant: Tenant, name: str, scope: str = "write", expires_at: datetime.datetime | None = None
) -> tuple[ApiKey, str]:
    """Create a key and return it with its secret, which is not stored. Raise ValidationError for invalid values.

    In front of its random characters, the secret carries the cell: whoever passes requests on to cells need not ask a
    database.
    """
    secret = PREFIX + settings.RALLY_CELL + "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
    key = ApiKey(tenant=tenant, name=trim(name), scope=scope, digest=digest_of(secret), expires_at=expires_at)
    key.full_clean()
    key.save()
    return key, secret


def revoke_api_key(key: ApiKey) -> None:
    """Revoke a key, effective from the next request."""
    key.revoked_at = timezone.now()
    key.save(update_fields=["revoked_at"])


def is_well_formed(secret: str) -> bool:
    """Whether a text has the form of a key."""
    return _FORM.fullmatch(secret) is not None


def digest_of(secret: str) -> str:
    """Return the SHA-256 of a key in hex. With 238 random bits, a slow password hash is not needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
