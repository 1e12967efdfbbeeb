"""Who asks: the key, its tenant, and the tenant's share of requests, in one round trip to the database."""

from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone

from crm.models import ApiKey, Tenant
from crm.models.key import digest_of, is_well_formed
from crm.tenancy import slug_of_host
from importexport.api.problems import Problem

WINDOW = 60
CHALLENGE = 'ApiKey realm="Rally import / export", header="X-Api-Key"'
SCOPES = list(ApiKey.Scope)
#: How stale last_used_at may be, in seconds: one write a minute rather than one a request.
USE_NOTED_EVERY = 60

# The second bound is for a clock that was set back; it leaves room for transactions that began in another order.
IS_OPEN = f"w.started_at > now() - interval '{WINDOW} s' AND w.started_at < now() + interval '{WINDOW} s'"
ADMIT = f"""
WITH found AS (
    SELECT k.id, k.name, k.scope, k.last_used_at, t.id AS tenant_id, t.slug, t.name AS tenant_name, t.currency,
           t.timezone
    FROM crm_apikey k JOIN crm_tenant t ON t.id = k.tenant_id
    WHERE k.digest = %s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
), hit AS (
    INSERT INTO importexport_ratewindow AS w (tenant_id, started_at, requests) SELECT tenant_id, now(), 1 FROM found
    ON CONFLICT (tenant_id) DO UPDATE SET
        requests = CASE WHEN {IS_OPEN} THEN w.requests + 1 ELSE 1 END,
        started_at = CASE WHEN {IS_OPEN} THEN w.started_at ELSE now() END
    RETURNING requests, started_at
)
SELECT found.*, hit.requests, ceil(extract(epoch FROM hit.started_at) + {WINDOW})::bigint,
       extract(epoch FROM hit.started_at) + {WINDOW} - extract(epoch FROM now())
FROM found, hit
"""


@dataclass(frozen=True, slots=True)
class Caller:
    """A program with a valid key."""

    key_id: int
    key_name: str
    scope: str
    tenant: Tenant
    requests: int
    window_end: int
    seconds_left: float

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
    with connection.cursor() as cursor:
        cursor.execute(ADMIT, [digest_of(secret)])
        row = cursor.fetchone()
    if row is None:
        return None
    key_id, key_name, scope, used, tenant_id, slug, name, currency, zone, requests, end, left = row
    if used is None or (timezone.now() - used).total_seconds() > USE_NOTED_EVERY:
        ApiKey.objects.filter(pk=key_id).update(last_used_at=timezone.now())
    tenant = Tenant(pk=tenant_id, slug=slug, name=name, currency=currency, timezone=zone)
    tenant._state.adding = False
    return Caller(key_id, key_name, scope, tenant, requests, end, float(left))


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
    slug = slug_of_host(request.get_host())
    if slug is not None and slug != caller.tenant.slug:
        raise Problem(403, "The API key belongs to another tenant than the host names.")


def check_scope(caller: Caller, scope: str) -> None:
    """Raise a 403 where the key's scope does not contain another."""
    if SCOPES.index(ApiKey.Scope(caller.scope)) < SCOPES.index(ApiKey.Scope(scope)):
        raise Problem(403, f"The API key has the scope '{caller.scope}'; this needs '{scope}'.")
