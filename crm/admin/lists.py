"""Lists that stay fast at a million records: search by the beginnings of words, bounded pages, estimated counts."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.db.models.functions import Coalesce, Collate, Lower
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList

from crm.matching import fold
from crm.models.fields import folded_fields
from crm.statistics import EXACT_UP_TO, RecordCount, count_records, estimate_records

#: How far into a list its pages go, in records: to skip more of them takes the database longer than anybody waits.
DEEPEST = 50_000
#: So many of the newest records are looked through before any index is asked: what is frequent is found there.
NEWEST = 2_000
#: So many matches are put in order without an index that has them in order; of more, the first ones are found soon.
SORTED_AT_ONCE = 200_000
#: Orders that leave nothing to chance.
BY_ID = ("id", "-id", "pk", "-pk")
#: The most words of a search that are looked at.
WORDS = 8


class About(int):
    """A number that was estimated, and is shown as such."""

    def __str__(self) -> str:
        return f"≈ {int(self):,}"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


class EstimatingPaginator(Paginator):
    """Finds the ids of a page, then its records; counts exactly where that is cheap, and else about.

    ``whole`` is the list that was filtered or searched, where it is known: ``object_list`` is a part of it, or all.
    """

    def __init__(self, *args: Any, whole: QuerySet[Any] | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.whole = whole

    @cached_property
    def counted(self) -> RecordCount:
        """How many records there are, or about how many."""
        known = len(self._first_ids)
        if known > EXACT_UP_TO:
            return RecordCount(max(estimate_records(self._found), known), is_exact=False)
        return count_records(self._found) if known == self.per_page + 1 else RecordCount(known)

    @cached_property
    def count(self) -> int:
        """How many records there are; a number that was estimated says so."""
        return self.counted.number if self.counted.is_exact else About(self.counted.number)

    @cached_property
    def num_pages(self) -> int:
        """How many pages are offered."""
        records = min(int(self.count), DEEPEST)
        return max(1, -(-records // self.per_page))

    def page(self, number: Any) -> Page:
        """Return a page; raises InvalidPage for one that there is not."""
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        stop = min(start + self.per_page, int(self.count))
        ids = self._first_ids[start:stop] if stop <= len(self._first_ids) else self._ids(start, stop)
        return Page(self._records(ids), number, self)

    @property
    def _found(self) -> QuerySet[Any]:
        found: Any = self.object_list
        return found

    @cached_property
    def _first_ids(self) -> list[int]:
        """The ids of the first page, and one more where there are more; or of all that are found, up to EXACT_UP_TO."""
        return self._ids(0, self.per_page + 1)

    def _ids(self, start: int, stop: int) -> list[int]:
        """Return the ids of a piece of the list.

        PostgreSQL takes matches for evenly spread and conditions for independent, and would walk the whole list for
        matches that are all at its other end. So what is filtered is looked for among the newest records first, and
        then by itself, to be put in order after.
        """
        found = self._found
        if self.whole is not None and found.query.where != self.whole.query.where:
            is_newest_first = found.query.order_by[:1] in {("-id",), ("-pk",)}
            if is_newest_first and len(recent := self._recent_ids(stop)) == stop:
                return recent[start:]
            if is_newest_first or estimate_records(found) <= SORTED_AT_ONCE:
                found = found.order_by(*map(by_no_index, found.query.order_by))
                # All of them are looked at anyway: this counts them, too.
                stop = stop if start else max(stop, EXACT_UP_TO + 1)
        return list(found.values_list("pk", flat=True)[start:stop])

    def _recent_ids(self, stop: int) -> list[int]:
        """Return the first ids, as far as they are among the newest records."""
        assert self.whole is not None
        # Looked up first, and not as a part of the other query: PostgreSQL sees by it how few records are meant.
        [oldest] = self.whole.order_by("-pk").values_list("pk", flat=True)[NEWEST : NEWEST + 1] or [0]
        return list(self._found.filter(pk__gt=oldest).values_list("pk", flat=True)[:stop])

    def _records(self, ids: list[int]) -> list[Any]:
        """Return the records of these ids, in their order, joined with what the list joins."""
        records = self._found.model._default_manager.filter(pk__in=ids)
        records.query.select_related = self._found.query.select_related
        by_id = {record.pk: record for record in records}
        return [by_id[pk] for pk in ids if pk in by_id]


def by_no_index(part: Any) -> OrderBy:
    """Return a part of an order as PostgreSQL finds no index for it, and so looks for the records by other means."""
    name = str(part).removeprefix("-")
    order = part.copy() if isinstance(part, OrderBy) else OrderBy(F(name), descending=is_descending(part))
    order.expression = Coalesce(order.expression, order.expression)
    return order


class BoundedChangeList(ChangeList):
    """A list that reads a page, however much was found, and sorts only by columns that are offered for it."""

    def get_results(self, request: HttpRequest) -> None:
        """Look up the page."""
        super().get_results(request)
        if not self.multi_page:
            self.result_list = self.paginator.page(1).object_list

    def get_ordering_field(self, field_name: Any) -> Any:
        """Return what a column is sorted by: a name by its matching key, a column that is not offered by nothing."""
        if self.sortable_by is not None and field_name not in self.sortable_by:
            return None
        field = super().get_ordering_field(field_name)
        keys = folded_fields(self.model, [field]) if isinstance(field, str) else []
        return keys[0].name if keys else field

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Return the order; equals are sorted by id in the same direction, so that one index gives both."""
        asked: list[Any] = super().get_ordering(request, queryset)
        place = next(n for n, part in enumerate(asked) if part in BY_ID)
        if not place:
            return asked[:1]
        return [*asked[:place], "-id" if is_descending(asked[place - 1]) else "id"]


def is_descending(order: Any) -> bool:
    """Whether a part of an order goes downwards."""
    return order.descending if isinstance(order, OrderBy) else str(order).startswith("-")


def lowered(name: str) -> Collate:
    """Return a name as searches and sorting see it; the indexes of names are on this."""
    return Collate(Lower(name), "C")


def search(queryset: QuerySet[Any], text: str, fields: Sequence[str]) -> QuerySet[Any]:
    """Return the records in which every word of a text is the beginning of a field, or the whole text of a key.

    A field is a matching key (``name_key``) or a name that has an index on what ``lowered`` makes of it.
    """
    names = {f"lower_{field}": lowered(field) for field in fields if not field.endswith("_key")}
    words = text.split()[:WORDS]
    every = Q()
    for word in words:
        every &= begins(word, fields)
    if len(words) > 1:
        every |= begins(" ".join(words), [field for field in fields if field.endswith("_key")])
    return queryset.alias(**names).filter(every)


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
