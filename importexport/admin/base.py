"""What the pages of all four entities share: lists, search, the records of one import, deletion, links."""

from collections.abc import Iterable
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.utils import flatten_fieldsets
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from crm.access import access_of
from crm.admin.base import TenantModelAdmin
from crm.admin.lists import search
from crm.admin.panels import PanelsMixin
from crm.models import Activity
from crm.models.record import Record
from importexport.admin.mixins import ImportExportMixin
from importexport.history import row_log
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from importexport.runs import records

#: The most records that are deleted in one go: each is named on the page that asks.
DELETE_AT_ONCE = 500
#: What an import did to a record, before the words that say which.
TRACES = {"create": gettext_lazy("Created:"), "update": gettext_lazy("Changed:")}
#: Addresses that a page may lead to.
SAFE_SCHEMES = {"http", "https"}


class RunFilter(admin.SimpleListFilter):
    """The records of one import; offered only where a link leads to them."""

    title = gettext_lazy("import")
    parameter_name = "run"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the import that is asked for, where it is one of the tenant's and of this entity."""
        run = self._run(request, model_admin)
        return [(str(run.pk), run.file_name)] if run else []

    def has_output(self) -> bool:
        """Whether the filter takes part at all: for an unknown import as well, which has no records."""
        return self.parameter_name in self.used_parameters

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        """Return the import's records."""
        if self.value() is None:
            return queryset
        if not self.lookup_choices:
            return queryset.none()
        run = ImportRun.objects.select_related("tenant").get(pk=self.lookup_choices[0][0])
        return queryset.filter(records.stored_by(run), tenant=run.tenant)

    def _run(self, request: HttpRequest, model_admin: Any) -> ImportRun | None:
        try:
            wanted = UUID(self.value() or "")
        except ValueError:
            return None
        # Only those who may open a plan see what it would change; what an import changed shows in the records anyway.
        found = ImportRun.objects.filter(pk=wanted, entity=model_admin.entity, status=ImportRun.Status.DONE)
        access = access_of(request)
        return (found.filter(tenant=access.tenant) if access.tenant or not access.is_superuser else found).first()


def choice_filters(entity: str) -> tuple[str, ...]:
    """Return the fields by which an entity's list offers a filter: of its filters, those with a few known values."""
    resource = RESOURCES[entity]
    sources = (resource.declared[name].source for name in resource.filters)
    return tuple(source.name for source in sources if source.choices)


class EntityAdmin(ImportExportMixin, PanelsMixin, TenantModelAdmin):
    """The admin of an entity that comes and goes in files."""

    #: The fields of which a word in the search is the beginning.
    prefixes: ClassVar[tuple[str, ...]]
    linked_by = ("company", "contact", "deal")
    list_select_related = ()
    list_filter = (RunFilter,)
    list_filter_sheet = True
    actions = ("delete_selected",)
    search_fields = ("pk",)
    readonly_fields = ("created_at", "updated_at", "imports")

    def get_sortable_by(self, request: HttpRequest) -> Any:
        """Return the columns that are sorted soon enough; the indexes that sort are each tenant's own."""
        return super().get_sortable_by(request) if access_of(request).tenant else ("added",)

    def find(self, queryset: models.QuerySet, text: str, request: HttpRequest) -> models.QuerySet:
        """Return the records of which every word is the beginning of something."""
        return search(queryset, text, self.prefixes) if text.strip() else queryset

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the parts of the form; a record that is not there yet has no dates."""
        parts = super().get_fieldsets(request, obj)
        if obj is not None:
            return parts
        return [part for part in parts if not set(flatten_fieldsets([part])) <= set(self.readonly_fields)]

    # --- deletion ------------------------------------------------------------------------------------------------

    def get_deleted_objects(
        self, objs: Iterable[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        """Return what a deletion takes along: counted, for a company may have a hundred thousand activities."""
        records = list(objs[: DELETE_AT_ONCE + 1] if isinstance(objs, models.QuerySet) else objs)
        counts = {self.opts.verbose_name_plural: len(records)}
        named = [str(record) for record in records[:DELETE_AT_ONCE]]
        if self.model is not Activity:
            about = Activity.objects.filter(**{f"{self.opts.model_name}__in": [record.pk for record in records]})
            if activities := about.count():
                counts[Activity._meta.verbose_name_plural] = activities
                named.append(
                    ngettext("and one activity about it", "and %(count)s activities about them", activities)
                    % {"count": activities}
                )
        missing = set() if self.has_delete_permission(request) else {self.opts.verbose_name}
        return named, counts, missing, []

    @admin.action(description=gettext_lazy("Delete the chosen ones"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: models.QuerySet) -> HttpResponse | None:
        """Ask whether the chosen records are to be deleted, and do it; not more of them than anybody would look at."""
        if queryset.order_by()[: DELETE_AT_ONCE + 1].count() > DELETE_AT_ONCE:
            text = _("At most %(count)s records are deleted at once. Choose fewer.") % {"count": DELETE_AT_ONCE}
            messages.error(request, text)
            return None
        return delete_selected(self, request, queryset)

    # --- columns -------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("Imports"))
    def imports(self, record: Record) -> str:
        """Return which rows of which imports made and changed the record, the latest first."""
        # The form asks for a read-only field several times.
        if "rally_traces" not in record.__dict__:
            record.__dict__["rally_traces"] = row_log.traces(record, self.entity)
        found = [
            (reverse("admin:importexport_importrun_change", args=[trace.run.pk]), TRACES[trace.action], trace.text)
            for trace in record.__dict__["rally_traces"]
        ]
        line = '<a class="text-primary-700 underline dark:text-primary-400" href="{}">{} {}</a>'
        return format_html_join(mark_safe("<br>"), line, found) or "–"

    @display(description=gettext_lazy("Added"), ordering="id")
    def added(self, record: Record) -> Any:
        """Return the day on which the record came in; ids are given in that order."""
        return timezone.localtime(record.created_at).date()


def web_link(address: str) -> str:
    """Return a link to a page of the web; any other text is shown as it is."""
    target = address if "://" in address or ":" in address.partition("/")[0] else f"https://{address}"
    try:
        parts = urlsplit(target)
    except ValueError:
        return address
    if parts.scheme.lower() not in SAFE_SCHEMES or not parts.netloc or any(map(str.isspace, address)):
        return address
    return format_html(
        '<a class="text-primary-700 underline dark:text-primary-400" href="{}" rel="noopener noreferrer nofollow"'
        ' target="_blank">{}</a>',
        target,
        address,
    )


def record_link(record: Any) -> str:
    """Return a link to a record's page."""
    address = reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=[record.pk])
    return format_html('<a class="text-primary-700 underline dark:text-primary-400" href="{}">{}</a>', address, record)
