"""Domains of e-mail addresses that are a typing error away from a great provider's.

Better no warning than a wrong one: the first letter stands, short names have too many neighbours that exist, and the
ends of countries are no typing errors of each other (``yahoo.es`` and ``yahoo.se`` both exist).
"""

import string
from collections.abc import Iterator
from functools import cache

#: Provider → the ends of its domains. An error within one of these names is recognised.
PROVIDERS = {
    "gmail": ("com",),
    "googlemail": ("com",),
    "hotmail": ("com", "de", "fr", "it", "es", "co.uk"),
    "icloud": ("com",),
    "outlook": ("com", "de", "fr", "es"),
    "protonmail": ("com",),
    "yahoo": ("com", "de", "fr", "it", "es", "co.uk", "com.br", "co.in"),
}
#: Further ``.com`` providers, too short for that: only an impossible end is recognised.
SHORT = ("aol", "gmx", "live", "mail", "me", "msn", "ymail")
#: What people type instead of ``com``, and no domain ends with.
NOT_COM = ("con", "cmo", "ocm", "comm", "coom", "ccom", "vom", "xom", "cim", "cpm", "clm", "cok", "comn")
#: Ends of countries in which the great providers have no addresses.
NOT_COM_OF_PROVIDERS = (*NOT_COM, "co", "cm", "om")
#: Names like a provider's that are somebody's own.
EXIST = {
    "gail", "gamail", "gemail", "gimail", "glail", "gmall", "gomail", "grail", "gsmail",
    "homail", "hootmail", "hotemail", "hotmall", "htmail",
    "incloud", "outlooks", "photonmail",
}  # fmt: skip


@cache
def typing_errors() -> dict[str, str]:
    """Return the domains that are taken for typing errors, each with the one that was probably meant."""
    found = {f"{name}.{end}": f"{name}.com" for name in SHORT for end in NOT_COM}
    for name, ends in PROVIDERS.items():
        found |= {f"{name}.{end}": f"{name}.com" for end in NOT_COM_OF_PROVIDERS}
        for end in ends:
            found |= {f"{other}.{end}": f"{name}.{end}" for other in neighbours(name) if other not in EXIST}
    return found


def neighbours(name: str) -> Iterator[str]:
    """Yield what one typing error makes of a name: two letters swapped, one left out, replaced or added."""
    for i in range(1, len(name)):
        before, letter, after = name[:i], name[i], name[i + 1 :]
        yield before + after
        for other in string.ascii_lowercase:
            if other != letter:
                yield before + other + after
            yield before + other + letter + after
        if name[i - 1] != letter:
            yield name[: i - 1] + letter + name[i - 1] + after
    yield from (name + other for other in string.ascii_lowercase)
