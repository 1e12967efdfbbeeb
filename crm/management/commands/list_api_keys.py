"""`manage.py list_api_keys acme`."""

from argparse import ArgumentParser
from typing import Any

from crm.management.base import RallyCommand, add_tenant_argument, find_tenant
from crm.management.output import add_json_argument, minute, print_json, print_table
from crm.models import ApiKey
from crm.timestamps import timestamp

HEADINGS = ("NAME", "SCOPE", "STATE", "CREATED", "LAST USED", "EXPIRES")


class Command(RallyCommand):
    """List a tenant's API keys. The secrets are not stored, so they cannot be shown."""

    help = "List the API keys of a tenant."
    examples = ("manage.py list_api_keys acme",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_tenant_argument(parser)
        add_json_argument(parser)

    def handle(self, *, tenant: str, json: bool, **_: Any) -> None:
        keys = ApiKey.objects.filter(tenant=find_tenant(tenant))
        if json:
            print_json([key_json(key) for key in keys])
        else:
            print_table(HEADINGS, map(row_of, keys))


def row_of(key: ApiKey) -> tuple[str, ...]:
    """Return the cells of a key's row."""
    return (key.name, key.scope, key.state, minute(key.created_at), minute(key.last_used_at), minute(key.expires_at))


def key_json(key: ApiKey) -> dict[str, str | None]:
    """Return a key as JSON."""
    return {
        "name": key.name,
        "scope": key.scope,
        "state": key.state,
        "createdAt": timestamp(key.created_at),
        "lastUsedAt": timestamp(key.last_used_at),
        "expiresAt": timestamp(key.expires_at),
    }
