"""Case folding for names. Uniqueness, duplicate detection and references all use it."""

import unicodedata
from collections.abc import Sequence

from crm.characters import without_invisible


def fold(text: str) -> str:
    """Return the key under which a name is matched.

    Without invisible characters, NFC, runs of white space collapsed to one space, Unicode case folding (and NFC again,
    which folding can undo): ``" ACME\u00a0 Stra\u00adße "`` → ``"acme strasse"``.
    """
    collapsed = " ".join(unicodedata.normalize("NFC", without_invisible(text)).split())
    return unicodedata.normalize("NFC", collapsed.casefold())


def fold_column(values: Sequence[str]) -> list[str]:
    """Return ``fold`` of every value. A column of printable text is folded in one pass over the joined text."""
    joined = "\n".join(values)
    if not _is_collapsed(joined, len(values)):
        known = {value: fold(value) for value in set(values)}
        return [known[value] for value in values]
    if joined.isascii():
        joined = joined.lower()
    else:
        joined = unicodedata.normalize("NFC", unicodedata.normalize("NFC", joined).casefold())
    return joined.split("\n") if values else []


def _is_collapsed(joined: str, count: int) -> bool:
    """Whether no value of an LF-joined column contains white space or something invisible that folding would change."""
    if joined.count("\n") != max(count - 1, 0) or "  " in joined or " \n" in joined or "\n " in joined:
        return False
    # Invisible characters are not printable, nor is white space other than the plain space.
    return joined.replace("\n", "").isprintable() and joined[:1] != " " and joined[-1:] != " "
