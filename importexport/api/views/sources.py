"""The endpoints for the programs whose files are read."""

from django.http import HttpResponse, JsonResponse
from rest_framework.request import Request

from importexport.api.causes import Cause
from importexport.api.problems import Problem
from importexport.api.views.base import EndpointView
from importexport.sources.catalogue import catalogue, program


class SourcesView(EndpointView):
    """All programs."""

    def check_path(self, **_: str) -> None:
        """Accept the only path."""

    def get(self, request: Request) -> HttpResponse:
        """Return each program with its kinds of export."""
        return JsonResponse({"results": catalogue()})


class SourceView(EndpointView):
    """A single program."""

    def check_path(self, *, name: str = "", **_: str) -> None:
        """Find the program; raise Problem (404) if there is none of that name."""
        found = program(name)
        if found is None:
            raise Problem(Cause.NO_SUCH_SOURCE, "There is no such source.")
        self.program = found

    def get(self, request: Request, name: str) -> HttpResponse:
        """Return the program with the headers that it writes."""
        return JsonResponse(self.program)
