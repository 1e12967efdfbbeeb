"""Two tenants with members and records."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from crm.models import Activity, ApiKey, Company, Contact, Deal, Membership, Pipeline, Stage, Tenant
from crm.models.api_key import create_api_key
from crm.models.tenant import create_tenant
from importexport.models import ImportRun, SavedMapping, Schedule, Webhook, WebhookDelivery


@dataclass
class Place:
    """A tenant, its members by role, and one record of every kind."""

    tenant: Tenant
    users: dict[str, User]
    records: dict[type, Any]

    def client(self, role: str) -> Client:
        """Return a client signed in as a member with a role."""
        client = Client()
        client.force_login(self.users[role])
        return client


def make_place(slug: str) -> Place:
    tenant = create_tenant(slug=slug, name=f"{slug.title()} Inc")
    users = {role: User.objects.create_user(f"{role}-{slug}", is_staff=True) for role in Membership.Role.values}
    members = [Membership.objects.create(tenant=tenant, user=user, role=role) for role, user in users.items()]
    stage = Stage.objects.filter(tenant=tenant).first()
    company = Company.objects.create(tenant=tenant, name=f"Company of {slug}", domain=f"{slug}.example")
    contact = Contact.objects.create(
        tenant=tenant, first_name="Ada", last_name=f"Of-{slug}", email=f"ada@{slug}.example", company=company
    )
    deal = Deal.objects.create(
        tenant=tenant, name=f"Deal of {slug}", currency="EUR", probability=10, stage=stage, pipeline=stage.pipeline,
        contact=contact, company=company,
    )  # fmt: skip
    activity = Activity.objects.create(
        tenant=tenant, activity_type="call", subject=f"Call of {slug}", contact=contact, company=company, deal=deal
    )
    webhook = Webhook.objects.create(tenant=tenant, url=f"https://{slug}.example/hook", events=["import.finished"])
    delivery = WebhookDelivery.objects.create(
        tenant=tenant, webhook=webhook, event="ping", body="{}", status="failed", next_attempt_at=None
    )
    schedule = Schedule.objects.create(
        tenant=tenant, name=f"Schedule of {slug}", kind="import", entity="contacts", cron="30 2 * * *",
        address=f"https://{slug}.example/contacts.csv", options={"mode": "create"},
    )  # fmt: skip
    mapping = SavedMapping.objects.create(
        tenant=tenant, entity="contacts", name=f"mapping-of-{slug}", body={"mapping": {f"Header of {slug}": "email"}}
    )
    run = ImportRun.objects.create(
        tenant=tenant, entity="contacts", channel="admin", status="done", user=users["editor"], actor=f"editor-{slug}",
        file_name=f"{slug}.csv", header={"cells": ["email"], "columns": ["email"], "ignored": [], "missing": [], "delimiter": ","},
        started_at=timezone.now(), finished_at=timezone.now(), total_rows=1, skipped=1,
    )  # fmt: skip
    wrong = [["email", "email", "Invalid email format"]]
    run.rejected_rows.create(tenant=run.tenant, month=run.month, number=2, cells=[f"secret-of-{slug}"], errors=wrong)
    key, _ = create_api_key(tenant=tenant, name=f"Key of {slug}")
    records = {
        Company: company, Contact: contact, Deal: deal, Activity: activity, Stage: stage, Pipeline: stage.pipeline,
        Membership: members[0], ApiKey: key, ImportRun: run, Tenant: tenant, User: users["viewer"],
        Webhook: webhook, WebhookDelivery: delivery, Schedule: schedule, SavedMapping: mapping,
    }  # fmt: skip
    return Place(tenant, users, records)


@pytest.fixture(autouse=True)
def _schedules_are_on(settings) -> None:
    """The pages of schedules are there."""
    settings.RALLY_SCHEDULE_HOSTS = [".example"]


@pytest.fixture
def acme(db) -> Place:
    return make_place("acme")


@pytest.fixture
def globex(db) -> Place:
    return make_place("globex")
