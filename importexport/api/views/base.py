"""What all endpoints share: the order in which a request is judged, and what every answer carries."""

from typing import Any, ClassVar

from django.http import HttpRequest
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from importexport.api.authentication import Caller, caller_of
from importexport.api.permissions import IsHostOfTenant
from importexport.api.problems import Problem
from importexport.api.query_params import read_query
from importexport.api.requests import ApiRequest
from importexport.resources import RESOURCES

BASE = "/api/v1/importexport"


class EndpointView(APIView):
    """An endpoint for callers with a key. Its DRF classes are those of settings.REST_FRAMEWORK."""

    #: No OPTIONS; HEAD is Django's, wherever there is a GET.
    http_method_names = ("get", "head", "post")
    #: The scope that a key needs, and the parameters that a query may have.
    scope: ClassVar[str] = "read"
    parameters: ClassVar[tuple[str, ...]] = ()
    caller: Caller
    query: dict[str, str]

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> ApiRequest:
        """Return DRF's request, as a class of our own."""
        return ApiRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Judge the request before its method is called.

        DRF's own order is 406, 401, 403, 429, 405, and it knows nothing of paths and queries. Ours is the contract's:
        who asks comes first, for a stranger learns nothing else; then whether there is room for the request, for one
        that is refused later has to cost its tenant something; then what is asked, from the path to the query; and
        whether the key may do it once it is clear what that is. The body is read last, by the method (415, 413, 400).
        """
        self.perform_authentication(request)  # 401
        self.caller = caller_of(request)
        self.headers |= self.caller.limit_headers
        self.check_throttles(request)  # 429
        self.check_permissions(request, only=IsHostOfTenant)  # 403
        self.check_path(**kwargs)  # 404
        self.check_method(request)  # 405
        self.format_kwarg = None
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)  # 406
        self.query = read_query(request, self.parameters)  # 400
        self.check_query(**kwargs)
        self.check_permissions(request)  # 403

    @property
    def default_response_headers(self) -> dict[str, str]:
        """What every answer carries; the rate limit's headers join them as soon as the caller is known."""
        return {"Cache-Control": "no-store"}

    def check_throttles(self, request: Request) -> None:
        """Raise a 429 in the words of the first throttle that refuses the request; DRF would say the seconds alone."""
        for throttle in self.get_throttles():
            if not throttle.allow_request(request, self):
                message, seconds = getattr(throttle, "message", "Too many requests."), throttle.wait() or 1
                raise Problem(429, message, headers={"Retry-After": str(seconds)})

    def check_permissions(self, request: Request, *, only: type[BasePermission] = BasePermission) -> None:
        """Raise a 403 in the words of the first permission that refuses the request; of ``only`` one kind, if given."""
        for permission in self.get_permissions():
            if isinstance(permission, only) and not permission.has_permission(request, self):
                self.permission_denied(request, message=getattr(permission, "message", None))

    def check_path(self, *, entity: str = "", **_: str) -> None:
        """Raise a 404 for an entity that does not exist."""
        if entity not in RESOURCES:
            raise Problem(404, "There is nothing at this path.")

    def check_method(self, request: Request) -> None:
        """Raise a 405, with the methods that there are."""
        if request.method not in self.allowed_methods:
            listed = ", ".join(self.allowed_methods)
            raise Problem(405, f"The method {request.method} is not allowed here.", headers={"Allow": listed})

    def check_query(self, **kwargs: str) -> None:
        """Raise a 400 for parameters that cannot be followed."""


class UnknownView(EndpointView):
    """A path under /api/ at which there is nothing; only a key learns so."""

    def check_path(self, **_: str) -> None:
        """Raise the 404."""
        raise Problem(404, "There is nothing at this path.")
