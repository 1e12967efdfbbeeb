"""`manage.py create_tenant acme --name "Acme Inc"`."""

from argparse import ArgumentParser
from typing import Any

from crm.management.base import RallyCommand, add_tenant_argument
from crm.models.tenant import create_tenant


class Command(RallyCommand):
    """Create a tenant with its default pipeline."""

    help = "Create a tenant."
    examples = ('manage.py create_tenant acme --name "Acme Inc" --currency EUR --timezone Europe/Berlin',)

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_tenant_argument(parser)
        parser.add_argument("--name", required=True, help="the name that its users see")
        parser.add_argument("--currency", default="USD", help="ISO 4217 code (default: USD)")
        parser.add_argument("--timezone", default="UTC", help="IANA time zone (default: UTC)")

    def handle(self, *, tenant: str, name: str, currency: str, timezone: str, verbosity: int, **_: Any) -> None:
        create_tenant(slug=tenant, name=name, currency=currency, timezone=timezone)
        if verbosity:
            self.stdout.write(f"Tenant '{tenant}' created.")
