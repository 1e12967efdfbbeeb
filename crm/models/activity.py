"""Activity model."""

from django.db import models
from django.db.models import Q

from crm.models.fields import Digest, Folded, LongText
from crm.models.record import Record, unique_external_id
from crm.models.tenancy import referable, same_tenant


class Activity(Record):
    """Something done or planned with a contact, a company or a deal.

    It is deleted with the records it refers to (CASCADE). With SET_NULL, two activities that differ only in their
    contact would become duplicates of each other, and the contact could not be deleted.
    """

    class Type(models.TextChoices):
        CALL = "call"
        MEETING = "meeting"
        TASK = "task"
        EMAIL = "email"
        NOTE = "note"

    class Status(models.TextChoices):
        PENDING = "pending"
        COMPLETED = "completed"
        CANCELLED = "cancelled"

    class Priority(models.TextChoices):
        LOW = "low"
        NORMAL = "normal"
        HIGH = "high"
        URGENT = "urgent"

    activity_type = models.CharField(max_length=10, choices=Type)
    subject = models.CharField(max_length=255)
    subject_key = Folded("subject", max_length=765, db_collation="C")
    body = LongText(max_length=10_000)
    body_digest = Digest("body")
    scheduled_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    priority = models.CharField(max_length=10, choices=Priority, default=Priority.NORMAL)
    due_date = models.DateField(null=True, blank=True)
    contact = models.ForeignKey(
        "crm.Contact",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="activities",
        db_index=False,
        db_constraint=False,
    )
    company = models.ForeignKey(
        "crm.Company",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="activities",
        db_index=False,
        db_constraint=False,
    )
    deal = models.ForeignKey(
        "crm.Deal",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="activities",
        db_index=False,
        db_constraint=False,
    )

    class Meta(Record.Meta):
        verbose_name_plural = "activities"
        indexes = [
            # Partial indexes: with NULLs in them, PostgreSQL may underestimate how many there are and use them to find
            # duplicates.
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
                    "completed_at",
                    "body_digest",
                ],
                nulls_distinct=False,
                name="activity_is_unique",
            ),
            unique_external_id("activity"),
            referable("activity"),
            *same_tenant("activity", "contact", "company", "deal"),
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
