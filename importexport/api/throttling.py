"""Throttles: how many requests a tenant may make in a minute, and how many at once."""

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from importexport.api.authentication import caller_of

OVER_SHARE = "Too many requests of the tenant are being answered at this moment. Try again in 1 second."


class Throttle(BaseThrottle):
    """A throttle that says why it refuses a request."""

    seconds = 1
    message = ""

    def wait(self) -> int:
        """Return the seconds after which the client may try again."""
        return self.seconds


class RateThrottle(Throttle):
    """Refuses a request once the tenant has made RALLY_RATE_LIMIT in this minute; authentication has counted them."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Whether the tenant has requests left."""
        caller = caller_of(request)
        if caller.requests <= settings.RALLY_RATE_LIMIT:
            return True
        self.seconds = max(1, int(caller.seconds_left) + 1)
        self.message = (
            f"More than {settings.RALLY_RATE_LIMIT} requests in a minute. Try again in {self.seconds} seconds."
        )
        return False


class ShareThrottle(Throttle):
    """Refuses a request while the tenant has its share of the server's threads at work.

    The server counts them, before it gives a request a thread (see rally.server).
    """

    message = OVER_SHARE

    def allow_request(self, request: Request, view: Any) -> bool:
        """Whether a thread may be spared."""
        return not request.META.get("rally.is_over_share")
