"""`manage.py create_api_key acme --name ci` prints the key, and nothing else, to stdout."""

from argparse import ArgumentParser
from typing import Any

from django.db import transaction

from crm.management.base import RallyCommand, add_tenant_argument, find_tenant, parse_expiry
from crm.models import ApiKey
from crm.models.api_key import create_api_key


class Command(RallyCommand):
    """Create an API key. The key is shown once; only its digest is stored."""

    help = "Create an API key and print it. It cannot be shown again."
    examples = ("manage.py create_api_key acme --name ci --scope read --expires 2027-01-01",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_tenant_argument(parser)
        parser.add_argument("--name", required=True, help="the name of the key")
        parser.add_argument("--scope", choices=ApiKey.Scope.values, default=ApiKey.Scope.WRITE, help="default: write")
        parser.add_argument("--expires", metavar="DATE", help="ISO 8601, such as 2027-01-01 (default: never)")

    def handle(self, *, tenant: str, name: str, scope: str, expires: str | None, **_: Any) -> None:
        owner = find_tenant(tenant)
        expires_at = None if expires is None else parse_expiry(expires, owner)
        # A key that could not be printed would be useless, so it is not stored.
        with transaction.atomic():
            _key, secret = create_api_key(tenant=owner, name=name, scope=scope, expires_at=expires_at)
            self.stdout.write(secret)
            self.stdout.flush()
