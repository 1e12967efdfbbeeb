"""Throttles: how many requests a tenant may make per minute, and how many at the same time."""

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from importexport.api.authentication import caller_of
from importexport.api.causes import Cause
from importexport.errors import counted

OVER_SHARE = "Too many requests of the tenant are being answered at this moment. Try again in 1 second."


class Throttle(BaseThrottle):
    """A throttle that says why it rejects a request."""

    seconds = 1
    message = ""
    cause = Cause.RATE_LIMIT

    def wait(self) -> int:
        """Return the number of seconds after which the client may retry."""
        return self.seconds


class RateThrottle(Throttle):
    """Limits a tenant to RALLY_RATE_LIMIT requests per minute. Authentication has counted them."""

    def allow_request(self, request: Request, view: Any) -> bool:
        caller = caller_of(request)
        if caller.requests <= settings.RALLY_RATE_LIMIT:
            return True
        self.seconds = max(1, int(caller.seconds_left) + 1)
        most = counted(settings.RALLY_RATE_LIMIT, "request")
        self.message = f"More than {most} in a minute. Try again in {counted(self.seconds, 'second')}."
        return False


class ShareThrottle(Throttle):
    """Limits a tenant to its share of the server's threads. The server counts them (see rally.server.shares)."""

    message = OVER_SHARE
    cause = Cause.TOO_MANY_AT_ONCE

    def allow_request(self, request: Request, view: Any) -> bool:
        return not request.META.get("rally.is_over_share")
