"""Middleware for pages that people look at; what programs ask for needs none of it, and is answered sooner."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware as DjangoAuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware as DjangoMessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from crm.access import access_of


class PagesOnly:
    """Comes before a middleware's own class: lets what is asked of the API pass by."""

    get_response: Callable[[HttpRequest], Any]

    def __call__(self, request: HttpRequest) -> Any:
        """Answer a request."""
        if request.path.startswith("/api/"):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class SessionMiddleware(PagesOnly, DjangoSessionMiddleware):
    """Sessions of people."""


class AuthenticationMiddleware(PagesOnly, DjangoAuthenticationMiddleware):
    """People who have signed in."""


class MessageMiddleware(PagesOnly, DjangoMessageMiddleware):
    """What a page says once."""


class ZoneMiddleware:
    """Shows, and reads, times as they are where the tenant is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        tenant = access_of(request).tenant if request.path.startswith("/admin/") else None
        if tenant is None:
            return self.get_response(request)
        with timezone.override(tenant.zone):
            return self.get_response(request)
