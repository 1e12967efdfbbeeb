"""The places that schedules may use, by RALLY_SCHEDULE_HOSTS: hosts, domains and buckets."""

import ipaddress
import re
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from rally import storage

NAME = "RALLY_SCHEDULE_HOSTS"
#: What stands for a tenant's slug in the folder of a bucket.
TENANT = "{tenant}"
FORMS = "files.example.com, .example.com or s3://KEY:SECRET@bucket/folder"
_LABELS = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
HOST = re.compile(rf"\.?{_LABELS}(\.{_LABELS})*")


def from_environment(entries: Iterable[str]) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the hosts and domains among the entries, and the options of the storage for each bucket.

    Raises ImproperlyConfigured, with a sentence that does not repeat a secret.
    """
    hosts, buckets = [], []
    for number, entry in enumerate(entries, 1):
        if entry.lower().startswith("s3://"):
            buckets.append(bucket_of(entry, number))
        else:
            hosts.append(host_of(entry, number))
    return hosts, buckets


def host_of(entry: str, number: int) -> str:
    """Return a host, or a domain that stands for all hosts in it: ``.example.com``."""
    name = entry.lower().strip("[]")
    if not (HOST.fullmatch(name) or is_address(name)):
        # It is not repeated: there may be a password in it.
        raise ImproperlyConfigured(f"{NAME}: entry {number} is neither a host nor a bucket. Expected {FORMS}.")
    return name


def is_address(name: str) -> bool:
    """Whether a name is the address of a host."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def bucket_of(entry: str, number: int) -> dict[str, Any]:
    """Return the options of the storage for a bucket, whose ``location`` is the folder that may be used."""
    place = entry.partition("://")[2].rpartition("@")[2].partition("?")[0]
    setting = f"{NAME}: entry {number} (s3://{place})"
    parts = storage.split(f"s3://{entry[5:]}", setting=setting)
    options = storage.bucket(parts, setting=setting)["OPTIONS"]
    folder = options["location"].replace(TENANT, "")
    if "{" in folder or "}" in folder:
        raise ImproperlyConfigured(f"{setting} has a folder with braces. Only {TENANT} is known.")
    if any(segment in {"", ".", ".."} for segment in options["location"].split("/")) and options["location"]:
        raise ImproperlyConfigured(f"{setting} has a folder with '.', '..' or an empty name.")
    return options
