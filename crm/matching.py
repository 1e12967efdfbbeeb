"""Case folding for names. Uniqueness, duplicate detection and references all use it."""

import unicodedata
from collections.abc import Callable, Collection, Sequence

from crm.characters import without_invisible


def fold(text: str) -> str:
    """Return the key under which a name is matched.

    Without invisible characters, NFC, runs of white space collapsed to one space, Unicode case folding (and NFC again,
    which folding can undo): ``" ACME\u00a0 Stra\u00adße "`` → ``"acme strasse"``.
    """
    collapsed = " ".join(unicodedata.normalize("NFC", without_invisible(text)).split())
    return unicodedata.normalize("NFC", collapsed.casefold())


def fold_column(
    values: Sequence[str], one: Callable[[str], str] = fold, *, beyond_case: Collection[str] = ()
) -> list[str]:
    """Return ``one`` of every value. A column of plain ASCII is folded in one pass over the joined text.

    Where ``one`` does more than ``fold``, some substring in ``beyond_case`` is in every ASCII value of which that is
    true; they are in lower case, with LF for the end of a value.
    """
    joined = "\n".join(values)
    if joined.isascii() and _is_collapsed(joined, len(values)):
        joined = joined.lower()
        if not any(map(f"{joined}\n".__contains__, beyond_case)):
            return joined.split("\n") if values else []
    known = {value: one(value) for value in set(values)}
    return [known[value] for value in values]


def _is_collapsed(joined: str, count: int) -> bool:
    """Whether no value of an LF-joined ASCII column contains white space that folding would change."""
    if joined.count("\n") != max(count - 1, 0) or "  " in joined or " \n" in joined or "\n " in joined:
        return False
    # str.split() also splits at control characters below 0x20, none of which is printable.
    return joined.replace("\n", "").isprintable() and joined[:1] != " " and joined[-1:] != " "
