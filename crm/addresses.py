"""E-mail addresses and domains: validation, and the keys by which they are matched.

Hosts are internationalised domain names (UTS 46, with the rules of STD 3): ``köln.example`` and ``xn--kln-sna.example``
are the same. Keys have the Unicode form, which is readable and shorter.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache

import idna
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from crm.characters import without_invisible
from crm.matching import fold, fold_column

#: The maximum length of a host (RFC 1035, without the final dot), and of an address that is parsed.
HOST_LIMIT, EMAIL_LIMIT = 253, 320

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
#: The prefix of an ASCII label that encodes a Unicode label.
_ENCODED = "xn--"
#: Characters that are part of words in Catalan, Greek, Hebrew and Japanese. IDNA checks their context (RFC 5892).
_INNER_SIGNS = "-\u00b7\u0375\u05f3\u05f4\u30fb"
#: The characters that IDNA treats as a full stop.
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//")
_AUTHORITY_END = re.compile(r"[/?#]")
_PORT = re.compile(r":[0-9]*\Z")
#: Repeated, so that the key of a key is the key itself; ``www.com`` is a host.
_WWW = re.compile(r"(?:www\.)+(?=[^.]+\.)")
_MODEL = EmailValidator()


# --- e-mail addresses -----------------------------------------------------------------------------------------


def is_email(text: str) -> bool:
    """Whether a text is an e-mail address whose host has a top-level domain. Invisible characters are ignored.

    ``user@localhost`` and address literals (``user@[192.0.2.1]``) are invalid, because they do not reach customers.
    """
    if len(text) > EMAIL_LIMIT:
        return False
    text = without_invisible(text)
    user, at, host = text.rpartition("@")
    if not at or text.split() != [text] or not _MODEL.user_regex.match(user):
        return False
    _, dot, top = encoded_host(host).rpartition(".")
    return bool(dot) and len(top) > 1


def validate_email(text: str) -> None:
    """Raise ValidationError unless a text is an e-mail address (see ``is_email``)."""
    if not is_email(text):
        raise ValidationError(_MODEL.message, code=_MODEL.code, params={"value": text})


def fold_email(text: str) -> str:
    """Return the key by which an e-mail address is matched: folded, with the host in Unicode."""
    folded = fold(text)
    user, at, host = folded.rpartition("@")
    return f"{user}{at}{fold_host(host) or host}"


def fold_emails(values: Sequence[str]) -> list[str]:
    """Return ``fold_email`` of every value, fast for plain ASCII."""
    return _refolded(fold_column(values), fold_email, (_ENCODED,))


# --- domains --------------------------------------------------------------------------------------------------


def fold_domain(text: str) -> str:
    """Return the key by which a company's domain is matched: its host in Unicode, without ``www.``.

    ``"https://www.Acme.com:443/about"`` → ``"acme.com"``. A text without a host of several labels is only folded.
    """
    folded = fold(text)
    host = fold_host(_host_of(folded if folded.isascii() else folded.translate(_DOTS)))
    return _WWW.sub("", host, count=1) if "." in host else folded


def fold_domains(values: Sequence[str]) -> list[str]:
    """Return ``fold_domain`` of every value, fast for plain ASCII."""
    return _refolded(fold_column(values), fold_domain, ("/", ":", "?", "#", "@", ".\n", "www.", _ENCODED))


def _host_of(text: str) -> str:
    """Return the host in a folded URL, or in a part of one."""
    scheme = _SCHEME.match(text)
    authority = _AUTHORITY_END.split(text[scheme.end() if scheme else 0 :], maxsplit=1)[0]
    return _PORT.sub("", authority.rpartition("@")[2]).removesuffix(".")


def _refolded(folded: list[str], one: Callable[[str], str], signs: Collection[str]) -> list[str]:
    """Return ``one`` of every folded value. Of ASCII values, only those with a sign differ (LF ends each)."""

    def is_plain(text: str) -> bool:
        return text.isascii() and not any(map(text.__contains__, signs))

    if is_plain("\n".join([*folded, ""])):
        return folded
    known = {value: one(value) for value in set(folded) if not is_plain(f"{value}\n")}
    return [known.get(value, value) for value in folded]


# --- hosts ----------------------------------------------------------------------------------------------------


def encoded_host(host: str) -> str:
    """Return a host as in DNS, in lower-case ASCII; "" if it is invalid."""
    if len(host) > HOST_LIMIT:
        return ""
    encoded = host.lower() if host.isascii() else _encoded(host)
    return encoded if len(encoded) <= HOST_LIMIT and _HOST.fullmatch(encoded) else ""


def fold_host(host: str) -> str:
    """Return the key of a host, folded and in Unicode; "" if it is invalid."""
    encoded = encoded_host(host)
    return _decoded(encoded) if _ENCODED in encoded else encoded


@lru_cache(maxsize=10_000)
def _encoded(host: str) -> str:
    return ".".join(map(_encoded_label, host.split(".")))


def _encoded_label(label: str) -> str:
    if label.isascii():
        return label.lower()
    if not all(map(_may_be_in_label, label)):
        return ""
    try:
        return idna.encode(label, uts46=True, std3_rules=True).decode()
    except idna.IDNAError:
        return ""


def _may_be_in_label(character: str) -> bool:
    """Whether a character is a letter, mark or digit, or allowed between them."""
    category = unicodedata.category(character)
    return category[0] in "LM" or category == "Nd" or character in _INNER_SIGNS


@lru_cache(maxsize=10_000)
def _decoded(host: str) -> str:
    return ".".join(map(_decoded_label, host.split(".")))


def _decoded_label(label: str) -> str:
    """Return a label in Unicode, folded; unchanged if it does not encode a valid one."""
    try:
        return fold(idna.decode(label)) if label.startswith(_ENCODED) else label
    except idna.IDNAError:
        return label
