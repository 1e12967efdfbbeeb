"""Change lists that stay fast with a million records: search, a limited page range, estimated counts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from operator import and_
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import OrderBy, RawSQL
from django.db.models.functions import Coalesce, Collate, Lower
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList

from crm.admin import formatting
from crm.characters import trim
from crm.models.fields import folded_field, folded_fields
from crm.plain_text import Digits, Like, Plain, digits_of, plain_variants
from crm.statistics import EXACT_UP_TO, RecordCount, count_records, estimate_records, estimated

#: The last record that can be paged to: skipping more takes the database too long.
DEEPEST = 50_000
#: Search this many of the newest records before using an index: frequent matches are found there.
NEWEST = 2_000
#: Sort up to this many matches without an index; with more, the first page turns up early in an index scan.
SORTED_AT_ONCE = 200_000
#: Total orders: no two records compare equal.
BY_ID = ("id", "-id", "pk", "-pk")
#: The maximum number of words used from a search, of records with an external id, and of companies that a word stands
#: for: a word with more of them stands for companies only together with the others.
WORDS, KNOWN, FEW_COMPANIES = 8, 50, 10_000


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
    """Return the expression that sorting uses for a name, and that the name's index covers."""
    return Collate(Lower(name), "C")


@dataclass(frozen=True)
class Searched:
    """What a list's search goes through: names, phone numbers, the matching keys of an e-mail address and of a domain,
    and the relation to a company whose name counts as well."""

    names: Sequence[str]
    phones: Sequence[str] = ()
    email: str = ""
    domain: str = ""
    company: str = ""


def search(
    queryset: QuerySet[Any], text: str, searched: Searched, *, companies: QuerySet[Any] | None = None
) -> QuerySet[Any]:
    """Return the records each word of a text is a part of, wherever; or those with the text as external id.

    ``companies`` are those that may be meant by a word. A text with an @ is the beginning of an address, which its
    index finds, unless there is none.
    """
    if searched.email and (begun := of_addresses(queryset, text, searched.email)) is not None:
        return begun
    queryset = with_plain(queryset, searched)
    every = has_words(queryset, words_of(text), searched, companies)
    # Looked up first: as part of the condition, it would have to be read of each record.
    known = list(queryset.filter(external_id=text).order_by().values_list("pk", flat=True)[:KNOWN])
    return queryset.filter(every | Q(pk__in=known) if known else every)


def has_words(queryset: QuerySet[Any], words: Sequence[str], searched: Searched, companies: QuerySet[Any] | None) -> Q:
    """Return the condition that a record has each word, or that its company has the word in its name."""
    own = {word: has_word(word, searched, queryset.model) for word in words}
    if not searched.company or companies is None:
        return all_of(own.values())
    ids = {word: few_ids(named(companies, [word])) for word in words}
    rare = all_of(
        own[word] | Q(**{f"{searched.company}__in": found}) for word, found in ids.items() if found is not None
    )
    common = [word for word, found in ids.items() if found is None]
    if not common:
        return rare
    if len(common) == len(words):
        return all_of(own.values()) | of_companies(searched.company, named(companies, words))
    # Too many companies have these words: only those of the records that have the others are looked at.
    few = few_with_companies(queryset, rare, all_of(own[word] for word in words if word not in common), ids, searched)
    if len(few) > FEW_COMPANIES:
        its = companies.filter(pk=OuterRef(searched.company))
        return rare & all_of(Q(Exists(named(its, [word]))) | own[word] for word in common)
    for word in common:
        found = {*named(companies.filter(pk__in=set(few.values()) - {None}), [word]).values_list("pk", flat=True)}
        others = [pk for pk, company in few.items() if company not in found]
        found_itself = {*queryset.filter(own[word], pk__in=others).values_list("pk", flat=True)}
        few = {pk: company for pk, company in few.items() if company in found or pk in found_itself}
    # As an array, which PostgreSQL joins with whatever is fewer: a list of ids it would look up one by one each time.
    return Q(pk__in=RawSQL("SELECT unnest(%s::bigint[])", [[*few]]))


def few_with_companies(
    queryset: QuerySet[Any], rare: Q, own: Q, ids: Mapping[str, Sequence[int] | None], searched: Searched
) -> dict[int, int | None]:
    """Return the records that meet a condition with their companies, at most some thousands. Those that meet it
    themselves (``own``) and those that do so by their companies are looked for apart, which is quicker."""
    by_companies = rare & Q(**{f"{searched.company}__in": {*chain.from_iterable(filter(None, ids.values()))}})
    few: dict[int, int | None] = {}
    for condition in (own, by_companies):
        few |= queryset.filter(condition).order_by().values_list("pk", searched.company)[: FEW_COMPANIES + 1]
    return few


def all_of(conditions: Iterable[Q]) -> Q:
    """Return the condition that all of some conditions hold."""
    return reduce(and_, conditions, Q())


def with_plain(queryset: QuerySet[Any], searched: Searched) -> QuerySet[Any]:
    """Return the records with what ``has_word`` looks at."""
    texts = {f"plain_{name}": Plain(F(name)) for name in searched.names}
    return queryset.alias(**texts, **{f"digits_{name}": Digits(F(name)) for name in searched.phones})


def has_word(word: str, searched: Searched, model: type[Model]) -> Q:
    """Return the condition that a word is a part of a name, address or phone number."""
    some = Q()
    for name in searched.names:
        for text in sorted(plain_variants(word)):
            some |= Q(**{f"plain_{name}__contains": text})
    for key in filter(None, (searched.email, searched.domain)):
        some |= Q(**{f"{key}__contains": folded_field(model, key).fold(word)})
    if digits := digits_of(word):
        for name in searched.phones:
            # The digits in their order, whatever is between them: few numbers have to be looked at more closely.
            some |= Q(Like(F(name), Value(f"%{'%'.join(digits)}%"))) & Q(**{f"digits_{name}__contains": digits})
    return some


def named(companies: QuerySet[Any], words: Iterable[str]) -> QuerySet[Any]:
    """Return the companies in whose names some words are."""
    every = all_of(has_word(word, OF_COMPANIES, companies.model) for word in words)
    return with_plain(companies, OF_COMPANIES).filter(every)


def few_ids(found: QuerySet[Any]) -> list[int] | None:
    """Return the ids of some records, or None if they are too many to be asked for one by one."""
    ids = list(found.order_by().values_list("pk", flat=True)[: FEW_COMPANIES + 1])
    return ids if len(ids) <= FEW_COMPANIES else None


def of_companies(field: str, found: QuerySet[Any]) -> Q:
    """Return the condition that a record is of one of some companies."""
    ids = few_ids(found)
    return Q(**{f"{field}__in": found.order_by().values("pk") if ids is None else ids})


def of_addresses(queryset: QuerySet[Any], text: str, key: str) -> QuerySet[Any] | None:
    """Return the records whose address begins with a text, or None if there are none or the text is no address."""
    if text.find("@") < 1 or " " in text:
        return None
    begun = queryset.filter(**{f"{key}__startswith": folded_field(queryset.model, key).fold(text)})
    return begun if begun.order_by().exists() else None


def words_of(text: str) -> list[str]:
    """Return the words of a search: ``Lovelace, Ada`` has two. The longest comes first, which the fewest records have:
    PostgreSQL looks for the others in those alone."""
    words = [trim(word.strip(",;")) for word in text.split()]
    return sorted(filter(None, words[:WORDS]), key=len, reverse=True)


#: What of a company finds the records that belong to it.
OF_COMPANIES = Searched(["name_key"])
