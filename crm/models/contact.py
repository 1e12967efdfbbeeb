"""Contact model."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Collate, Lower
from django.utils.translation import gettext_lazy as _

from crm.addresses import validate_email
from crm.models.fields import FoldedEmail, LongText, TagList, Text
from crm.models.record import Record, unique_external_id
from crm.models.tenancy import referable, same_tenant

#: What a contact is known by: it has at least one of them.
KNOWN_BY = ("first_name", "last_name", "email", "phone", "mobile", "company")


class Contact(Record):
    """A person. The e-mail address, if given, is unique in the tenant.

    Files of other programs can have people without a name or an e-mail address. Only ``clean`` requires that something
    is given: a database constraint would not let a company be deleted that is all that is known of a contact.
    """

    class LifecycleStage(models.TextChoices):
        """How close the person is to becoming a customer."""

        LEAD = "lead"
        QUALIFIED = "qualified"
        OPPORTUNITY = "opportunity"
        CUSTOMER = "customer"
        EVANGELIST = "evangelist"

    first_name = Text(max_length=100)
    last_name = Text(max_length=100)
    email = Text(max_length=254, validators=[validate_email])
    email_key = FoldedEmail("email", max_length=762, db_collation="C", null=True)
    phone = Text(max_length=50)
    mobile = Text(max_length=50)
    title = Text(max_length=100)
    department = Text(max_length=100)
    company = models.ForeignKey(
        "crm.Company", models.SET_NULL, null=True, blank=True, related_name="contacts", db_constraint=False
    )
    address = Text(max_length=255)
    city = Text(max_length=100)
    state = Text(max_length=100)
    country = Text(max_length=100)
    postal_code = Text(max_length=20)
    lifecycle_stage = models.CharField(max_length=20, choices=LifecycleStage, default=LifecycleStage.LEAD)
    lead_source = Text(max_length=100)
    tags = TagList()
    notes = LongText(max_length=10_000)

    class Meta(Record.Meta):
        indexes = [
            # For sorting by name, whatever the locale of the database.
            models.Index("tenant", Collate(Lower("last_name"), "C"), name="contact_by_last_name"),
            # For finding any part of these: the search goes through a tenant's part of the index, and not the table.
            models.Index(
                fields=["tenant", "id"],
                include=["first_name", "last_name", "email_key", "phone", "mobile", "company"],
                name="contact_search",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "email_key"], name="contact_email_is_unique"),
            unique_external_id("contact"),
            referable("contact"),
            *same_tenant("contact", "company"),
            models.CheckConstraint(
                condition=Q(lifecycle_stage__in=["lead", "qualified", "opportunity", "customer", "evangelist"]),
                name="contact_lifecycle_stage_is_known",
            ),
        ]

    def __str__(self) -> str:
        name = f"{self.first_name} {self.last_name}".strip()
        known = name or self.email or self.phone or self.mobile
        return known or str(self.company or f"{_('Contact')} {self.pk}")

    def clean(self) -> None:
        """Raise ValidationError for a contact of which nothing is known."""
        super().clean()
        if not any(getattr(self, name) for name in KNOWN_BY):
            raise ValidationError(_("Give a first name, last name, e-mail, phone, mobile or company."))
