"""The filters of lists, in one form: choices, texts with suggestions, companies and ranges of days."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.admin import SimpleListFilter, site
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR
from django.db.models import F, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from crm.access import access_of
from crm.admin.lists import named, of_companies, words_of
from crm.characters import trim
from crm.models import Company
from crm.plain_text import Plain, plain_variants

if TYPE_CHECKING:
    from unfold.admin import ModelAdmin
else:
    ModelAdmin = object

#: Suggest the most frequent values, at most this many, of this many of the newest records.
SUGGESTED, SAMPLED = 50, 2_000


class FormFilter(SimpleListFilter):
    """A filter that is a field of the list's form. Blank, it filters nothing."""

    template = "crm/admin/filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Return the values to choose from, with their labels."""
        return ()

    def has_output(self) -> bool:
        return True

    def value(self) -> str | None:
        """Return what was given, or None for nothing."""
        return trim(super().value() or "") or None

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield the options for the template."""
        for value, label in self.lookup_choices:
            yield {"value": value, "label": label, "selected": str(value) == self.value()}

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Return the matching records."""
        value = self.value()
        return queryset if value is None else self.matching(request, queryset, value)

    def matching(self, request: HttpRequest, queryset: QuerySet, value: str) -> QuerySet:
        """Return the records that match a value."""
        raise NotImplementedError


