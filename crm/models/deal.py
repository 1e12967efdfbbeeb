"""Deal model."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from crm.models.fields import Folded, LongText, validate_currency
from crm.models.record import Record, unique_external_id
from crm.models.slots import NameSlot, UniqueUnlessKept, kept_in_tenant
from crm.models.tenancy import referable, same_tenant


class Deal(Record):
    """A sale in progress. Its name is unique in its pipeline.

    Imports can keep others with the same name, if external ids tell them apart (see ``crm.models.slots``).
    """

    name = models.CharField(max_length=200)
    name_key = Folded("name", max_length=600, db_collation="C")
    name_slot = NameSlot()
    value = models.DecimalField(
        max_digits=18, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    currency = models.CharField(max_length=3, validators=[validate_currency])
    probability = models.PositiveSmallIntegerField(validators=[MaxValueValidator(100)])
    expected_close_date = models.DateField(null=True, blank=True)
    stage = models.ForeignKey("crm.Stage", models.RESTRICT, related_name="deals", db_constraint=False)
    pipeline = models.ForeignKey("crm.Pipeline", models.RESTRICT, related_name="deals", db_constraint=False)
    contact = models.ForeignKey(
        "crm.Contact", models.SET_NULL, null=True, blank=True, related_name="deals", db_constraint=False
    )
    company = models.ForeignKey(
        "crm.Company", models.SET_NULL, null=True, blank=True, related_name="deals", db_constraint=False
    )
    notes = LongText(max_length=10_000)

    class Meta(Record.Meta):
        indexes = [kept_in_tenant("deal")]
        constraints = [
            # Name before pipeline, so that the index also serves look-ups by name alone.
            UniqueUnlessKept(
                fields=["tenant", "name_key", "pipeline", "name_slot"], name="deal_name_is_unique_in_pipeline_and_slot"
            ),
            unique_external_id("deal"),
            referable("deal"),
            *same_tenant("deal", "stage", "pipeline", "contact", "company"),
            models.CheckConstraint(condition=~Q(name=""), name="deal_name_is_given"),
            models.CheckConstraint(condition=Q(value__gte=0), name="deal_value_is_not_negative"),
            models.CheckConstraint(condition=Q(probability__lte=100), name="deal_probability_is_per_cent"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="deal_currency_is_a_code"),
        ]

    def __str__(self) -> str:
        return self.name
