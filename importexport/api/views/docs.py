"""The API's description and problem types as pages, open to everyone."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from importexport.api.openapi.document import description
from importexport.api.openapi.problems import PROBLEMS
from importexport.api.problems import ProblemResponse, problem_body


@method_decorator(csrf_exempt, "dispatch")  # Without it, another method would be answered with a page.
class PublicView(View):
    """What may be read without a key."""

    http_method_names = ("get", "head")

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Refuse any other method."""
        return ProblemResponse(405, f"The method {request.method} is not allowed here.", {"Allow": "GET, HEAD"})


class SchemaView(PublicView):
    """The description as JSON."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return the description."""
        return JsonResponse(description())


class DocsView(PublicView):
    """The description as a page to browse and try."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return the page; its assets are our own static files."""
        return render(request, "importexport/api/docs.html")


class ProblemsView(PublicView):
    """The page that the ``type`` of problem details leads to."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return the page."""
        listed = [
            problem_body(status, meaning) | {"details": details}
            for status, (meaning, details) in sorted(PROBLEMS.items())
        ]
        return render(request, "importexport/api/problems.html", {"problems": listed})
