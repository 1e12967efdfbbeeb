"""Full names: which part is the first name, and which the last."""

import re

#: What stands after a name and a comma without being a first name.
_TITLES = re.compile(
    r"(?:jr|sr|ii|iii|iv|ph\.?\s?d|m\.?d|mba|m\.?a|m\.?sc|b\.?a|b\.?sc|cpa|esq|d\.?d\.?s|llm?|j\.?d)\.?", re.IGNORECASE
)


def split_name(name: str) -> tuple[str, str]:
    """Return first and last name, split at the last space; small words before it belong to the last name.

    ``Ada Example`` → Ada, Example; ``Bo van der Sample`` → Bo, van der Sample; ``Example, Ada`` → Ada, Example; a
    single word is a first name.
    """
    words = name.split()
    if len(words) < 2:
        return name.strip(), ""
    if turned := _turned(" ".join(words)):
        return turned
    start = len(words) - 1
    while start > 1 and words[start - 1].islower():
        start -= 1
    return " ".join(words[:start]), " ".join(words[start:])


def completed_name(name: str, first: str, last: str) -> tuple[str, str] | None:
    """Return first and last name of a full one of which at most one part is known; None if it is no part of it.

    ``Ada King Example`` with the last name King Example → Ada, King Example; ``Ada`` with the first name Ada → Ada and
    no last name.
    """
    if not first and not last:
        return split_name(name)
    whole, known = name.split(), (first or last).split()
    if same(whole, known):
        return first, last
    count, parts = len(known), split_name(name)
    if first:
        if same(whole[:count], known):
            return first, " ".join(whole[count:])
        return (first, parts[1]) if same(parts[0].split(), known) else None
    if same(whole[-count:], known):
        return " ".join(whole[:-count]), last
    return (parts[0], last) if same(parts[1].split(), known) else None


def same(words: list[str], others: list[str]) -> bool:
    """Whether words are the same ignoring case."""
    return [word.casefold() for word in words] == [word.casefold() for word in others]


def _turned(name: str) -> tuple[str, str] | None:
    """Return first and last name of one that is written the other way round, or None."""
    last, comma, first = name.partition(", ")
    if not comma or "," in first or _TITLES.fullmatch(first):
        return None
    return first, last
