"""Activities."""

from django.db import models
from django.db.models import Q

from crm.models.fields import Folded, LongText
from crm.models.record import Record


class Activity(Record):
    """Something done or to be done about a contact, a company or a deal.

    It goes with what it is about (CASCADE): set to NULL instead, two activities that differ in their contact
    alone would turn into duplicates of each other, and the contact could not be deleted.
    """

    class Type(models.TextChoices):
        """What was or will be done."""

        CALL = "call"
        MEETING = "meeting"
        TASK = "task"
        EMAIL = "email"
        NOTE = "note"

    class Status(models.TextChoices):
        """Whether it is still to be done."""

        PENDING = "pending"
        COMPLETED = "completed"
        CANCELLED = "cancelled"

    class Priority(models.TextChoices):
        """How much it matters."""

        LOW = "low"
        NORMAL = "normal"
        HIGH = "high"
        URGENT = "urgent"

    activity_type = models.CharField(max_length=10, choices=Type)
    subject = models.CharField(max_length=255)
    subject_key = Folded("subject", max_length=765, db_collation="C")
    body = LongText(max_length=10_000)
    scheduled_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    priority = models.CharField(max_length=10, choices=Priority, default=Priority.NORMAL)
    due_date = models.DateField(null=True, blank=True)
    contact = models.ForeignKey(
        "crm.Contact", models.CASCADE, null=True, blank=True, related_name="activities", db_index=False
    )
    company = models.ForeignKey(
        "crm.Company", models.CASCADE, null=True, blank=True, related_name="activities", db_index=False
    )
    deal = models.ForeignKey(
        "crm.Deal", models.CASCADE, null=True, blank=True, related_name="activities", db_index=False
    )

    class Meta(Record.Meta):
        verbose_name_plural = "activities"
        indexes = [
            models.Index(fields=["tenant", "id"], name="activity_in_order"),
            # Without those that have none: PostgreSQL, which may take them for few, would look for a duplicate there.
            models.Index(fields=["contact"], condition=Q(contact__isnull=False), name="activity_by_contact"),
            models.Index(fields=["company"], condition=Q(company__isnull=False), name="activity_by_company"),
            models.Index(fields=["deal"], condition=Q(deal__isnull=False), name="activity_by_deal"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "tenant",
                    "subject_key",
                    "activity_type",
                    "scheduled_at",
                    "due_date",
                    "contact",
                    "company",
                    "deal",
                ],
                nulls_distinct=False,
                name="activity_is_unique",
            ),
            models.CheckConstraint(condition=~Q(subject=""), name="activity_subject_is_given"),
            models.CheckConstraint(
                condition=Q(activity_type__in=["call", "meeting", "task", "email", "note"]),
                name="activity_type_is_known",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "completed", "cancelled"]), name="activity_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(priority__in=["low", "normal", "high", "urgent"]), name="activity_priority_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.subject
