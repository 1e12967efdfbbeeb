"""Where e-mail is sent: Django's settings, from RALLY_EMAIL_URL."""

from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

FORMS = "smtp://user:password@host:587 (with STARTTLS), smtps://user:password@host:465, or smtp+plain://host:25"
#: Scheme → whether the connection is encrypted after STARTTLS, or from its beginning, and the usual port.
SCHEMES = {"smtp": (True, False, 587), "smtps": (False, True, 465), "smtp+plain": (False, False, 25)}
#: Seconds that a mail server has to answer.
PATIENCE = 10


def from_environment(*, url: str | None, sender: str | None) -> dict[str, Any]:
    """Return Django's settings for e-mail; without a URL, those that send none.

    Raises ImproperlyConfigured, with a sentence that does not repeat the URL: it may have a password in it.
    """
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured(f"RALLY_EMAIL_URL is not a URL. Expected {FORMS}.") from None
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ImproperlyConfigured(f"RALLY_EMAIL_URL is not the address of a mail server. Expected {FORMS}.")
    if not sender or "@" not in sender or "\n" in sender:
        raise ImproperlyConfigured("RALLY_EMAIL_FROM is not an address. Messages need one: Rally <rally@example.com>.")
    starts_tls, is_ssl, usual = SCHEMES[parts.scheme]
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or usual,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": starts_tls,
        "EMAIL_USE_SSL": is_ssl,
        "EMAIL_TIMEOUT": PATIENCE,
        "DEFAULT_FROM_EMAIL": sender,
    }
