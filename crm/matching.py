"""Case folding for names and e-mail addresses. Uniqueness, duplicate detection and references all use it."""

import unicodedata
from collections.abc import Sequence


def fold(text: str) -> str:
    """Return the key under which a name or e-mail address is matched.

    NFC, runs of white space collapsed to one space, Unicode case folding (and NFC again, which folding can undo): ``"
    ACME\u00a0 Straße "`` → ``"acme strasse"``.
    """
    collapsed = " ".join(unicodedata.normalize("NFC", text).split())
    return unicodedata.normalize("NFC", collapsed.casefold())


def fold_column(values: Sequence[str]) -> list[str]:
    """Return ``fold`` of every value. A column of plain ASCII is folded in one pass over the joined text."""
    joined = "\n".join(values)
    if joined.isascii() and _is_collapsed(joined, len(values)):
        return joined.lower().split("\n") if values else []
    known = {value: fold(value) for value in set(values)}
    return [known[value] for value in values]


def _is_collapsed(joined: str, count: int) -> bool:
    """Whether no value of an LF-joined ASCII column contains white space that folding would change."""
    if joined.count("\n") != max(count - 1, 0) or "  " in joined or " \n" in joined or "\n " in joined:
        return False
    # str.split() also splits at control characters below 0x20, none of which is printable.
    return joined.replace("\n", "").isprintable() and joined[:1] != " " and joined[-1:] != " "
