"""The secrets of webhooks, and the signatures that receivers check: https://www.standardwebhooks.com.

A secret is derived from the server's secret key and a random seed, which is all that the database has of it. So nobody
who reads the database, or a copy of it, can sign; and when the server gets another secret key, webhooks need new
secrets, which ``NoSecret`` says.
"""

import base64
import hashlib
import hmac
import secrets

from django.conf import settings

from importexport.models import Webhook

PREFIX = "whsec_"


class NoSecret(ValueError):
    """The secret cannot be derived any more. The text is for the user."""

    def __init__(self) -> None:
        super().__init__(
            "The secret key of the server has changed, and the secret of this webhook with it."
            " Delete the webhook and add it again to get a new secret."
        )


def give_secret(webhook: Webhook) -> str:
    """Give a webhook a new secret, and return it: ``whsec_…``."""
    webhook.seed = secrets.token_hex(32)
    key = _derived(webhook.seed)
    webhook.digest = hashlib.sha256(key).hexdigest()
    return PREFIX + base64.b64encode(key).decode()


def signature(webhook: Webhook, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a message; raise NoSecret."""
    key = _derived(webhook.seed)
    if hashlib.sha256(key).hexdigest() != webhook.digest:
        raise NoSecret
    signed = hmac.digest(key, b"%s.%d.%s" % (message_id.encode(), timestamp, body), "sha256")
    return f"v1,{base64.b64encode(signed).decode()}"


def _derived(seed: str) -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), f"webhook {seed}".encode(), "sha256")
