"""A sign-in that cannot be tried endlessly: what django-axes asks for by name."""

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

#: So many failures from one address close it: an office behind it has several people who mistype, a guesser has not.
ADDRESS_LIMIT = 20
#: Bits of an IPv6 address that are its network's: what comes after, a client chooses as it likes.
NETWORK = 64
#: Characters of a name that a failure keeps (axes.AccessAttempt).
NAME_LIMIT = 255


class ThrottledBackend(AxesStandaloneBackend):
    """Refuses a sign-in after too many failures; one without a request comes from our own code, not from outside."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> AbstractBaseUser | None:
        """Raise PermissionDenied where the name is locked out; never say who somebody is."""
        return super().authenticate(request, **credentials) if request is not None else None


class SignInHandler(AxesDatabaseHandler):
    """Counts failures by name and address, as django-axes does, and by the address alone as well.

    Without the latter, who tries one password on forty names would never be slowed. A success forgives the failures
    of its own name only.
    """

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Return how many failures count against a sign-in; at AXES_FAILURE_LIMIT it is refused."""
        failures = super().get_failures(request, credentials)
        if failures_from(request) < ADDRESS_LIMIT:
            return failures
        return max(failures, settings.AXES_FAILURE_LIMIT)


def failures_from(request: HttpRequest) -> int:
    """Return how many sign-ins have failed of late from the request's address, whatever the names."""
    attempts = AccessAttempt.objects.filter(
        ip_address=request.axes_ip_address,  # type: ignore[attr-defined]
        attempt_time__gte=get_cool_off_threshold(request),
    )
    return attempts.aggregate(failures=Sum("failures_since_start"))["failures"] or 0


def name_tried(request: HttpRequest, credentials: dict[str, Any] | None) -> str | None:
    """Return the name that a sign-in is of, as far as a failure can keep it; no user's is as long."""
    name = (credentials or request.POST).get("username")
    return name and name[:NAME_LIMIT]


def client_address(request: HttpRequest) -> str | None:
    """Return the address that a request comes from; in IPv6 its network, for a client has all the addresses of one.

    Behind a proxy it is the last one in X-Forwarded-For: the proxy's own word, where those before it may be a client's
    invention. Without a proxy the whole header is.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.HTTPS else ""
    for candidate in (forwarded.rpartition(",")[2].strip(), request.META.get("REMOTE_ADDR", "")):
        try:
            return one_client(ipaddress.ip_address(candidate))
        except ValueError:
            continue
    return None


def one_client(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Return the one text for all addresses that a client may have."""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), NETWORK), strict=False).network_address)


def locked_out(request: HttpRequest, credentials: dict[str, Any] | None) -> HttpResponse:
    """Return the page for who has failed to sign in too often."""
    seconds = int(get_cool_off(request).total_seconds())
    context = admin.site.each_context(request) | {"title": _("Too many attempts"), "minutes": seconds // 60}
    response = render(request, "admin/locked_out.html", context, status=429)
    response.headers["Retry-After"] = str(seconds)
    response.headers["Cache-Control"] = "no-store"
    return response
