"""Parts of messages: values, names and numbers in them."""

from collections.abc import Iterable

ECHO_LIMIT = 100

#: The maximum size in bytes of the names listed in an error.
LISTED_LIMIT = 600


def echo(value: str) -> str:
    """Return a value as quoted in messages: its first 100 characters."""
    return value[:ECHO_LIMIT]


def listed(names: Iterable[str]) -> str:
    """Return names in quotes, separated by commas, as many as are short enough."""
    quoted = [f"'{echo(name)}'" for name in names]
    room = LISTED_LIMIT
    for count, name in enumerate(quoted):
        # A caller can name what no text has: JSON can escape halves of surrogate pairs.
        room -= len(name.encode(errors="surrogatepass")) + 2
        if room < 0 and count:
            return f"{', '.join(quoted[:count])} and {len(quoted) - count} more"
    return ", ".join(quoted)


def counted(count: int, noun: str) -> str:
    """Return a number with a noun that forms its plural with an s: ``1 row``, ``2 rows``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def did_you_mean(sentence: str, names: list[str]) -> str:
    """Return a message about a name with suggestions."""
    listed = " or ".join(f"'{echo(name)}'" for name in names)
    return f"{sentence} (did you mean {listed}?)"


def for_staff(text: str) -> str:
    """Return a text of ours that programs read as well, with what staff call a tenant."""
    return text.replace("tenant", "account")
