"""The API's description, its documentation and its problem types, which need no key."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from importexport.api.causes import Cause
from importexport.api.guides import TITLES, guide
from importexport.api.openapi.document import description
from importexport.api.openapi.problems import explained
from importexport.api.problems import problem_response


@method_decorator(csrf_exempt, "dispatch")  # Otherwise another method would get an HTML page.
class PublicView(View):
    """A page that needs no key."""

    http_method_names = ("get", "head")

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        detail = f"The method {request.method} is not allowed here."
        return problem_response(Cause.METHOD_NOT_ALLOWED, detail, {"Allow": "GET, HEAD"})


class SchemaView(PublicView):
    """The OpenAPI description as JSON, with the address under which the server was asked for it."""

    def get(self, request: HttpRequest) -> HttpResponse:
        server = {"url": request.build_absolute_uri("/").rstrip("/"), "description": "This server"}
        return JsonResponse(description() | {"servers": [server]})


class DocsView(PublicView):
    """The description as a page on which requests can be tried."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return page(request, "docs.html", {"name": "docs"})


class GuideView(PublicView):
    """A page of `docs/`."""

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        return page(request, "guide.html", {"guide": guide(name), "name": name})


class ProblemsView(PublicView):
    """The page that the ``type`` of problem details points to."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return page(request, "problems.html", {"name": "problems", "statuses": explained()})


def page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Return a page with the navigation that all of them share."""
    return render(request, f"importexport/api/{template}", {"guides": TITLES, **context})
