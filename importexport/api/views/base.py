"""The base of all endpoints: the order in which a request is checked, and the headers of every response."""

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from importexport.api.authentication import Caller, caller_of
from importexport.api.causes import Cause
from importexport.api.permissions import IsHostOfTenant
from importexport.api.problems import Problem
from importexport.api.query_params import read_query
from importexport.api.requests import ApiRequest
from importexport.resources import RESOURCES


class EndpointView(APIView):
    """An endpoint for callers with a key. Its DRF classes are set in settings.REST_FRAMEWORK."""

    #: Without OPTIONS. Django adds HEAD where there is GET.
    http_method_names: Sequence[str] = ("get", "head", "post")
    #: The scope that a key must include; the query parameters, and those that are lists.
    scope: str = "read"
    parameters: ClassVar[tuple[str, ...]] = ()
    lists: ClassVar[tuple[str, ...]] = ()
    caller: Caller
    query: dict[str, str]

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> ApiRequest:
        """Return the request as ``ApiRequest``; DRF's method has its own class fixed."""
        return ApiRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the request before its handler is called, in the documented order.

        DRF's own order is 406, 401, 403, 429, 405, without checks of the path and the query. Here authentication comes
        first, so that strangers learn nothing else; then the throttles, so that rejected requests count as well; then
        what is requested, from the path to the query; and then whether the key may do that. The handler reads the body
        last (415, 413, 400).
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
        self.query = read_query(request, self.known_parameters(**kwargs), self.lists)  # 400
        self.check_query(**kwargs)
        self.check_permissions(request)  # 403

    @property
    def default_response_headers(self) -> dict[str, str]:
        """The headers of every response. Those of the rate limit are added once the caller is known."""
        return {"Cache-Control": "no-store"}

    def check_throttles(self, request: Request) -> None:
        """Raise Problem (429) with the message of the first throttle that fails; DRF's message has only the seconds."""
        for throttle in self.get_throttles():
            if not throttle.allow_request(request, self):
                message, seconds = getattr(throttle, "message", "Too many requests."), throttle.wait() or 1
                cause = getattr(throttle, "cause", Cause.RATE_LIMIT)
                raise Problem(cause, message, headers={"Retry-After": str(seconds)})

    def check_permissions(self, request: Request, *, only: type[BasePermission] = BasePermission) -> None:
        """Raise PermissionDenied for the first permission that fails; ``only`` limits the check to a class of them."""
        for permission in self.get_permissions():
            if isinstance(permission, only) and not permission.has_permission(request, self):
                message, code = getattr(permission, "message", None), getattr(permission, "code", None)
                self.permission_denied(request, message=message, code=code)

    def check_path(self, *, entity: str = "", **_: str) -> None:
        """Raise Problem (404) for an unknown entity."""
        if entity not in RESOURCES:
            raise Problem(Cause.NO_SUCH_PATH, "There is nothing at this path.")

    def check_method(self, request: Request) -> None:
        """Raise Problem (405), with the allowed methods."""
        if request.method not in self.allowed_methods:
            listed = ", ".join(self.allowed_methods)
            detail = f"The method {request.method} is not allowed here."
            raise Problem(Cause.METHOD_NOT_ALLOWED, detail, headers={"Allow": listed})

    def known_parameters(self, **kwargs: str) -> Collection[str]:
        """Return the query parameters of the endpoint, which can depend on the path."""
        return self.parameters

    def check_query(self, **kwargs: str) -> None:
        """Raise Problem (400) for invalid parameters."""


class UnknownView(EndpointView):
    """An unknown path under /api/; without a valid key, the response is 401 as everywhere."""

    def check_path(self, **_: str) -> None:
        raise Problem(Cause.NO_SUCH_PATH, "There is nothing at this path.")


def id_of(text: str) -> int:
    """Return the number that a path has for an id, or 0, which nothing has, if it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def no_content() -> HttpResponse:
    """Return the response when something was deleted."""
    response = HttpResponse(status=204)
    del response["Content-Type"]
    return response
