"""Permissions: what a valid key may do, and on which host."""

from typing import Any

from django.conf import settings
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from crm.models import ApiKey
from crm.tenancy import slug_of_host
from importexport.api.authentication import caller_of

SCOPES = list(ApiKey.Scope)


class IsHostOfTenant(BasePermission):
    """Allows a host that names the key's own tenant, or none."""

    message = "The API key belongs to another tenant than the host names."
    code = "other_tenant"

    def has_permission(self, request: Request, view: Any) -> bool:
        slug = slug_of_host(request.get_host()) if settings.RALLY_BASE_DOMAIN else None
        return slug is None or slug == caller_of(request).slug


class HasScope(BasePermission):
    """Allows a key whose scope includes the view's ``scope``."""

    message = ""
    code = "scope"

    def has_permission(self, request: Request, view: Any) -> bool:
        scope = caller_of(request).scope
        self.message = f"The API key has the scope '{scope}'; this needs '{view.scope}'."
        return SCOPES.index(ApiKey.Scope(scope)) >= SCOPES.index(ApiKey.Scope(view.scope))
