"""Which tenant a host stands for."""

from django.conf import settings


def slug_of_host(host: str) -> str | None:
    """Return the tenant's slug that a host name carries (``acme.<RALLY_BASE_DOMAIN>``), or None where it names none."""
    domain = settings.RALLY_BASE_DOMAIN
    name = host.lower().rsplit(":", 1)[0].rstrip(".") if not host.endswith("]") else host
    if not domain or not name.endswith(f".{domain}"):
        return None
    return name.removesuffix(f".{domain}")
