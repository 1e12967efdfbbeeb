"""The policies on every answer: what a page may load, and what it may ask a browser for."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

#: Nothing here asks for a device; nor may anything that gets into a page.
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class PolicyMiddleware:
    """Puts both policies on every answer. They are the same for all, so they are put together once."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.content_security = "; ".join(f"{name} {' '.join(given)}" for name, given in settings.SECURE_CSP.items())

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        response = self.get_response(request)
        response.headers["Content-Security-Policy"] = self.content_security
        response.headers["Permissions-Policy"] = PERMISSIONS_POLICY
        return response
