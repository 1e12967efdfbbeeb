"""Company model."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models.fields import Folded, FoldedDomain, LongText, TagList, Text
from crm.models.record import Record, unique_external_id
from crm.models.slots import NameSlot, UniqueUnlessKept, kept_in_tenant
from crm.models.tenancy import referable


class Company(Record):
    """An organisation. Its name is unique in the tenant, and so is its domain, if given.

    Imports can keep others with the same name or domain, if external ids tell them apart (see ``crm.models.slots``).
    """

    name = models.CharField(max_length=200)
    name_key = Folded("name", max_length=600, db_collation="C")
    name_slot = NameSlot()
    domain = Text(max_length=255)
    domain_key = FoldedDomain("domain", max_length=765, db_collation="C")
    industry = Text(max_length=100)
    description = LongText(max_length=10_000)
    employee_count = models.PositiveBigIntegerField(null=True, blank=True)
    annual_revenue = models.DecimalField(
        max_digits=18, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    phone = Text(max_length=50)
    website = Text(max_length=255)
    address = Text(max_length=255)
    city = Text(max_length=100)
    state = Text(max_length=100)
    country = Text(max_length=100)
    postal_code = Text(max_length=20)
    tags = TagList()
    notes = LongText(max_length=10_000)

    class Meta(Record.Meta):
        verbose_name_plural = "companies"
        indexes = [kept_in_tenant("company")]
        constraints = [
            UniqueUnlessKept(fields=["tenant", "name_key", "name_slot"], name="company_name_is_unique_in_slot"),
            UniqueUnlessKept(
                fields=["tenant", "domain_key", "name_slot"],
                condition=~Q(domain_key=""),
                name="company_domain_is_unique_in_slot",
                violation_error_message=_("Another company has the same domain."),
            ),
            unique_external_id("company"),
            referable("company"),
            models.CheckConstraint(condition=~Q(name=""), name="company_name_is_given"),
            models.CheckConstraint(condition=Q(annual_revenue__gte=0), name="company_annual_revenue_is_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name
