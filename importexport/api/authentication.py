"""Authentication by API key. The key, its tenant and the tenant's request count take one round trip to the database."""

from typing import Any, NamedTuple, cast

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from crm.models import ApiKey, Tenant
from crm.models.api_key import digest_of, is_well_formed
from importexport.db import ask

CHALLENGE = 'ApiKey realm="Rally import / export", header="X-Api-Key"'
MISSING = "The API key is missing. Send a key in the header X-Api-Key."
INVALID = "The API key is not valid. Send a key in the header X-Api-Key."
#: Looks up a key by its digest and counts the request in its tenant's current minute; see migration 0002.
ADMIT = b"""
SELECT key_name, key_scope, tenant, slug, tenant_name, currency, timezone, requests, window_end, seconds_left
FROM importexport_admit($1)
"""


class Caller(NamedTuple):
    """A client with a valid key: both ``request.user`` and ``request.auth``."""

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
    def is_authenticated(self) -> bool:
        """True, as DRF's own permissions expect of a user."""
        return True

    @property
    def tenant(self) -> Tenant:
        """The tenant, without a query."""
        values = [self.tenant_id, self.slug, self.tenant_name, self.currency, self.timezone]
        return Tenant.from_db(DEFAULT_DB_ALIAS, ["id", "slug", "name", "currency", "timezone"], values)

    @property
    def remaining(self) -> int:
        """The requests that are left in the current minute."""
        return max(settings.RALLY_RATE_LIMIT - self.requests, 0)

    @property
    def limit_headers(self) -> dict[str, str]:
        """The headers of the rate limit, which every response carries."""
        return {
            "X-RateLimit-Limit": str(settings.RALLY_RATE_LIMIT),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.window_end),
        }


class ApiKeyAuthentication(BaseAuthentication):
    """Authenticates a request by its ``X-Api-Key`` header, and counts it against the tenant's rate limit."""

    def authenticate(self, request: Request) -> tuple[Any, Any]:
        """Return the caller, as both user and auth.

        Raises NotAuthenticated without a key, and AuthenticationFailed if the key is not valid.
        """
        secret = request.META.get("HTTP_X_API_KEY", "")
        if not secret:
            raise NotAuthenticated(MISSING, code="missing_key")
        caller = admit(secret) if is_well_formed(secret) else None
        if caller is None:
            raise AuthenticationFailed(INVALID, code=f"{state_of(secret)}_key")
        return caller, caller

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def caller_of(request: Request) -> Caller:
    """Return the caller of an authenticated request."""
    return cast(Caller, request.auth)


def admit(secret: str) -> Caller | None:
    """Look up a key and count the request against its tenant's limit; return None if the key is not valid."""
    texts = ask(ADMIT, digest_of(secret))
    if texts[0] is None:
        return None
    return Caller(*(kind(text) for kind, text in zip(Caller.__annotations__.values(), texts, strict=True)))


def state_of(secret: str) -> str:
    """Return why a key does not work: it is expired, revoked or, if there is no such key, invalid."""
    key = ApiKey.objects.filter(digest=digest_of(secret)).first() if is_well_formed(secret) else None
    return key.state if key and key.state != "active" else "invalid"


def key_id(request: Request) -> int | None:
    """Return the id of an authenticated request's key."""
    digest = digest_of(request.META["HTTP_X_API_KEY"])
    return ApiKey.objects.filter(digest=digest).values_list("pk", flat=True).first()
