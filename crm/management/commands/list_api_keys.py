"""`manage.py list_api_keys acme`."""

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from crm.management.base import RallyCommand, add_tenant_argument, find_tenant, quiet_pipe
from crm.models import ApiKey

HEADINGS = ("NAME", "SCOPE", "STATE", "CREATED", "LAST USED", "EXPIRES")


class Command(RallyCommand):
    """List a tenant's API keys. The secrets are not stored, so they cannot be shown."""

    help = "List the API keys of a tenant."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_tenant_argument(parser)

    def handle(self, *, tenant: str, **_: Any) -> None:
        keys = ApiKey.objects.filter(tenant=find_tenant(tenant))
        rows = [HEADINGS, *(row_of(key) for key in keys)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        with quiet_pipe():
            for row in rows:
                self.stdout.write(
                    "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                )


def row_of(key: ApiKey) -> tuple[str, ...]:
    """Return the cells of a key's row."""
    return (key.name, key.scope, key.state, *map(shown, (key.created_at, key.last_used_at, key.expires_at)))


def shown(moment: dt.datetime | None) -> str:
    """Return a time in UTC, to the minute, or "-"."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M}Z" if moment else "-"
