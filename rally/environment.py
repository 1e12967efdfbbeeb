"""What the environment says: a value that makes no sense is refused in one sentence."""

import os

from django.core.exceptions import ImproperlyConfigured


def flag(name: str, default: bool = False) -> bool:
    """Return a yes or no of the environment; raise ImproperlyConfigured for anything else."""
    value = os.environ.get(name, "").strip().lower()
    if value in {"", "1", "true", "yes", "on", "0", "false", "no", "off"}:
        return default if not value else value in {"1", "true", "yes", "on"}
    raise ImproperlyConfigured(f"{name} is {value!r}; expected 1 or 0.")


def number(name: str, default: int) -> int:
    """Return a whole number ≥ 1 of the environment; raise ImproperlyConfigured for anything else."""
    value = os.environ.get(name, "").strip() or str(default)
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise ImproperlyConfigured(f"{name} is {value!r}; expected a whole number above 0.")
    return int(value)


def words(name: str, default: str = "") -> list[str]:
    """Return a comma-separated list of the environment."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]
