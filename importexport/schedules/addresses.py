"""The addresses of schedules: where files are fetched from and sent to.

They may have a password, or a signature in their query, which nobody is shown again.
"""

import datetime as dt
import re
import zoneinfo
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from django.conf import settings

from crm.models import Tenant
from crm.models.fields import FORBIDDEN
from importexport.net import addresses
from importexport.net.addresses import NotAllowed, Rule, Target

#: The most characters of an address.
LONGEST = 2000
#: The most bytes of the name of a file in a bucket.
LONGEST_KEY = 1024
#: Placeholder → the format of the time that takes its place.
PLACEHOLDERS = {"date": "%Y-%m-%d", "time": "%H%M"}
MASK = "***"
OFF = "Schedules are switched off on this server: it allows no places (RALLY_SCHEDULE_HOSTS)."
OTHER = "Schedules do not use this host: it is not among those that this server allows."
PRIVATE = (
    "The host has an address that is not public. Schedules only use public addresses, unless the server names the host."
)
MASKED = (
    "The address has *** where its password or the values of its query belong. They are only kept if nothing else of"
    " the address is changed: give them again."
)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_HTTPS = re.compile(r"(https://)(?:([^/?#]*)@)?([^/?#]*)([^?#]*)(?:\?(.*))?", re.DOTALL)


class SchedulesOff(ValueError):
    """The server has no schedules. The text is for the user."""

    def __init__(self) -> None:
        super().__init__(OFF)


def are_on() -> bool:
    """Whether the server has schedules."""
    return bool(settings.RALLY_SCHEDULE_HOSTS or settings.RALLY_SCHEDULE_BUCKETS)


def rule() -> Rule:
    """Return which hosts schedules may use. One that only its domain allows must be public: it may be anybody's who can
    have a name in that domain."""
    return Rule(
        hosts=settings.RALLY_SCHEDULE_HOSTS,
        is_open=False,
        other=OTHER,
        private=PRIVATE,
        longest=LONGEST,
        takes_login=True,
        trusts_domains=False,
    )


class Place(NamedTuple):
    """A file in a bucket: the options of the storage, and its key."""

    options: dict[str, Any]
    key: str


def check_address(address: str, *, tenant: Tenant) -> None:
    """Raise NotAllowed for an address that a schedule of a tenant may not have, and SchedulesOff."""
    if not are_on():
        raise SchedulesOff
    if len(address) > LONGEST:
        raise NotAllowed(f"The address has more than {LONGEST} characters.")
    if FORBIDDEN.search(address):
        raise NotAllowed("The address has characters that no address can have.")
    _check_placeholders(address)
    sample = filled(address, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), zoneinfo.ZoneInfo("UTC"))
    if is_bucket(sample):
        place_of(sample, tenant=tenant)
    elif sample.startswith("https://"):
        target_of(sample)
    else:
        raise NotAllowed("The address must begin with https:// or s3://.")


def _check_placeholders(address: str) -> None:
    known = " and ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    for name in _PLACEHOLDER.findall(address):
        if name not in PLACEHOLDERS:
            raise NotAllowed(f"Unknown placeholder '{{{name[:50]}}}'. Known are {known}.")
    rest = _PLACEHOLDER.sub("", address)
    if "{" in rest or "}" in rest:
        raise NotAllowed(f"The address has a brace that belongs to no placeholder. Known are {known}.")
    if "{" in re.split(r"[/?#]", address.partition("://")[2], maxsplit=1)[0]:
        raise NotAllowed("A placeholder can only stand in the path or the query of an address.")


def filled(address: str, moment: dt.datetime, zone: zoneinfo.ZoneInfo) -> str:
    """Return an address with the placeholders filled in for a moment."""
    local = moment.astimezone(zone)
    return _PLACEHOLDER.sub(lambda found: local.strftime(PLACEHOLDERS[found[1]]), address)


def is_bucket(address: str) -> bool:
    """Whether an address is that of a file in a bucket."""
    return address.startswith("s3://")


def target_of(address: str) -> Target:
    """Return the parts of an https address; raise NotAllowed if no schedule may have it (any more)."""
    return addresses.target_of(address, rule())


def place_of(address: str, *, tenant: Tenant) -> Place:
    """Return the file in a bucket that an address names; raise NotAllowed if a tenant's schedules may not use it."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    if "@" in bucket or ":" in bucket:
        raise NotAllowed("An s3 address is s3://bucket/folder/file: it has no key, secret or port.")
    if "?" in key or "#" in key or "\\" in key:
        raise NotAllowed("An s3 address is s3://bucket/folder/file: it has none of ?, # and \\.")
    if not key or any(segment in {"", ".", ".."} for segment in key.split("/")):
        raise NotAllowed("The path of an s3 address must name a file, without '.', '..' or an empty name in it.")
    if len(key.encode()) > LONGEST_KEY:
        raise NotAllowed(f"The path of an s3 address must have at most {LONGEST_KEY} bytes.")
    for options in settings.RALLY_SCHEDULE_BUCKETS:
        if options["bucket_name"] == bucket and key.startswith(folder_of(options, tenant=tenant)):
            return Place(options, key)
    allowed = [name for name in allowed_places(tenant) if is_bucket(name)]
    known = f"Allowed are files in: {', '.join(allowed)}." if allowed else "This server allows no buckets."
    raise NotAllowed(f"Schedules do not use this place. {known}")


def folder_of(options: dict[str, Any], *, tenant: Tenant) -> str:
    """Return the folder of a bucket that a tenant may use, with a slash at its end; "" for all of the bucket."""
    folder = options["location"].replace("{tenant}", tenant.slug)
    return f"{folder}/" if folder else ""


def allowed_places(tenant: Tenant) -> list[str]:
    """Return the hosts, domains and folders that a tenant's schedules may use."""
    buckets = settings.RALLY_SCHEDULE_BUCKETS
    folders = [f"s3://{options['bucket_name']}/{folder_of(options, tenant=tenant)}" for options in buckets]
    return [*settings.RALLY_SCHEDULE_HOSTS, *folders]


def file_name_of(address: str, *, otherwise: str) -> str:
    """Return the name of the file that an address names."""
    path = address.partition("://")[2] if is_bucket(address) else unquote(urlsplit(address).path)
    return path.rpartition("/")[2] or otherwise


# --- secrets -------------------------------------------------------------------------------------------------


def masked(address: str) -> str:
    """Return an address as it is shown: without its password, and without the values of its query."""
    found = _HTTPS.fullmatch(address)
    if not found:
        return address
    scheme, login, host, path, query = found.groups()
    user, colon, _ = (login or "").partition(":")
    shown = "" if login is None else f"{user}:{MASK}@" if colon else f"{MASK}@"
    return f"{scheme}{shown}{host}{path}" + (
        "" if query is None else f"?{'&'.join(map(_masked_pair, query.split('&')))}"
    )


def _masked_pair(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}={MASK}" if equals else MASK if pair else ""


def unmasked(address: str, stored: str) -> str:
    """Return the address that is meant by one that was changed, or is as it is shown.

    Raises NotAllowed for another address with a mask: whoever may change a schedule must not be able to have its
    password sent to another place.
    """
    if address == masked(stored):
        return stored
    if address != stored and MASK in "".join(part or "" for part in _secret_parts(address)):
        raise NotAllowed(MASKED)
    return address


def _secret_parts(address: str) -> tuple[str | None, ...]:
    found = _HTTPS.fullmatch(address)
    return (found[2], found[5]) if found else ()
