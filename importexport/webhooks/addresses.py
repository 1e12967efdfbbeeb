"""The addresses that webhooks may have."""

from django.conf import settings

from importexport.net import addresses
from importexport.net.addresses import Rule, Target

#: The most characters of a URL.
LONGEST = 500
#: What RALLY_WEBHOOK_HOSTS has for all public hosts.
ANY = "*"
PRIVATE = "The host has an address that is not public. Webhooks are only sent to public addresses."
OTHER = "Webhooks are not sent to this host: it is not among those that this server allows."


def rule() -> Rule:
    """Return the rule of the settings. Hosts that they name may be private; where they name none, all public ones may
    have webhooks."""
    hosts = settings.RALLY_WEBHOOK_HOSTS
    return Rule(
        hosts=hosts,
        is_open=not hosts or ANY in hosts,
        other=OTHER,
        private=PRIVATE,
        longest=LONGEST,
        schemes=("https", "http") if settings.RALLY_WEBHOOK_HTTP else ("https",),
    )


def target_of(url: str) -> Target:
    """Return the parts of a URL; raise NotAllowed if a webhook may not have it."""
    return addresses.target_of(url, rule())