class FilterFormMixin(ModelAdmin):
    """A list whose filters are one form, so that several can be given at once."""

    list_filter_submit: ClassVar[bool] = True

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list without the filters that were left blank, and let the form keep what is none of its fields."""
        filters = [item for item in self.get_list_filter(request) if isinstance(item, type)]
        fields = {str(item.parameter_name) for item in filters if issubclass(item, FormFilter)}
        query = request.GET.copy()
        for name in fields & query.keys():
            if not str(query[name]).strip():
                del query[name]
        request.GET = query  # type: ignore[assignment]
        besides = {*fields, PAGE_VAR, ERROR_FLAG}
        kept = [(name, value) for name, values in query.lists() for value in values if name not in besides]
        return super().changelist_view(request, {"kept_parameters": kept} | (extra_context or {}))


class ChosenFilter(FormFilter):
    """One of a few values. Any other has no records."""

    is_chosen = True

    def has_output(self) -> bool:
        """Whether there is anything to choose, or something was: Django asks only filters with an output."""
        return bool(self.lookup_choices) or self.parameter_name in self.used_parameters

    def matching(self, request: HttpRequest, queryset: QuerySet, value: str) -> QuerySet:
        """Return the records that match a value, if it can be chosen."""
        known = {str(key) for key, _ in self.lookup_choices}
        return queryset.filter(self.condition(request, value)) if value in known else queryset.none()

    def condition(self, request: HttpRequest, value: str) -> Q:
        """Return the condition for a value that can be chosen."""
        return Q(**{str(self.parameter_name): value})


def choice_filter(model: type[Model], name: str) -> type[ChosenFilter]:
    """Return the filter by a field with choices."""
    field: Any = model._meta.get_field(name)
    members = {
        "title": field.verbose_name,
        "parameter_name": f"{name}__exact",
        "lookups": lambda self, request, model_admin: field.flatchoices,
    }
    return type(f"{name.title()}Filter", (ChosenFilter,), members)


# --- texts --------------------------------------------------------------------------------------------------------


class TextFilter(FormFilter):
    """A text, whatever its case and accents. Values of the newest records are suggested, the most frequent first."""

    #: The field to filter by.
    field: ClassVar[str]

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.suggestions = suggested(request, model_admin, self.field)

    def matching(self, request: HttpRequest, queryset: QuerySet, value: str) -> QuerySet:
        name = f"plain_{self.field}"
        return queryset.alias(**{name: Plain(F(self.field))}).filter(**{f"{name}__in": sorted(plain_variants(value))})


class TagFilter(TextFilter):
    """A tag, in the usual spellings."""

    def matching(self, request: HttpRequest, queryset: QuerySet, value: str) -> QuerySet:
        spellings = {value, value.lower(), value.upper(), value.capitalize(), value.title()}
        return queryset.filter(**{f"{self.field}__overlap": sorted(spellings)})


def text_filter(name: str, title: Any) -> type[TextFilter]:
    """Return the filter by a text or by tags."""
    kind = TagFilter if name == "tags" else TextFilter
    return type(f"{name.title()}Filter", (kind,), {"title": title, "parameter_name": name, "field": name})


def suggested(request: HttpRequest, model_admin: Any, name: str) -> list[str]:
    """Return the most frequent values of a field. All fields of a list are read at once."""
    known: dict[Any, dict[str, list[str]]] = request.__dict__.setdefault("rally_suggested", {})
    if model_admin.model not in known:
        known[model_admin.model] = _read_suggestions(request, model_admin)
    return known[model_admin.model][name]


def _read_suggestions(request: HttpRequest, model_admin: Any) -> dict[str, list[str]]:
    filters = [item for item in model_admin.get_list_filter(request) if isinstance(item, type)]
    names = [item.field for item in filters if issubclass(item, TextFilter)]
    newest = model_admin.get_queryset(request).order_by("-pk").values_list(*names)[:SAMPLED]
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    for values in newest:
        for name, value in zip(names, values, strict=True):
            counts[name].update(filter(None, value if isinstance(value, list) else [value]))
    return {name: [value for value, _ in counter.most_common(SUGGESTED)] for name, counter in counts.items()}


class CompanyFilter(FormFilter):
    """Records of the companies with a name in which each word is."""

    title, parameter_name = gettext_lazy("company"), "company"
    suggestions: Sequence[str] = ()

    def matching(self, request: HttpRequest, queryset: QuerySet, value: str) -> QuerySet:
        companies = site.get_model_admin(Company).get_queryset(request)
        return queryset.filter(of_companies("company", named(companies, words_of(value))))


# --- days ---------------------------------------------------------------------------------------------------------


class DaysFilter(ChosenFilter):
    """A range of days, in the time zone of the account."""

    #: The field to filter by.
    field: ClassVar[str]
    labels: ClassVar[dict[str, Any]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return list(self.labels.items())

    def condition(self, request: HttpRequest, value: str) -> Q:
        """Return the condition that the field is in a range."""
        tenant = access_of(request).tenant
        zone = tenant.zone if tenant else timezone.get_current_timezone()
        first, after = days(value, timezone.localdate(timezone=zone))
        return Q(
            **{f"{self.field}__{bound}": self.start(day, zone) for bound, day in (("gte", first), ("lt", after)) if day}
        )

    def start(self, day: dt.date, zone: dt.tzinfo) -> dt.date:
        """Return where a day begins, as a value of the field."""
        return day


class AddedFilter(DaysFilter):
    """When the record was added."""

    title, parameter_name, field = gettext_lazy("date added"), "added", "created_at"
    labels: ClassVar[dict[str, Any]] = {
        "today": gettext_lazy("Today"),
        "yesterday": gettext_lazy("Yesterday"),
        "last-7": gettext_lazy("In the last 7 days"),
        "last-30": gettext_lazy("In the last 30 days"),
        "month": gettext_lazy("This month"),
        "last-month": gettext_lazy("Last month"),
        "year": gettext_lazy("This year"),
    }

    def start(self, day: dt.date, zone: dt.tzinfo) -> dt.date:
        return dt.datetime.combine(day, dt.time(), zone)


class CloseDateFilter(DaysFilter):
    """When a deal is expected to close."""

    title, parameter_name, field = gettext_lazy("close date"), "close", "expected_close_date"
    labels: ClassVar[dict[str, Any]] = {
        "past": gettext_lazy("In the past"),
        "today": gettext_lazy("Today"),
        "next-7": gettext_lazy("In the next 7 days"),
        "month": gettext_lazy("This month"),
        "next-month": gettext_lazy("Next month"),
        "quarter": gettext_lazy("This quarter"),
        "year": gettext_lazy("This year"),
        "none": gettext_lazy("No date"),
    }

    def condition(self, request: HttpRequest, value: str) -> Q:
        return Q(**{f"{self.field}__isnull": True}) if value == "none" else super().condition(request, value)


def days(name: str, today: dt.date) -> tuple[dt.date | None, dt.date | None]:
    """Return a range of days by name: its first day, and the day after its last; None for no bound."""
    tomorrow, month = today + dt.timedelta(days=1), today.replace(day=1)
    quarter = month.replace(month=(today.month - 1) // 3 * 3 + 1)
    return {
        "past": (None, today),
        "today": (today, tomorrow),
        "yesterday": (today - dt.timedelta(days=1), today),
        "last-7": (today - dt.timedelta(days=6), tomorrow),
        "last-30": (today - dt.timedelta(days=29), tomorrow),
        "next-7": (today, today + dt.timedelta(days=7)),
        "month": (month, months_after(month, 1)),
        "last-month": (months_after(month, -1), month),
        "next-month": (months_after(month, 1), months_after(month, 2)),
        "quarter": (quarter, months_after(quarter, 3)),
        "year": (today.replace(month=1, day=1), today.replace(year=today.year + 1, month=1, day=1)),
    }[name]


def months_after(first: dt.date, count: int) -> dt.date:
    """Return the first day of the month that is a number of months after another."""
    months = first.year * 12 + first.month - 1 + count
    return dt.date(months // 12, months % 12 + 1, 1)
