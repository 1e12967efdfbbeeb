"""Tenant model."""

import zoneinfo
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from crm.characters import trim, without_invisible
from crm.models.fields import validate_currency

validate_slug = RegexValidator(
    r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z",
    _("A slug is a host label (RFC 1123): 1–63 of a–z, 0–9 and inner hyphens."),
)


#: How pages can write dates and numbers: the locale (BCP 47, in English) → where that is usual. See rally.formats.
LOCALES = {
    "en": _("International"),
    "en-AU": _("Australia"),
    "en-AT": _("Austria"),
    "en-CA": _("Canada"),
    "en-FR": _("France"),
    "en-DE": _("Germany"),
    "en-IN": _("India"),
    "en-IE": _("Ireland"),
    "en-IT": _("Italy"),
    "en-NL": _("Netherlands"),
    "en-PL": _("Poland"),
    "en-ZA": _("South Africa"),
    "en-ES": _("Spain"),
    "en-SE": _("Sweden"),
    "en-CH": _("Switzerland"),
    "en-GB": _("United Kingdom"),
    "en-US": _("United States"),
}


@cache
def time_zones() -> frozenset[str]:
    """Return the names of the IANA time zone database. Python reads all its files for them, which takes a while."""
    return frozenset(zoneinfo.available_timezones())


def validate_timezone(name: str) -> None:
    """Raise ValidationError unless the name is in the IANA time zone database."""
    if name not in time_zones():
        raise ValidationError(_("“%(name)s” is not an IANA time zone."), params={"name": name})


class Tenant(models.Model):
    """A customer account (``acme`` in ``acme.rallycrm.io``), with default values for its records."""

    slug = models.CharField(
        max_length=63,
        unique=True,
        validators=[validate_slug],
        error_messages={"unique": _("This slug is taken. Choose another one.")},
    )
    name = models.CharField(max_length=200)
    currency = models.CharField(max_length=3, default="USD", validators=[validate_currency])
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_timezone])
    locale = models.CharField(max_length=10, choices=LOCALES, default="en", db_default="en")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        # What staff call it. Programs and the shell say tenant.
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(condition=models.Q(currency__regex=r"^[A-Z]{3}$"), name="tenant_currency_is_a_code"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, **options: Any) -> None:
        """Save the tenant and create its default pipeline, in one transaction."""
        with transaction.atomic():
            super().save(**options)

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone of times without an offset."""
        return zoneinfo.ZoneInfo(self.timezone)


def create_tenant(*, slug: str, name: str, currency: str = "USD", timezone: str = "UTC", locale: str = "en") -> Tenant:
    """Create a tenant with its default pipeline. Raise ValidationError for invalid values."""
    tenant = Tenant(
        slug=slug,
        name=trim(name),
        currency=without_invisible(currency).upper(),
        timezone=without_invisible(timezone),
        locale=locale,
    )
    tenant.full_clean()
    tenant.save()
    return tenant
