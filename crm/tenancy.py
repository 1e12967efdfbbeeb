"""Resolving a tenant from a host name."""

from django.conf import settings


def slug_of_host(host: str) -> str | None:
    """Return the tenant slug in a host name (``acme.<RALLY_BASE_DOMAIN>``), or None if there is none."""
    domain = settings.RALLY_BASE_DOMAIN
    name = host.lower().rsplit(":", 1)[0].rstrip(".") if not host.endswith("]") else host
    if not domain or not name.endswith(f".{domain}"):
        return None
    return name.removesuffix(f".{domain}")
