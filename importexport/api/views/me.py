"""The endpoint that tells a key about itself."""

from django.conf import settings
from django.http import JsonResponse
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from crm.models import ApiKey
from crm.models.api_key import digest_of
from crm.timestamps import timestamp
from importexport.api.authentication import INVALID, Caller
from importexport.api.views.base import EndpointView
from importexport.runs.serializers import Json


class MeView(EndpointView):
    """The tenant, the key and the limits of the caller."""

    def check_path(self, **_: str) -> None:
        """Accept the only path."""

    def get(self, request: Request) -> JsonResponse:
        parts = {"tenant": tenant_json(self.caller), "key": key_json(request), "limits": limits_json(self.caller)}
        return JsonResponse(parts)


def tenant_json(caller: Caller) -> Json:
    """Return the tenant with the settings that imports and exports depend on."""
    return {
        "slug": caller.slug,
        "name": caller.tenant_name,
        "currency": caller.currency,
        "timezone": caller.timezone,
    }


def key_json(request: Request) -> Json:
    """Return the key, whose secret is not stored; raise AuthenticationFailed if it has just been deleted."""
    key = ApiKey.objects.filter(digest=digest_of(request.META["HTTP_X_API_KEY"])).first()
    if key is None:
        raise AuthenticationFailed(INVALID, code="invalid_key")
    return {
        "name": key.name,
        "scope": key.scope,
        "createdAt": timestamp(key.created_at),
        "expiresAt": timestamp(key.expires_at),
    }


def limits_json(caller: Caller) -> Json:
    """Return the limits: requests per minute, the size of a file in bytes, and how long its contents are kept."""
    return {
        "requestsPerMinute": settings.RALLY_RATE_LIMIT,
        "requestsRemaining": caller.remaining,
        "maxFileBytes": settings.RALLY_IMPORT_MAX_BYTES,
        "keepDays": settings.RALLY_IMPORT_KEEP_DAYS,
    }
