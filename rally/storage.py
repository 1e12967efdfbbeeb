"""The storage of uploaded files: a folder, or a bucket of an S3-compatible server, by RALLY_STORAGE_URL."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

NAME = "RALLY_STORAGE_URL"
FORMS = "s3://KEY:SECRET@bucket/folder?region=eu-central-1&endpoint=https://host:port, or file:///folder"
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
#: The parameters of a URL of a bucket, and the options of the storage.
PARAMETERS = {"region": "region_name", "endpoint": "endpoint_url"}
MEBIBYTE = 1024 * 1024


def from_environment(*, url: str | None, home: Path) -> dict[str, Any]:
    """Return Django's settings of the storage for a URL; without one, of a folder under ``home``.

    Raises ImproperlyConfigured, with a sentence that does not repeat the URL: it may have a secret in it.
    """
    if not url:
        return folder(home / "uploads")
    parts = split(url)
    if parts.scheme == "file":
        return folder(path_of(parts))
    if parts.scheme != "s3":
        raise wrong(f"begins with neither s3:// nor file://. Expected {FORMS}.")
    return bucket(parts)


def split(url: str, *, setting: str = NAME) -> SplitResult:
    """Return the parts of a URL; raise ImproperlyConfigured, which begins with ``setting``."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise wrong(f"is not a URL. Expected {FORMS}.", setting) from None
    return parts


def folder(path: Path) -> dict[str, Any]:
    """Return the settings for a folder, which is created for the first file. Only our own account can read it."""
    options = {"location": str(path), "file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
    return {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": options | {"allow_overwrite": True},
    }


def path_of(parts: SplitResult) -> Path:
    """Return the path that a ``file://`` URL names."""
    if parts.netloc not in {"", "localhost"} or not parts.path.strip("/") or parts.query or parts.fragment:
        raise wrong("names no folder. Expected file:///folder, with three slashes.")
    return Path(unquote(parts.path))


def bucket(parts: SplitResult, *, setting: str = NAME) -> dict[str, Any]:
    """Return the settings for a bucket. Without a key in the URL, boto3 finds one: AWS_ACCESS_KEY_ID, or a role.

    Raises ImproperlyConfigured, which begins with ``setting``.
    """
    if parts.port is not None:
        what = "names a port where the bucket is expected; the server goes into endpoint=https://host:port."
        raise wrong(what, setting)
    options: dict[str, Any] = {"bucket_name": parts.hostname or "", "location": unquote(parts.path).strip("/")}
    if not BUCKET.fullmatch(options["bucket_name"]):
        raise wrong(f"names no bucket. Expected {FORMS}.", setting)
    if bool(parts.username) != bool(parts.password):
        raise wrong("has a key without a secret, or a secret without a key. Expected s3://KEY:SECRET@bucket.", setting)
    if parts.username and parts.password:
        login = {"access_key": unquote(parts.username), "secret_key": unquote(parts.password), "security_token": None}
        options |= login
    options |= parameters_of(parts.query, setting)
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options | transfer(options)}


def parameters_of(query: str, setting: str) -> dict[str, str]:
    """Return the options that the query of a URL names; raise ImproperlyConfigured for others."""
    given = dict(parse_qsl(query, keep_blank_values=True))
    for name, value in given.items():
        if name not in PARAMETERS:
            raise wrong(f"has the unknown parameter '{name}'. Expected: {', '.join(PARAMETERS)}.", setting)
        if not value:
            raise wrong(f"has no value for '{name}'.", setting)
    if "endpoint" in given and not is_server(given["endpoint"]):
        raise wrong("has no URL of a server as endpoint. Expected endpoint=https://host:port.", setting)
    return {PARAMETERS[name]: value for name, value in given.items()}


def is_server(url: str) -> bool:
    """Whether a URL names a server, and nothing else."""
    try:
        parts = urlsplit(url)
        is_named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and is_named and not (parts.path.strip("/") or parts.query)


def transfer(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options for transfers: flat memory, and an end for every wait."""
    # Only where a bucket is used: boto3 takes a tenth of a second.
    from boto3.s3.transfer import TransferConfig  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    return {
        # In the thread of the caller, a part at a time: threads would hold ten parts.
        "transfer_config": TransferConfig(use_threads=False),
        "max_memory_size": MEBIBYTE,
        "client_config": Config(
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard", "total_max_attempts": 2},
            # By path at a server of its own, which rarely has a host name for each bucket.
            s3={"addressing_style": "path" if "endpoint_url" in options else "auto"},
            # Not all servers that are compatible know the checksums that AWS does without as well.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    }


def wrong(what: str, setting: str = NAME) -> ImproperlyConfigured:
    """Return the error of a URL."""
    return ImproperlyConfigured(f"{setting} {what}")
