"""The pages of all entities: lists, search, the records of an import, deletion, links."""

from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.core.paginator import Paginator
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
from crm.admin import formatting
from crm.admin.base import TenantModelAdmin
from crm.admin.filters import ChosenFilter, FilterFormMixin, choice_filter
from crm.admin.lists import Searched, search
from crm.admin.panels import PanelsMixin
from crm.models import Activity, Company
from crm.models.record import Record
from crm.statistics import EXACT_WHERE_IT_MATTERS
from importexport.admin import labels
from importexport.admin.mixins import ImportExportMixin
from importexport.history import row_log
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from importexport.runs import records

#: The maximum number of records to delete at once. The confirmation page lists them all.
DELETE_AT_ONCE = 500
#: What an import did to a record. The import follows.
TRACES = {"create": gettext_lazy("Created:"), "update": gettext_lazy("Changed:")}
#: The schemes of URLs that become links.
SAFE_SCHEMES = {"http", "https"}


class RunFilter(admin.SimpleListFilter):
    """Filters the records of an import. Not listed among the filters: only links lead here."""

    title = gettext_lazy("import")
    parameter_name = "run"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the requested import if it belongs to the tenant and is of this entity."""
        run = self._run(request, model_admin)
        return [(str(run.pk), run.file_name)] if run else []

    def has_output(self) -> bool:
        """Whether the filter is used, even for an unknown import, which has no records."""
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
        # Only users who may open a plan see what it would change. What an import has changed is visible in the records
        # anyway.
        found = ImportRun.objects.filter(pk=wanted, entity=model_admin.entity, status=ImportRun.Status.DONE)
        access = access_of(request)
        return (found.filter(tenant=access.tenant) if access.tenant or not access.is_superuser else found).first()


def choice_filters(entity: str) -> tuple[type[ChosenFilter], ...]:
    """Return the filters of an entity's list: those of its export that have a few known values."""
    resource = RESOURCES[entity]
    sources = (resource.declared[name].source for name in resource.filters)
    return tuple(choice_filter(source.model, source.name) for source in sources if source.choices)


class EntityAdmin(FilterFormMixin, ImportExportMixin, PanelsMixin, TenantModelAdmin):
    """Admin of an entity that can be imported and exported."""

    #: What the search goes through.
    searched: ClassVar[Searched]
    linked_by = ("company", "contact", "deal")
    list_select_related = ()
    list_filter = (RunFilter,)
    list_filter_sheet = True
    show_facets = admin.ShowFacets.NEVER
    actions = ("delete_selected",)
    search_fields = ("pk",)
    readonly_fields = ("created_at", "updated_at", "imports")

    def get_sortable_by(self, request: HttpRequest) -> Any:
        """Return the columns that can be sorted fast. The indexes for sorting are per tenant."""
        return super().get_sortable_by(request) if access_of(request).tenant else ("added",)

    def get_paginator(self, request: HttpRequest, queryset: Any, *args: Any, **options: Any) -> Paginator:
        """Return the pages of the list. The page of an import says how many records its list has."""
        if RunFilter.parameter_name in request.GET:
            options["up_to"] = EXACT_WHERE_IT_MATTERS
        return super().get_paginator(request, queryset, *args, **options)

    def find(self, queryset: models.QuerySet, text: str, request: HttpRequest) -> models.QuerySet:
        """Return the records each word of a text is a part of, or with this external id."""
        if not text.strip():
            return queryset
        companies = self.admin_site.get_model_admin(Company).get_queryset(request)
        return search(queryset, text, self.searched, companies=companies)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the parts of the form. A new record has no dates."""
        parts = super().get_fieldsets(request, obj)
        if obj is not None:
            return parts
        return [part for part in parts if not set(flatten_fieldsets([part])) <= set(self.readonly_fields)]

    # --- history --------------------------------------------------------------------------------------------------

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show what imports did to a record, and what people have changed about it by hand."""
        record = self.get_object(request, unquote(object_id))
        traces = [shown_trace(trace) for trace in reversed(row_log.traces(record, self.entity))] if record else []
        return super().history_view(request, object_id, (extra_context or {}) | {"traces": traces})

    # --- deletion ------------------------------------------------------------------------------------------------

    def get_deleted_objects(
        self, objs: Iterable[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        """Return the records to delete, and the number of their activities, which may be a hundred thousand."""
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

    @admin.action(description=gettext_lazy("Delete selected records"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: models.QuerySet) -> HttpResponse | None:
        """Delete the selected records after a confirmation, at most DELETE_AT_ONCE."""
        if queryset.order_by()[: DELETE_AT_ONCE + 1].count() > DELETE_AT_ONCE:
            text = _("At most %(count)s records can be deleted at once. Select fewer.") % {"count": DELETE_AT_ONCE}
            messages.error(request, text)
            return None
        return delete_selected(self, request, queryset)

    # --- columns -------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("Imports"))
    def imports(self, record: Record) -> str:
        """Return the rows of imports that created and changed the record, latest first."""
        # Forms get the value of a read-only field several times.
        if "rally_traces" not in record.__dict__:
            record.__dict__["rally_traces"] = row_log.traces(record, self.entity)
        found = [
            (reverse("admin:importexport_importrun_change", args=[trace.run.pk]), TRACES[trace.action], trace.text)
            for trace in record.__dict__["rally_traces"]
        ]
        line = '<a class="text-primary-700 underline dark:text-primary-400" href="{}">{} {}</a>'
        return format_html_join(mark_safe("<br>"), line, found) or formatting.EMPTY

    @display(description=gettext_lazy("Added"), ordering="id")
    def added(self, record: Record) -> Any:
        """Return the date when the record was created. Ids have the same order."""
        return timezone.localtime(record.created_at).date()


class ShownTrace(NamedTuple):
    """What an import, or the undo of one, did to a record; ``row`` is empty if it is unknown."""

    when: str
    who: str
    what: Any
    name: str
    row: str
    address: str


#: What an import did to a record, and what an undo did. The name of the run follows.
BY_IMPORT = {"create": gettext_lazy("Imported from"), "update": gettext_lazy("Changed by the import of")}
BY_UNDO = {"create": gettext_lazy("Brought back by:"), "update": gettext_lazy("Changed back by:")}


def shown_trace(trace: row_log.Trace) -> ShownTrace:
    """Return a trace as the history of a record shows it."""
    run = trace.run
    what = BY_UNDO if run.kind == ImportRun.Kind.UNDO else BY_IMPORT
    row = _("row %(number)s") % {"number": labels.grouped(trace.number)} if trace.number else ""
    is_program = run.channel == ImportRun.Channel.API
    who = _("API key %(name)s") % {"name": run.actor} if is_program else run.actor or formatting.EMPTY
    return ShownTrace(
        when=formatting.exactly(run.finished_at or run.created_at, run.tenant.zone),
        who=who,
        what=what.get(trace.action, what["update"]),
        name=labels.name_of(run) or _("no name"),
        row=row,
        address=reverse("admin:importexport_importrun_change", args=[run.pk]),
    )


def web_link(address: str) -> str:
    """Return a link to a web page; other text is returned unchanged."""
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
