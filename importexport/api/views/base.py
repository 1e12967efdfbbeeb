"""What all endpoints share: the order in which a request is judged, and what every answer carries."""

from typing import Any, ClassVar

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.views import APIView

from importexport.api import authentication
from importexport.api.negotiation import accepts
from importexport.api.problems import Problem
from importexport.api.query_params import read_query
from importexport.resources import RESOURCES

BASE = "/api/v1/importexport"


class EndpointView(APIView):
    """What all endpoints share: the order in which a request is judged, and what every answer carries."""

    #: The scope that a key needs, and the parameters that a query may have.
    scope: ClassVar[str] = "read"
    parameters: ClassVar[tuple[str, ...]] = ()
    caller: authentication.Caller | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Judge the request, in the contract's order: 401, 429, 403, 404, 405, 406, 400, 403."""
        http = request._request
        self.caller = caller = authentication.identify(http)
        http.rally_tenant, http.rally_key = caller.slug, caller.key_name  # type: ignore[attr-defined]
        authentication.check_rate(caller)
        authentication.check_share(http)
        authentication.check_host(caller, http)
        self.check_path(**kwargs)
        self.check_method(http)
        self.check_accept(http)
        self.query = read_query(http, self.parameters)
        self.check_query(**kwargs)
        authentication.check_scope(caller, self.scope)

    def check_path(self, *, entity: str = "", **_: str) -> None:
        """Raise a 404 for an entity that does not exist."""
        if entity not in RESOURCES:
            raise Problem(404, "There is nothing at this path.")

    def check_method(self, request: HttpRequest) -> None:
        """Raise a 405, with the methods that there are."""
        allowed = ["POST"] if hasattr(self, "post") else ["GET", "HEAD"]
        if request.method not in allowed:
            listed = ", ".join(allowed)
            raise Problem(405, f"The method {request.method} is not allowed here.", headers={"Allow": listed})

    def check_accept(self, request: HttpRequest) -> None:
        """Raise a 406 where the client does not accept what this endpoint gives."""
        media_type = self.media_type().partition(";")[0]
        if not accepts(request.META.get("HTTP_ACCEPT", ""), media_type):
            raise Problem(406, f"This endpoint gives {media_type}, which the Accept header excludes.")

    def check_query(self, **kwargs: str) -> None:
        """Raise a 400 for parameters that cannot be followed."""

    def media_type(self) -> str:
        """Return the type of the answer."""
        return "application/json"

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Add the rate limit's headers."""
        if self.caller:
            for name, value in self.caller.limit_headers.items():
                response[name] = value
        response["Cache-Control"] = "no-store"
        return response


class UnknownView(EndpointView):
    """A path under /api/ at which there is nothing; only a key learns so."""

    def check_path(self, **_: str) -> None:
        """Raise the 404."""
        raise Problem(404, "There is nothing at this path.")
