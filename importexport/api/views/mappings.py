"""The endpoints for saved mappings."""

from typing import ClassVar, cast

from django.http import HttpResponse, JsonResponse
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from importexport import mappings
from importexport.api.causes import Cause
from importexport.api.import_options import problems
from importexport.api.json_bodies import json_body
from importexport.api.problems import Problem
from importexport.api.query_params import choice
from importexport.api.requests import ApiRequest
from importexport.api.views.base import EndpointView, no_content
from importexport.models import SavedMapping
from importexport.resources import RESOURCES


class MappingsView(EndpointView):
    """All saved mappings of the tenant."""

    parameters: ClassVar[tuple[str, ...]] = ("entity",)

    def check_path(self, **_: str) -> None:
        """Accept the only path."""

    def get(self, request: Request) -> HttpResponse:
        """Return the mappings, by entity and name."""
        saved = SavedMapping.objects.filter(tenant=self.caller.tenant_id)
        if entity := choice(self.query, "entity", list(RESOURCES)):
            saved = saved.filter(entity=entity)
        return JsonResponse({"results": list(map(mappings.mapping_json, saved))})


class MappingView(EndpointView):
    """A mapping by its name; the query names its entity."""

    http_method_names = ("get", "head", "put", "delete")
    parameters: ClassVar[tuple[str, ...]] = ("entity",)
    entity: str

    def check_permissions(self, request: Request, *, only: type[BasePermission] = BasePermission) -> None:
        """Check the permissions; what is not reading needs the scope of writing."""
        self.scope = "read" if request.method in {"GET", "HEAD"} else "write"
        super().check_permissions(request, only=only)

    def check_path(self, *, name: str = "", **_: str) -> None:
        """Raise Problem (404) for what cannot be the name of a mapping."""
        if not mappings.is_name(name):
            raise Problem(Cause.NO_SUCH_MAPPING, mappings.no_name(name))

    def check_query(self, **_: str) -> None:
        entity = choice(self.query, "entity", list(RESOURCES))
        if entity is None:
            raise Problem(Cause.INVALID_PARAMETER, f"'entity' is missing. Expected one of: {', '.join(RESOURCES)}.")
        self.entity = entity

    def get(self, request: Request, name: str) -> HttpResponse:
        """Return the mapping."""
        return JsonResponse(mappings.mapping_json(self._find(name)))

    def put(self, request: Request, name: str) -> HttpResponse:
        """Save the options in the body under the name; 201 if it is new."""
        body = json_body(cast(ApiRequest, request))
        with problems():
            saved, is_new = mappings.save_mapping(
                name, body, tenant=self.caller.tenant, spec=RESOURCES[self.entity].describe()
            )
        return JsonResponse(mappings.mapping_json(saved), status=201 if is_new else 200)

    def delete(self, request: Request, name: str) -> HttpResponse:
        """Delete the mapping. What was imported with it stays, and so do the options kept with it."""
        self._find(name).delete()
        return no_content()

    def _find(self, name: str) -> SavedMapping:
        found = SavedMapping.objects.filter(tenant=self.caller.tenant_id, entity=self.entity, name=name).first()
        if found is None:
            raise unknown()
        return found


def unknown() -> Problem:
    """Return the problem of a mapping that there is not."""
    return Problem(Cause.NO_SUCH_MAPPING, "There is no such mapping.")
