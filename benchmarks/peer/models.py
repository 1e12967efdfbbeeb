"""The tables that every engine in this folder is measured on."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator
from django.db import models

STAGES = [(s, s) for s in ("lead", "qualified", "opportunity", "customer", "evangelist")]


def text(n):
    return models.CharField(max_length=n, blank=True, default="")


class Tenant(models.Model):
    slug = models.SlugField(unique=True)

    class Meta:
        app_label = "peer"


class Base(models.Model):
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class Company(Base):
    tenant = models.ForeignKey(Tenant, models.CASCADE, db_index=False)
    name = models.CharField(max_length=200)
    domain = text(255)
    industry = text(100)
    description = models.TextField(blank=True, default="")
    employee_count = models.PositiveIntegerField(null=True, blank=True)
    annual_revenue = models.DecimalField(max_digits=18, decimal_places=2, null=True, blank=True)
    phone = text(50)
    website = text(255)
    address = text(255)
    city = text(100)
    state = text(100)
    country = text(100)
    postal_code = text(20)
    tags = ArrayField(models.CharField(max_length=50), blank=True, default=list)
    notes = models.TextField(blank=True, default="")

    class Meta:
        app_label = "peer"
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="company_name")]


class Contact(Base):
    tenant = models.ForeignKey(Tenant, models.CASCADE, db_index=False)
    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100)
    email = models.EmailField(max_length=254)
    phone = text(50)
    mobile = text(50)
    title = text(100)
    department = text(100)
    company = models.ForeignKey(Company, models.SET_NULL, null=True, blank=True)
    address = text(255)
    city = text(100)
    state = text(100)
    country = text(100)
    postal_code = text(20)
    lifecycle_stage = models.CharField(max_length=20, choices=STAGES, default="lead")
    lead_source = text(100)
    tags = ArrayField(models.CharField(max_length=50), blank=True, default=list)
    notes = models.TextField(blank=True, default="")

    class Meta:
        app_label = "peer"
        constraints = [models.UniqueConstraint(fields=["tenant", "email"], name="contact_email")]
        indexes = [
            models.Index(fields=["tenant", "last_name", "first_name"], name="contact_names"),
            models.Index(fields=["tenant", "lifecycle_stage"], name="contact_stage"),
        ]


class Deal(Base):
    tenant = models.ForeignKey(Tenant, models.CASCADE, db_index=False)
    name = models.CharField(max_length=200)
    value = models.DecimalField(max_digits=18, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, default="USD")
    probability = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(100)])
    expected_close_date = models.DateField(null=True, blank=True)
    stage_name = text(100)
    pipeline_name = text(100)
    contact = models.ForeignKey(Contact, models.SET_NULL, null=True, blank=True)
    company = models.ForeignKey(Company, models.SET_NULL, null=True, blank=True)
    notes = models.TextField(blank=True, default="")

    class Meta:
        app_label = "peer"
        indexes = [models.Index(fields=["tenant", "name"], name="deal_name")]


class Activity(Base):
    tenant = models.ForeignKey(Tenant, models.CASCADE, db_index=False)
    activity_type = models.CharField(
        max_length=10, choices=[(x, x) for x in ("call", "meeting", "task", "email", "note")]
    )
    subject = models.CharField(max_length=255)
    body = models.TextField(blank=True, default="")
    scheduled_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(
        max_length=10, default="pending", choices=[(x, x) for x in ("pending", "completed", "cancelled")]
    )
    priority = models.CharField(
        max_length=10, default="normal", choices=[(x, x) for x in ("low", "normal", "high", "urgent")]
    )
    due_date = models.DateField(null=True, blank=True)
    contact = models.ForeignKey(Contact, models.SET_NULL, null=True, blank=True)
    company = models.ForeignKey(Company, models.SET_NULL, null=True, blank=True)
    deal = models.ForeignKey(Deal, models.SET_NULL, null=True, blank=True)

    class Meta:
        app_label = "peer"
        indexes = [models.Index(fields=["tenant", "scheduled_at"], name="activity_when")]
