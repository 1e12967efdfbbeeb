"""Characters that nobody sees: zero-width ones, direction marks, soft hyphens, byte-order marks.

They come in with what is copied from web pages, chats and spreadsheets. Inside a text they are kept, for Persian words
and joined emoji need them; at its ends, and wherever texts are matched, they mean nothing.
"""

import re
from collections.abc import Iterable
from itertools import repeat

#: The ranges of invisible characters, as a regular expression's set has them.
INVISIBLE = "\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"

_INVISIBLE = re.compile(f"[{INVISIBLE}]+")
#: What the ends of a text lose: white space, of which there is none above U+3000, and invisible characters.
_ENDS = "".join(c for c in [*map(chr, range(0x3001)), "\ufeff"] if c.isspace() or _INVISIBLE.match(c))


def without_invisible(text: str) -> str:
    """Return a text without its invisible characters, wherever they stand: ``"Ac\u00adme"`` → ``"Acme"``."""
    # None of them is printable, and few names have a character that is not.
    return text if text.isprintable() else _INVISIBLE.sub("", text)


def trim(text: str) -> str:
    """Return a text without the white space and invisible characters, in any mixture, at its ends."""
    return text.strip(_ENDS)


def trim_column(values: Iterable[str]) -> list[str]:
    """Return ``trim`` of every value."""
    return list(map(str.strip, values, repeat(_ENDS)))
