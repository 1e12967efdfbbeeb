"""Middleware only for pages. Requests to the API skip it, which is faster."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware as DjangoAuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware as DjangoMessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware
from django.utils import timezone, translation

from crm.access import access_of


class PagesOnly:
    """Mixin for middleware that requests to the API skip."""

    get_response: Callable[[HttpRequest], Any]

    def __call__(self, request: HttpRequest) -> Any:
        if request.path.startswith("/api/"):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class SessionMiddleware(PagesOnly, DjangoSessionMiddleware):
    """Django's SessionMiddleware for pages."""


class AuthenticationMiddleware(PagesOnly, DjangoAuthenticationMiddleware):
    """Django's AuthenticationMiddleware for pages."""


class MessageMiddleware(PagesOnly, DjangoMessageMiddleware):
    """Django's MessageMiddleware for pages."""


class CompressionMiddleware(GZipMiddleware):
    """Django's GZipMiddleware for HTML. Downloads, which are streamed, decide for themselves."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        """Return the response, compressed if it is a page and the browser accepts that."""
        is_page = not response.streaming and response.get("Content-Type", "").startswith("text/html")
        return super().process_response(request, response) if is_page else response


class AccountMiddleware:
    """Activates the tenant's time zone and locale for pages of the admin."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        tenant = access_of(request).tenant if request.path.startswith("/admin/") else None
        if tenant is None:
            return self.get_response(request)
        with timezone.override(tenant.zone), translation.override(tenant.locale):
            return self.get_response(request)
