"""The addresses that requests may go to, so that nobody can make the server send them into its own network.

A URL is checked by a rule when it is saved, and again with each request, where every address that its host has is
checked as well.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

PORTS = {"https": 443, "http": 80}
#: Ports below are those of other services, but for those of the web.
FIRST_FREE_PORT = 1024
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
    """An address that no request may go to. The text is for the user."""


@dataclass(frozen=True)
class Rule:
    """Which URLs requests may go to, and what is said about others."""

    #: Hosts, and domains that stand for themselves and all hosts in them: ``.example.com``.
    hosts: Sequence[str]
    #: Whether all public hosts are allowed besides.
    is_open: bool
    #: The sentences about a host that is not among these, and about one that has a private address.
    other: str
    private: str
    #: The most characters of a URL.
    longest: int
    schemes: Sequence[str] = ("https",)
    takes_login: bool = False
    #: Whether hosts that only their domain allows may have private addresses, as those that are named may.
    trusts_domains: bool = True

    def trusts(self, host: str) -> bool:
        """Whether a host may have private addresses."""
        name = host.rstrip(".")
        return name in self.hosts or (self.trusts_domains and self._is_in_domain(name))

    def allows(self, host: str) -> bool:
        """Whether requests may go to a host if its addresses are public."""
        name = host.rstrip(".")
        return self.is_open or name in self.hosts or self._is_in_domain(name)

    def _is_in_domain(self, name: str) -> bool:
        return any(known.startswith(".") and f".{name}".endswith(known) for known in self.hosts)


@dataclass(frozen=True)
class Target:
    """Where a request goes: the parts of a URL."""

    is_https: bool
    host: str
    port: int
    #: As in the Host header: without the usual port.
    place: str
    path: str
    #: ``user:password``, or "".
    login: str = ""


def target_of(url: str, rule: Rule) -> Target:
    """Return the parts of a URL; raise NotAllowed if the rule does not allow it."""
    if len(url) > rule.longest:
        raise NotAllowed(f"The URL has more than {rule.longest} characters.")
    if not _CHARACTERS.fullmatch(url):
        raise NotAllowed("The URL has characters that a URL cannot have. Write them percent-encoded, hosts as xn--….")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotAllowed("This is not a URL.") from None
    if parts.scheme not in rule.schemes:
        raise NotAllowed(f"The URL must begin with {' or '.join(f'{scheme}://' for scheme in rule.schemes)}.")
    _check_parts(parts, url, rule)
    host, usual = parts.hostname or "", PORTS[parts.scheme]
    port = usual if port is None else port
    if port not in PORTS.values() and port < FIRST_FREE_PORT:
        raise NotAllowed(f"The port must be 443, 80, or at least {FIRST_FREE_PORT}.")
    _check_host(host, rule)
    name = f"[{host}]" if ":" in host else host
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    place = name if port == usual else f"{name}:{port}"
    return Target(parts.scheme == "https", host, port, place, path, _login_of(parts))


def _check_parts(parts: SplitResult, url: str, rule: Rule) -> None:
    if "@" in parts.netloc and not rule.takes_login:
        raise NotAllowed("The URL must not have a user name or password.")
    if "#" in url:
        raise NotAllowed("The URL must not have a fragment (#…).")
    if not parts.hostname:
        raise NotAllowed("The URL has no host.")


def _login_of(parts: SplitResult) -> str:
    if "@" not in parts.netloc:
        return ""
    return f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"


def _check_host(host: str, rule: Rule) -> None:
    """Raise NotAllowed for a host that is not a name or address, not among those allowed, or visibly private."""
    address = _literal(host)
    if address is None and not _is_name(host):
        raise NotAllowed("The URL has no valid host.")
    if rule.trusts(host):
        return
    if not rule.allows(host):
        raise NotAllowed(rule.other)
    is_private = "." not in host.rstrip(".") if address is None else not is_public(address)
    if is_private:
        raise NotAllowed(rule.private)


def _literal(host: str) -> Ip | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    return len(host) <= 253 and all(map(_LABEL.fullmatch, host.removesuffix(".").split(".")))


def check_addresses(host: str, addresses: Iterable[str], rule: Rule) -> None:
    """Raise NotAllowed unless all addresses of a host are public, or the host is one that may be private."""
    if not rule.trusts(host) and not all(is_public(ipaddress.ip_address(address)) for address in addresses):
        raise NotAllowed(rule.private)


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
