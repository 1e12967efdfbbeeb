"""Change lists that stay fast with a million records: prefix search, a limited page range, estimated counts."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.db.models.functions import Coalesce, Collate, Lower
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList

from crm.admin import formatting
from crm.characters import trim
from crm.models.fields import folded_field, folded_fields
from crm.statistics import EXACT_UP_TO, RecordCount, count_records, estimate_records, estimated

#: The last record that can be paged to: skipping more takes the database too long.
DEEPEST = 50_000
#: Search this many of the newest records before using an index: frequent matches are found there.
NEWEST = 2_000
#: Sort up to this many matches without an index; with more, the first page turns up early in an index scan.
SORTED_AT_ONCE = 200_000
#: Total orders: no two records compare equal.
BY_ID = ("id", "-id", "pk", "-pk")
#: The maximum number of words used from a search.
WORDS = 8


class Number(int):
    """A number of records, displayed as what it is: exact, or estimated."""

    text: str

    @classmethod
    def of(cls, count: RecordCount) -> "Number":
        """Return a number of records."""
        number = cls(count.number)
        number.text = formatting.number_of(count)
        return number

    def __str__(self) -> str:
        return self.text

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


class EstimatingPaginator(Paginator):
    """Finds the ids of a page first, then its records. Counts exactly where that is cheap, otherwise estimates.

    ``whole`` is the unfiltered list, if known; ``object_list`` is the same list, possibly filtered or searched. It is
    counted exactly ``up_to`` a number of records, by default EXACT_UP_TO.
    """

    def __init__(
        self, *args: Any, whole: QuerySet[Any] | None = None, up_to: int | None = None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.whole = whole
        self.up_to = EXACT_UP_TO if up_to is None else up_to

    @cached_property
    def counted(self) -> RecordCount:
        """The number of records, exact or estimated."""
        known = len(self._first_ids)
        if known > self.up_to:
            return estimated(self._found, above=self.up_to)
        may_be_more = known == self.per_page + 1 or known > EXACT_UP_TO
        return count_records(self._found, up_to=self.up_to) if may_be_more else RecordCount(known)

    @cached_property
    def count(self) -> int:
        """The number of records. An estimate is displayed as such."""
        return Number.of(self.counted)

    @cached_property
    def num_pages(self) -> int:
        """The number of pages that can be reached."""
        records = min(int(self.count), DEEPEST)
        return max(1, -(-records // self.per_page))

    def page(self, number: Any) -> Page:
        """Return a page; raise InvalidPage if it does not exist."""
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
        """The first ids: one page and one id more; up to EXACT_UP_TO + 1 where the query reads all matches anyway."""
        return self._ids(0, self.per_page + 1)

    def _ids(self, start: int, stop: int) -> list[int]:
        """Return a slice of the list's ids.

        PostgreSQL assumes that matches are evenly distributed and conditions independent, so it may scan the whole list
        for matches that are all at the far end. Filtered lists therefore search the newest records first, and then find
        all matches without the index on the order and sort them.
        """
        found = self._found
        if self.whole is not None and found.query.where != self.whole.query.where:
            is_newest_first = found.query.order_by[:1] in {("-id",), ("-pk",)}
            if is_newest_first and len(recent := self._recent_ids(stop)) == stop:
                return recent[start:]
            if is_newest_first or estimate_records(found) <= SORTED_AT_ONCE:
                found = found.order_by(*map(without_index, found.query.order_by))
                # All matches are read anyway, so count them as well.
                stop = stop if start else max(stop, EXACT_UP_TO + 1)
        return list(found.values_list("pk", flat=True)[start:stop])

    def _recent_ids(self, stop: int) -> list[int]:
        """Return the first ids that are among the newest records."""
        assert self.whole is not None
        # A separate query rather than a subquery, so that the planner knows how few records are in range.
        [oldest] = self.whole.order_by("-pk").values_list("pk", flat=True)[NEWEST : NEWEST + 1] or [0]
        return list(self._found.filter(pk__gt=oldest).values_list("pk", flat=True)[:stop])

    def _records(self, ids: list[int]) -> list[Any]:
        """Return the records with these ids, in this order, with the list's select_related."""
        records = self._found.model._default_manager.filter(pk__in=ids)
        records.query.select_related = self._found.query.select_related
        by_id = {record.pk: record for record in records}
        return [by_id[pk] for pk in ids if pk in by_id]


