"""Cells with several values where a record of ours has one: the first counts, the rest are told."""

import re
from collections.abc import Iterable, Iterator

#: Separators of addresses and numbers, a list's own first: ``a ::: b``, ``a; b``, ``a, b``.
_SEPARATORS = re.compile(r":::|[;,\n]")
#: The name before an address in angle brackets, which may have a comma: ``"Example, Ada" <ada@x.example>``.
_NAME = re.compile(r"(?<![^<>@])[^<>@]++(?=<)")
#: What follows a comma in a single phone number: an extension.
_EXTENSION = re.compile(r"(?:ext|extension|x|durchwahl|dw|poste)\b\.?[ :]*[0-9]+", re.IGNORECASE)
#: A number that a spreadsheet with decimal commas has shortened: no list.
_SHORTENED = re.compile(r"[+-]?[0-9]+,[0-9]+[Ee]\+?[0-9]{1,3}")
#: A list whose entries are all in quotes.
_QUOTED = re.compile(r'\s*"(?:[^"]|"")*"(?:\s*,\s*"(?:[^"]|"")*")*\s*')
_ANGLES = re.compile(r"[^<>]*<\s*([^<>\s]+)\s*>")
_MAILTO = re.compile(r"mailto:([^?\s]+)(?:\?.*)?", re.IGNORECASE | re.DOTALL)


#: Longer cells are no lists of anything that a column could hold, and are left as they are.
LIMIT = 5_000


def address_of(text: str) -> str:
    """Return the address in an entry: ``Ada <ada@x.example>`` and ``mailto:ada@x.example`` → ``ada@x.example``."""
    if form := _ANGLES.fullmatch(text):
        text = form[1]
    if form := _MAILTO.fullmatch(text):
        text = form[1]
    return text


def split_emails(text: str) -> list[str]:
    """Return the addresses in a cell; a cell that is no list of addresses is one entry, for the column to judge."""
    text = text.strip()
    if "@" not in text or len(text) > LIMIT or not re.search(r"[:;,\n<]", text):
        return [text]
    without_commas = _NAME.sub(lambda name: name[0].replace(",", "_"), text)
    entries = [address_of(entry) for entry in entries_of(text, without_commas)]
    return unrepeated(entries) if all("@" in entry for entry in entries) else [text]


def entries_of(text: str, searched: str) -> Iterator[str]:
    """Yield the filled entries of a list, separated where the text that is ``searched``, of the same length, is."""
    start = 0
    for separator in [*_SEPARATORS.finditer(searched), None]:
        if entry := text[start : separator and separator.start()].strip():
            yield entry
        start = separator.end() if separator else start


def unrepeated(entries: Iterable[str]) -> list[str]:
    """Return entries without those that repeat another one, whatever their case."""
    return list({entry.casefold(): entry for entry in reversed(list(entries))}.values())[::-1]


def split_phones(text: str) -> list[str]:
    """Return the numbers in a cell; an extension belongs to its number."""
    text = text.strip()
    if len(text) > LIMIT or _SHORTENED.fullmatch(text):
        return [text]
    numbers: list[str] = []
    for entry in entries_of(text, text):
        if numbers and (_EXTENSION.fullmatch(entry) or not re.search("[0-9]", entry)):
            return [text]
        numbers.append(entry)
    return unrepeated(numbers) or [text]


def quoted_list(text: str) -> str:
    """Return a list of quoted entries as tags: ``"VIP","Blog"`` → ``VIP,Blog``."""
    if len(text) > LIMIT:
        return text
    entries = [entry.strip().strip('"').replace('""', '"').strip() for entry in re.split(r',(?=\s*")', text)]
    return ",".join(entry.replace(",", " ") for entry in entries if entry)


def maybe_quoted_list(text: str) -> str:
    """Return tags as a file of ours has them; a list whose entries are all in quotes is such a list."""
    return quoted_list(text) if len(text) <= LIMIT and _QUOTED.fullmatch(text) else text


def semicolon_list(text: str) -> str:
    """Return a list separated by semicolons as tags."""
    return ",".join(entry for part in text.split(";") if (entry := part.strip()))


def triple_list(text: str) -> str:
    """Return a list separated by ``:::`` as tags, without the program's own entries, which begin with ``* ``."""
    entries = (part.strip() for part in text.split(":::"))
    return ",".join(entry for entry in entries if entry and not entry.startswith("*"))
