"""Lists that stay fast at a million records: estimated counts, bounded pages, search by the beginnings of words."""

import unicodedata
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from crm.figures import RecordCount, count_records
from crm.matching import fold

#: How far into a list its pages go, in records: to skip more of them takes the database longer than anybody waits.
DEEPEST = 100_000
#: A limit that no list reaches. A sub-select that has one is carried out by itself, before what stands around it.
NO_LIMIT = 2**31
#: The most words of a search that are looked at.
WORDS = 8


class About(int):
    """A number that was estimated, and is shown as such."""

    def __str__(self) -> str:
        return f"≈ {int(self):,}"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


class EstimatingPaginator(Paginator):
    """Counts exactly where that is cheap, and takes the planner's word beyond (see crm.figures.count_records)."""

    @cached_property
    def counted(self) -> RecordCount:
        """How many records there are, or about how many."""
        found: Any = self.object_list
        return count_records(found) if isinstance(found, QuerySet) else RecordCount(len(found))

    @cached_property
    def count(self) -> int:
        """How many records there are; a number that was estimated says so."""
        return self.counted.number if self.counted.is_exact else About(self.counted.number)

    @cached_property
    def num_pages(self) -> int:
        """How many pages are offered."""
        records = min(int(self.count), DEEPEST)
        return max(1, -(-records // self.per_page))


def search(queryset: QuerySet[Any], text: str, fields: Sequence[str]) -> QuerySet[Any]:
    """Return the records in which every word of a text is the beginning of a field, or the whole text of a key.

    A field is a matching key (``name_key``) or a name that has an index on its ``lower()``.
    """
    words = text.split()[:WORDS]
    lowered = {f"lower_{field}": Lower(field) for field in fields if not field.endswith("_key")}
    found = queryset.alias(**lowered)
    every = Q()
    for word in words:
        every &= begins(word, fields)
    if len(words) <= 1:
        return found.filter(every)
    keys = [field for field in fields if field.endswith("_key")]
    matches = found.filter(every | begins(" ".join(words), keys)).order_by().values("pk")[:NO_LIMIT]
    # Looked for by themselves: PostgreSQL takes words for independent of each other, expects many records to have
    # them all, and would walk the whole list backwards until it has found a page of them.
    return queryset.filter(pk__in=matches)


def begins(text: str, fields: Sequence[str]) -> Q:
    """Return the condition that one of the fields begins with a text."""
    condition = Q()
    for field in fields:
        if field.endswith("_key"):
            condition |= Q(**{f"{field}__startswith": fold(text)})
        else:
            for variant in lower_variants(text):
                condition |= Q(**{f"lower_{field}__startswith": variant})
    return condition


def lower_variants(word: str) -> set[str]:
    """Return what PostgreSQL's ``lower()`` makes of a word's usual spellings.

    In the locale C it leaves all but ASCII as it is: ``Özil`` stays ``Özil``, and ``ÖZIL`` becomes ``Özil`` as well.
    """
    word = unicodedata.normalize("NFC", word)
    spellings = {word.lower(), word.upper(), word.capitalize()}
    ascii_lowered = {"".join(c.lower() if c.isascii() else c for c in spelling) for spelling in spellings}
    return ascii_lowered | {word.lower()}
