"""`manage.py revoke_api_key acme --name ci`."""

from argparse import ArgumentParser
from typing import Any

from crm.management.base import RallyCommand, UserError, add_tenant_argument, find_tenant
from crm.models import ApiKey
from crm.models.api_key import revoke_api_key


class Command(RallyCommand):
    """Revoke an API key, immediately and permanently."""

    help = "Revoke an API key, effective from the next request."
    examples = ("manage.py revoke_api_key acme --name ci",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_tenant_argument(parser)
        parser.add_argument("--name", required=True, help="the name of the key")

    def handle(self, *, tenant: str, name: str, verbosity: int, **_: Any) -> None:
        key = ApiKey.objects.filter(tenant=find_tenant(tenant), name=name, revoked_at=None).first()
        if key is None:
            raise UserError(f"API key '{name}' not found.")
        revoke_api_key(key)
        if verbosity:
            self.stdout.write(f"API key '{name}' revoked.")
