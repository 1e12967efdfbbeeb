"""The filters of the list of import runs."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from importexport.admin import labels
from importexport.models import ImportRun

#: The maximum number of users and API keys in the filter.
PEOPLE = 100


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
    values = labels.STATES | {"undone": gettext_lazy("Undone, also partly")}

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
