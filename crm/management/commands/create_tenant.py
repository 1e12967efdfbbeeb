"""`manage.py create_tenant acme --name "Acme Inc"`."""

from argparse import ArgumentParser
from typing import Any

from crm.management.base import RallyCommand, add_tenant_argument
from crm.models.tenant import LOCALES, create_tenant

FIELDS = ("name", "currency", "timezone", "locale")


class Command(RallyCommand):
    """Create a tenant with its default pipeline."""

    help = "Create a tenant."
    examples = ('manage.py create_tenant acme --name "Acme Inc" --currency EUR --timezone Europe/Berlin',)

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_tenant_argument(parser)
        parser.add_argument("--name", required=True, help="the name that its users see")
        parser.add_argument("--currency", default="USD", help="ISO 4217 code (default: USD)")
        parser.add_argument("--timezone", default="UTC", help="IANA time zone (default: UTC)")
        parser.add_argument(
            "--locale", default="en", choices=LOCALES, metavar="LOCALE",
            help="how pages write dates and numbers: en-US, en-GB, en-DE … (default: en, for no particular country)",
        )  # fmt: skip

    def handle(self, *, tenant: str, verbosity: int, **options: Any) -> None:
        create_tenant(slug=tenant, **{name: options[name] for name in FIELDS})
        if verbosity:
            self.stdout.write(f"Tenant '{tenant}' created.")
