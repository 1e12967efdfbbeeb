"""Which tenant a host stands for, and the lock of a tenant's entity."""

import zlib
from collections.abc import Collection

from django.conf import settings
from django.db import connection

from crm.models import Tenant


def slug_of_host(host: str) -> str | None:
    """Return the tenant's slug that a host name carries (``acme.<RALLY_BASE_DOMAIN>``), or None where it names none."""
    domain = settings.RALLY_BASE_DOMAIN
    name = host.lower().rsplit(":", 1)[0].rstrip(".") if not host.endswith("]") else host
    if not domain or not name.endswith(f".{domain}"):
        return None
    return name.removesuffix(f".{domain}")


def lock_entities(tenant: Tenant, entities: Collection[str]) -> None:
    """Wait until no other transaction imports these entities of this tenant; held until the transaction ends.

    The tenant itself cannot be deleted meanwhile. Raises Tenant.DoesNotExist where it was before.
    """
    with connection.cursor() as cursor:
        # In one order for all, or two that want the same would wait for each other.
        for entity in sorted(entities):
            # Two 31-bit numbers: tenant and entity. A clash of the first merely makes two tenants take turns.
            numbers = [tenant.pk % 2**31, zlib.crc32(entity.encode()) >> 1]
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", numbers)
        cursor.execute("SELECT FROM crm_tenant WHERE id = %s FOR KEY SHARE", [tenant.pk])
        if not cursor.rowcount:
            raise Tenant.DoesNotExist
