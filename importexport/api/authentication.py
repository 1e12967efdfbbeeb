"""Authentication by API key: the key, its tenant and the tenant's requests, in one round trip to the database."""

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
#: What an answer 401 says; the first, where no key came at all.
MISSING = "The API key is missing. Send a key in the header X-Api-Key."
INVALID = "The API key is not valid. Send a key in the header X-Api-Key."
#: Looks a key up by its digest and counts the request in its tenant's minute; see migration 0002.
ADMIT = b"""
SELECT key_name, key_scope, tenant, slug, tenant_name, currency, timezone, requests, window_end, seconds_left
FROM importexport_admit($1)
"""


class Caller(NamedTuple):
    """A program with a valid key: both ``request.user`` and ``request.auth``."""

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
        """Always True, for DRF's own permissions."""
        return True

    @property
    def tenant(self) -> Tenant:
        """The tenant, as if it had been queried."""
        values = [self.tenant_id, self.slug, self.tenant_name, self.currency, self.timezone]
        return Tenant.from_db(DEFAULT_DB_ALIAS, ["id", "slug", "name", "currency", "timezone"], values)

    @property
    def limit_headers(self) -> dict[str, str]:
        """What every answer says about the rate limit."""
        limit = settings.RALLY_RATE_LIMIT
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(limit - self.requests, 0)),
            "X-RateLimit-Reset": str(self.window_end),
        }


class ApiKeyAuthentication(BaseAuthentication):
    """Authenticates a request by its header ``X-Api-Key``, and counts it against the tenant's rate limit."""

    def authenticate(self, request: Request) -> tuple[Any, Any]:
        """Return the caller as user and auth; raise NotAuthenticated or AuthenticationFailed without a valid key."""
        secret = request.META.get("HTTP_X_API_KEY", "")
        if not secret:
            raise NotAuthenticated(MISSING)
        caller = admit(secret) if is_well_formed(secret) else None
        if caller is None:
            raise AuthenticationFailed(INVALID)
        return caller, caller

    def authenticate_header(self, request: Request) -> str:
        """Return the ``WWW-Authenticate`` of a 401."""
        return CHALLENGE


def caller_of(request: Request) -> Caller:
    """Return the caller of an authenticated request."""
    return cast(Caller, request.auth)


def admit(secret: str) -> Caller | None:
    """Look a key up and count the request in its tenant's minute; None if the key is not valid, or no longer."""
    texts = ask(ADMIT, digest_of(secret))
    if texts[0] is None:
        return None
    return Caller(*(kind(text) for kind, text in zip(Caller.__annotations__.values(), texts, strict=True)))


def key_id(request: Request) -> int | None:
    """Return the id of the key that an authenticated request came with."""
    digest = digest_of(request.META["HTTP_X_API_KEY"])
    return ApiKey.objects.filter(digest=digest).values_list("pk", flat=True).first()
