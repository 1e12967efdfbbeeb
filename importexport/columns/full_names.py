"""Contacts by full name: a name that other programs write into one cell, first name first."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import islice, product
from typing import Any

from django.db import connection

from crm.matching import fold
from importexport.columns.widgets import is_storable

#: The most words that a name can have, and the most spellings of it that are looked for.
WORDS, VARIANTS = 10, 16


def people_called(names: Collection[str], tenant: Any) -> dict[str, list[int]]:
    """Return a tenant's contacts with each of some full names, in the order of their ids.

    PostgreSQL, whose lower case is not our folding, finds who may be meant; the folded names decide.
    """
    pairs = {pair for name in names if is_storable(name) for pair in parts_of(name)}
    found: dict[str, list[int]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE, [[first for first, _ in pairs], [last for _, last in pairs], tenant.pk])
        for pk, first, last in sorted(set(cursor.fetchall())):
            found[fold(f"{first} {last}")].append(pk)
    return {name: found[fold(name)] for name in names}


def parts_of(name: str) -> Iterator[tuple[str, str]]:
    """Yield how a full name may be stored as first and last name, in the lower case that PostgreSQL may have."""
    words_of_name = name.split()
    for words in lower_variants(words_of_name) if len(words_of_name) <= WORDS else ():
        for place in range(len(words) + 1):
            yield " ".join(words[:place]), " ".join(words[place:])


def lower_variants(words: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield words in lower case, also as the C locale makes it of other spellings: it changes ASCII letters alone."""
    spellings = ({ascii_lower(each) for each in (word.lower(), word, word.upper(), word.title())} for word in words)
    return islice(product(*spellings), VARIANTS)


def ascii_lower(text: str) -> str:
    """Return a text with its ASCII letters in lower case."""
    return "".join(c.lower() if c.isascii() else c for c in text)


#: Served by the index of a tenant's last names.
PEOPLE = """
SELECT c.id, c.first_name, c.last_name FROM unnest(%s::text[], %s::text[]) AS w(first, last)
JOIN crm_contact AS c ON c.tenant_id = (SELECT %s::bigint) AND lower(c.last_name) COLLATE "C" = w.last
AND lower(c.first_name) COLLATE "C" = w.first FOR KEY SHARE OF c
"""
