"""`manage.py list_tenants`."""

from argparse import ArgumentParser
from typing import Any

from crm.management.base import RallyCommand
from crm.management.output import add_json_argument, minute, print_json, print_table
from crm.models import Tenant
from crm.timestamps import timestamp

HEADINGS = ("SLUG", "NAME", "CURRENCY", "TIME ZONE", "CREATED")


class Command(RallyCommand):
    """List the tenants."""

    help = "List the tenants, by slug."
    examples = ("manage.py list_tenants --json",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_json_argument(parser)

    def handle(self, *, json: bool, **_: Any) -> None:
        tenants = Tenant.objects.all()
        if json:
            print_json([tenant_json(tenant) for tenant in tenants])
        else:
            print_table(HEADINGS, map(row_of, tenants))


def row_of(tenant: Tenant) -> tuple[str, ...]:
    """Return the cells of a tenant's row."""
    return (tenant.slug, tenant.name, tenant.currency, tenant.timezone, minute(tenant.created_at))


def tenant_json(tenant: Tenant) -> dict[str, str | None]:
    """Return a tenant as JSON."""
    return {
        "slug": tenant.slug,
        "name": tenant.name,
        "currency": tenant.currency,
        "timezone": tenant.timezone,
        "createdAt": timestamp(tenant.created_at),
    }
