"""Adds Content-Security-Policy and Permissions-Policy to all responses."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

#: Device access is never needed, so it is denied to anything that might be injected into a page.
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class PolicyMiddleware:
    """Adds both policies. They are the same for all responses, so they are formatted only once."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.content_security = "; ".join(f"{name} {' '.join(given)}" for name, given in settings.SECURE_CSP.items())

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers["Content-Security-Policy"] = self.content_security
        response.headers["Permissions-Policy"] = PERMISSIONS_POLICY
        return response
