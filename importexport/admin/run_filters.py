"""The filters of the list of import runs, and those of records by their imports."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from crm.access import access_of
from crm.admin.filters import ChosenFilter
from importexport.admin import labels
from importexport.models import ImportRun
from importexport.runs import records

#: The maximum number of users and API keys in the filter, and of an account's latest runs that they are taken from.
PEOPLE, LATEST = 100, 2_000


class ValueFilter(admin.SimpleListFilter):
    """Filters runs by a field, which subclasses name as the parameter, with the labels of its values."""

    values: ClassVar[Mapping[Any, Any]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(self.values.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[ImportRun]) -> QuerySet[ImportRun]:
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


class EntityFilter(ValueFilter):
    """Filters runs by entity."""

    title, parameter_name, values = gettext_lazy("records"), "entity", labels.ENTITIES


class StateFilter(ValueFilter):
    """Filters runs by state."""

    title, parameter_name = gettext_lazy("state"), "status"
    values = labels.STATES | {"undone": gettext_lazy("Undone (fully or partly)")}

    def queryset(self, request: HttpRequest, queryset: QuerySet[ImportRun]) -> QuerySet[ImportRun]:
        """Return the runs in a state. What has been undone is not imported any more."""
        if self.value() == "undone":
            return queryset.filter(undone_rows__gt=0)
        found = super().queryset(request, queryset)
        return found.filter(is_undone=False) if self.value() == ImportRun.Status.DONE else found


class ChannelFilter(ValueFilter):
    """Filters runs by channel."""

    title, parameter_name, values = gettext_lazy("channel"), "channel", labels.CHANNELS


class ActorFilter(ValueFilter):
    """Filters runs by user or API key."""

    title, parameter_name = gettext_lazy("who"), "actor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the users and keys that have imported."""
        actors = model_admin.get_queryset(request).order_by("actor").values_list("actor", flat=True).distinct()
        return [(actor, actor) for actor in actors[:PEOPLE]]


class ImporterFilter(ChosenFilter):
    """Filters the records of an account by the user or API key whose import has created them."""

    title, parameter_name = gettext_lazy("imported by"), "imported_by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the users and keys that have lately imported what creates records of this kind."""
        tenant, self.entity = access_of(request).tenant, model_admin.entity
        latest = ImportRun.objects.filter(tenant=tenant, entity__in=records.creating(self.entity)).order_by(
            "-created_at"
        )
        actors = sorted(set(latest.values_list("actor", flat=True)[:LATEST])) if tenant else []
        return [(actor, actor) for actor in actors[:PEOPLE] if actor]

    def condition(self, request: HttpRequest, value: str) -> Q:
        tenant = access_of(request).tenant
        assert tenant is not None, "only the people of an account can be chosen"
        return records.imported_by(value, entity=self.entity, tenant=tenant)
