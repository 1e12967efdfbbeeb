"""Limits failed sign-ins, using django-axes."""

import ipaddress
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.backends import AxesStandaloneBackend
from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

#: The number of failures that locks an address. Several people in an office may share one, and mistype.
ADDRESS_LIMIT = 20
#: The number of bits of an IPv6 address that identify its network. A client can choose the others freely.
NETWORK = 64
#: The maximum length of a user name in axes.AccessAttempt.
NAME_LIMIT = 255


class ThrottledBackend(AxesStandaloneBackend):
    """Rejects sign-ins after too many failures, except those without a request, which come from our own code."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> AbstractBaseUser | None:
        """Raise PermissionDenied if the name is locked. Never returns a user."""
        return super().authenticate(request, **credentials) if request is not None else None


class SignInHandler(AxesDatabaseHandler):
    """Counts failures by name and address, like django-axes, and also by address alone.

    Otherwise, trying one password with many names would not be limited. A success resets only the failures of the same
    name.
    """

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Return the number of failures that apply to a sign-in, which is rejected from AXES_FAILURE_LIMIT on."""
        failures = super().get_failures(request, credentials)
        if failures_from(request) < ADDRESS_LIMIT:
            return failures
        return max(failures, settings.AXES_FAILURE_LIMIT)


def failures_from(request: HttpRequest) -> int:
    """Return the number of recent failures from the request's address with any name."""
    attempts = AccessAttempt.objects.filter(
        ip_address=request.axes_ip_address,  # type: ignore[attr-defined]
        attempt_time__gte=get_cool_off_threshold(request),
    )
    return attempts.aggregate(failures=Sum("failures_since_start"))["failures"] or 0


def name_tried(request: HttpRequest, credentials: dict[str, Any] | None) -> str | None:
    """Return the name of a sign-in, cut to the length that axes can store. No user has a name of this length."""
    name = (credentials or request.POST).get("username")
    return name and name[:NAME_LIMIT]


def client_address(request: HttpRequest) -> str | None:
    """Return the address of a client, or its network for IPv6, in which a client has all addresses.

    Behind a proxy, this is the last address in X-Forwarded-For, added by the proxy. A client can forge the others
    and, without a proxy, the whole header.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.HTTPS else ""
    for candidate in (forwarded.rpartition(",")[2].strip(), request.META.get("REMOTE_ADDR", "")):
        try:
            return one_client(ipaddress.ip_address(candidate))
        except ValueError:
            continue
    return None


def one_client(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Return the same text for all addresses of a client."""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), NETWORK), strict=False).network_address)


def locked_out(request: HttpRequest, credentials: dict[str, Any] | None) -> HttpResponse:
    """Return the page shown after too many failures."""
    seconds = int(get_cool_off(request).total_seconds())
    context = admin.site.each_context(request) | {"title": _("Too many attempts"), "minutes": seconds // 60}
    response = render(request, "admin/locked_out.html", context, status=429)
    response.headers["Retry-After"] = str(seconds)
    response.headers["Cache-Control"] = "no-store"
    return response
