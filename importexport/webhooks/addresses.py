"""The addresses that webhooks may have, so that nobody can make the server send requests into its own network.

A URL is checked when it is saved, and again with each attempt, where every address that its host has must be public.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

#: The most characters of a URL.
LONGEST = 500
PORTS = {"https": 443, "http": 80}
#: Ports below are those of other services, but for those of the web.
FIRST_FREE_PORT = 1024
#: What RALLY_WEBHOOK_HOSTS has for all public hosts.
ANY = "*"
_CHARACTERS = re.compile(r"[!#-;=?-\[\]_a-z~]+", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
#: What is in no network of the internet, or leads to another address, and is public to some versions of Python.
NOT_PUBLIC = [
    *map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24")),
    *map(ipaddress.ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")),
]
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotAllowed(ValueError):
    """An address that a webhook may not have. The text is for the user."""


PRIVATE = "The host has an address that is not public. Webhooks are only sent to public addresses."


@dataclass(frozen=True)
class Target:
    """Where a request goes: the parts of a URL."""

    is_https: bool
    host: str
    port: int
    #: As in the Host header: without the usual port.
    place: str
    path: str


def target_of(url: str) -> Target:
    """Return the parts of a URL; raise NotAllowed if a webhook may not have it."""
    if len(url) > LONGEST:
        raise NotAllowed(f"The URL has more than {LONGEST} characters.")
    if not _CHARACTERS.fullmatch(url):
        raise NotAllowed("The URL has characters that a URL cannot have. Write them percent-encoded, hosts as xn--….")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotAllowed("This is not a URL.") from None
    schemes = ["https", "http"] if settings.RALLY_WEBHOOK_HTTP else ["https"]
    if parts.scheme not in schemes:
        raise NotAllowed(f"The URL must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}.")
    _check_parts(parts, url)
    host, usual = parts.hostname or "", PORTS[parts.scheme]
    port = usual if port is None else port
    if port not in PORTS.values() and port < FIRST_FREE_PORT:
        raise NotAllowed(f"The port must be 443, 80, or at least {FIRST_FREE_PORT}.")
    _check_host(host)
    name = f"[{host}]" if ":" in host else host
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme == "https", host, port, name if port == usual else f"{name}:{port}", path)


def _check_parts(parts: SplitResult, url: str) -> None:
    if "@" in parts.netloc:
        raise NotAllowed("The URL must not have a user name or password.")
    if "#" in url:
        raise NotAllowed("The URL must not have a fragment (#…).")
    if not parts.hostname:
        raise NotAllowed("The URL has no host.")


def _check_host(host: str) -> None:
    """Raise NotAllowed for a host that is not a name or address, not among those allowed, or visibly private."""
    address = _literal(host)
    if address is None and not _is_name(host):
        raise NotAllowed("The URL has no valid host.")
    if is_named(host):
        return
    if settings.RALLY_WEBHOOK_HOSTS and ANY not in settings.RALLY_WEBHOOK_HOSTS:
        raise NotAllowed("Webhooks are not sent to this host: it is not among those that this server allows.")
    is_private = "." not in host.rstrip(".") if address is None else not is_public(address)
    if is_private:
        raise NotAllowed(PRIVATE)


def _literal(host: str) -> Ip | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    return len(host) <= 253 and all(map(_LABEL.fullmatch, host.removesuffix(".").split(".")))


def is_named(host: str) -> bool:
    """Whether RALLY_WEBHOOK_HOSTS names a host, or a domain above it (``.example.com``): it may be private."""
    name = host.rstrip(".")
    return any(
        name == known or (known.startswith(".") and name.endswith(known)) for known in settings.RALLY_WEBHOOK_HOSTS
    )


def check_addresses(host: str, addresses: Iterable[str]) -> None:
    """Raise NotAllowed unless all addresses of a host are public, or the host is one that may be private."""
    if not is_named(host) and not all(is_public(ipaddress.ip_address(address)) for address in addresses):
        raise NotAllowed(PRIVATE)


def is_public(address: Ip) -> bool:
    """Whether an address is one of the internet, also where it stands for another one."""
    if any(address in network for network in NOT_PUBLIC) or address.is_multicast:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_reserved
    if address.ipv4_mapped:
        return is_public(address.ipv4_mapped)
    if address in NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address in GLOBAL_UNICAST and address.is_global


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host; raise OSError if there are none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))
