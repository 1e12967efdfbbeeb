"""Invisible characters: zero-width characters, direction marks, soft hyphens, byte-order marks.

Text copied from web pages, chats and spreadsheets often contains them. They are kept inside a text, because Persian
words and joined emoji need them, but removed from its ends, and ignored when texts are matched.
"""

import re
from collections.abc import Iterable
from itertools import repeat

#: The ranges of invisible characters, for the set of a regular expression.
INVISIBLE = "\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"

_INVISIBLE = re.compile(f"[{INVISIBLE}]+")
#: What is removed from the ends of a text: white space, of which there is none above U+3000, and invisible characters.
_ENDS = "".join(c for c in [*map(chr, range(0x3001)), "\ufeff"] if c.isspace() or _INVISIBLE.match(c))


def without_invisible(text: str) -> str:
    """Return a text without invisible characters: ``"Ac­me"`` → ``"Acme"``."""
    # Fast for most names: invisible characters are not printable.
    return text if text.isprintable() else _INVISIBLE.sub("", text)


def trim(text: str) -> str:
    """Return a text without white space and invisible characters at its ends."""
    return text.strip(_ENDS)


def trim_column(values: Iterable[str]) -> list[str]:
    """Return ``trim`` of every value."""
    return list(map(str.strip, values, repeat(_ENDS)))
