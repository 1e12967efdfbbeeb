"""Reading environment variables. Invalid values raise ImproperlyConfigured with a one-line message."""

import os
import re

from django.core.exceptions import ImproperlyConfigured


def flag(name: str, default: bool = False) -> bool:
    """Return a boolean environment variable; raise ImproperlyConfigured for other values."""
    value = os.environ.get(name, "").strip().lower()
    if value in {"", "1", "true", "yes", "on", "0", "false", "no", "off"}:
        return default if not value else value in {"1", "true", "yes", "on"}
    raise ImproperlyConfigured(f"{name} is {value!r}; expected 1 or 0.")


def number(name: str, default: int) -> int:
    """Return an environment variable with an integer ≥ 1; raise ImproperlyConfigured for other values."""
    value = os.environ.get(name, "").strip() or str(default)
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise ImproperlyConfigured(f"{name} is {value!r}; expected a whole number above 0.")
    return int(value)


def cell(name: str, default: str) -> str:
    """Return an environment variable that names a cell; raise ImproperlyConfigured for other values."""
    value = os.environ.get(name, "").strip() or default
    if not re.fullmatch(r"[a-z0-9]{2}", value):
        raise ImproperlyConfigured(f"{name} is {value!r}; expected two characters of a-z and 0-9.")
    return value


def web_address(name: str) -> str:
    """Return an environment variable with the address of a site, without a last slash; raise ImproperlyConfigured for
    other values."""
    value = os.environ.get(name, "").strip().rstrip("/")
    if value and not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+", value):
        raise ImproperlyConfigured(f"{name} is {value!r}; expected the address of a site: https://crm.example.com.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """Return a comma-separated environment variable as a list."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]
