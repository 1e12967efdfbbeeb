"""Who asks: the key, its tenant, and the tenant's share of requests, in one round trip to the database."""

from typing import NamedTuple

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.http import HttpRequest

from crm.models import ApiKey, Tenant
from crm.models.api_key import digest_of, is_well_formed
from crm.tenancy import slug_of_host
from importexport.api.problems import Problem
from importexport.db import ask

CHALLENGE = 'ApiKey realm="Rally import / export", header="X-Api-Key"'
OVER_SHARE = "Too many requests of the tenant are being answered at this moment. Try again in 1 second."
SCOPES = list(ApiKey.Scope)
#: Looks a key up by its digest and counts the request in its tenant's minute; see migration 0002.
ADMIT = b"""
SELECT key_name, key_scope, tenant, slug, tenant_name, currency, timezone, requests, window_end, seconds_left
FROM importexport_admit($1)
"""


class Caller(NamedTuple):
    """A program with a valid key."""

    key_name: str
    scope: str
    tenant_id: int
    slug: str
    tenant_name: str
    currency: str
    timezone: str
    requests: int
    window_end: int
    seconds_left: float

    @property
    def tenant(self) -> Tenant:
        """The tenant, as if it had been queried."""
        values = [self.tenant_id, self.slug, self.tenant_name, self.currency, self.timezone]
        return Tenant.from_db(DEFAULT_DB_ALIAS, ["id", "slug", "name", "currency", "timezone"], values)

    @property
    def limit_headers(self) -> dict[str, str]:
        """What every answer says of the rate limit."""
        limit = settings.RALLY_RATE_LIMIT
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(limit - self.requests, 0)),
            "X-RateLimit-Reset": str(self.window_end),
        }


def identify(request: HttpRequest) -> Caller:
    """Return who asks, and count the request; raise a 401 where no valid key comes with it."""
    secret = request.META.get("HTTP_X_API_KEY", "")
    caller = admit(secret) if is_well_formed(secret) else None
    if caller is None:
        what = "is not valid" if secret else "is missing"
        raise Problem(
            401, f"The API key {what}. Send a key in the header X-Api-Key.", headers={"WWW-Authenticate": CHALLENGE}
        )
    return caller


def admit(secret: str) -> Caller | None:
    """Look a key up and count the request in its tenant's minute; None where the key is not valid (any more)."""
    texts = ask(ADMIT, digest_of(secret))
    if texts[0] is None:
        return None
    return Caller(*(kind(text) for kind, text in zip(Caller.__annotations__.values(), texts, strict=True)))


def key_id(request: HttpRequest) -> int | None:
    """Return the id of the key that an identified request came with."""
    digest = digest_of(request.META["HTTP_X_API_KEY"])
    return ApiKey.objects.filter(digest=digest).values_list("pk", flat=True).first()


def check_share(request: HttpRequest) -> None:
    """Raise a 429 where the tenant has more requests under way than its share of the server's threads.

    Who counts them is the server, before it gives a request a thread (see rally.server).
    """
    if request.META.get("rally.is_over_share"):
        raise Problem(429, OVER_SHARE, headers={"Retry-After": "1"})


def check_rate(caller: Caller) -> None:
    """Raise a 429 where the tenant has had its requests of this minute."""
    if caller.requests > settings.RALLY_RATE_LIMIT:
        wait = max(1, int(caller.seconds_left) + 1)
        raise Problem(
            429,
            f"More than {settings.RALLY_RATE_LIMIT} requests in a minute. Try again in {wait} seconds.",
            headers={"Retry-After": str(wait)},
        )


def check_host(caller: Caller, request: HttpRequest) -> None:
    """Raise a 403 where the host names another tenant than the key's."""
    slug = slug_of_host(request.get_host()) if settings.RALLY_BASE_DOMAIN else None
    if slug is not None and slug != caller.slug:
        raise Problem(403, "The API key belongs to another tenant than the host names.")


def check_scope(caller: Caller, scope: str) -> None:
    """Raise a 403 where the key's scope does not contain another."""
    if SCOPES.index(ApiKey.Scope(caller.scope)) < SCOPES.index(ApiKey.Scope(scope)):
        raise Problem(403, f"The API key has the scope '{caller.scope}'; this needs '{scope}'.")