def without_index(part: Any) -> OrderBy:
    """Return an ordering that no index serves, so that the planner finds the records by other means."""
    name = str(part).removeprefix("-")
    order = part.copy() if isinstance(part, OrderBy) else OrderBy(F(name), descending=is_descending(part))
    order.expression = Coalesce(order.expression, order.expression)
    return order


class BoundedChangeList(ChangeList):
    """Change list that reads one page of any result and sorts only by sortable columns."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.multi_page:
            self.result_list = self.paginator.page(1).object_list

    def get_ordering_field(self, field_name: Any) -> Any:
        """Sort a name by its matching key; ignore columns that are not sortable."""
        if self.sortable_by is not None and field_name not in self.sortable_by:
            return None
        field = super().get_ordering_field(field_name)
        keys = folded_fields(self.model, [field]) if isinstance(field, str) else []
        return keys[0].name if keys else field

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Return the order with ties broken by id in the same direction, so that a single index can serve it."""
        asked: list[Any] = super().get_ordering(request, queryset)
        place = next(n for n, part in enumerate(asked) if part in BY_ID)
        if not place:
            return asked[:1]
        return [*asked[:place], "-id" if is_descending(asked[place - 1]) else "id"]


def is_descending(order: Any) -> bool:
    """Whether an ordering expression or name sorts in descending order."""
    return order.descending if isinstance(order, OrderBy) else str(order).startswith("-")


def lowered(name: str) -> Collate:
    """Return the expression that searches and sorting use for a name, and that the name indexes cover."""
    return Collate(Lower(name), "C")


def search(queryset: QuerySet[Any], text: str, fields: Sequence[str], *, exact: Sequence[str] = ()) -> QuerySet[Any]:
    """Return the records in which each word is a prefix of some field, or the whole text a prefix of a matching key.

    Records with the whole text in one of the ``exact`` fields are found as well.

    A field is a matching key (``name_key``) or a name with an index on its ``lowered`` expression.
    """
    names = {f"lower_{field}": lowered(field) for field in fields if not field.endswith("_key")}
    words = [word for word in map(trim, text.split()) if word][:WORDS]
    every = Q()
    for word in words:
        every &= starts_with(word, fields, queryset.model)
    if len(words) > 1:
        every |= starts_with(" ".join(words), [field for field in fields if field.endswith("_key")], queryset.model)
    for field in exact:
        every |= Q(**{field: text})
    return queryset.alias(**names).filter(every)


def starts_with(text: str, fields: Sequence[str], model: type[Model]) -> Q:
    """Return the condition that one of the fields starts with a text."""
    condition = Q()
    for field in fields:
        if field.endswith("_key"):
            condition |= Q(**{f"{field}__startswith": folded_field(model, field).fold(text)})
        else:
            for variant in lower_variants(text):
                condition |= Q(**{f"lower_{field}__startswith": variant})
    return condition


def lower_variants(word: str) -> set[str]:
    """Return what PostgreSQL's ``lower()`` makes of the usual spellings of a word.

    The C locale changes only ASCII letters: ``Özil`` stays ``Özil``, and ``ÖZIL`` becomes ``Özil`` as well.
    """
    word = unicodedata.normalize("NFC", word)
    spellings = {word.lower(), word.upper(), word.capitalize()}
    ascii_lowered = {"".join(c.lower() if c.isascii() else c for c in spelling) for spelling in spellings}
    return ascii_lowered | {word.lower()}
