"""Admin pages for schedules. They are there where the server allows places that schedules may use."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.decorators import display

from crm.access import access_of
from crm.admin import formatting
from crm.admin.base import TenantModelAdmin
from importexport.admin import labels
from importexport.admin.schedule_form import ScheduleForm
from importexport.models import ImportRun, PreparedExport, Schedule
from importexport.runs.queue import TooManyWaiting
from importexport.runs.schedules import StillAtWork, start_now
from importexport.schedules import managing
from importexport.schedules.addresses import SchedulesOff, allowed_places, are_on, masked
from importexport.schedules.cron import zone_of

TEMPLATES = "importexport/admin/schedules"
KINDS = {
    Schedule.Kind.IMPORT: gettext_lazy("Import of %(entity)s"),
    Schedule.Kind.EXPORT: gettext_lazy("Export of %(entity)s"),
}
STATES = {
    PreparedExport.Status.WAITING: gettext_lazy("Being exported"),
    PreparedExport.Status.READY: gettext_lazy("Exported"),
    PreparedExport.Status.FAILED: gettext_lazy("Failed"),
}
LINK = '<a class="text-primary-700 underline dark:text-primary-400" href="{}">{}</a>'


@admin.register(Schedule)
class ScheduleAdmin(TenantModelAdmin):
    """The schedules of a tenant, for its admins."""

    needs_to_view = needs_to_change = "can_manage"
    nothing_yet = gettext_lazy("A schedule imports or exports a file by itself, for example every night.")
    form = ScheduleForm
    exclude = ()
    list_display = ("title", "what", "where", "next_time", "outcome")
    search_fields = ("name",)
    ordering = ("name",)
    change_form_outer_after_template = f"{TEMPLATES}/panel.html"
    change_form_before_template = f"{TEMPLATES}/places.html"

    class Media:
        css: ClassVar = {"all": ["importexport/webhooks.css", "importexport/schedules.css"]}
        js = ("importexport/schedules.js",)

    # --- permissions ---

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return are_on() and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return are_on() and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return are_on() and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return are_on() and super().has_delete_permission(request, obj)

    # --- the form ---

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the parts of the form. There is more to say of a schedule that exists."""
        first = ("name", "kind", "entity", "address", "cron", "time_zone", "is_active")
        parts = [
            (None, {"fields": first}),
            (gettext_lazy("If it imports"), {"fields": ("mode", "blank", "missing", "mapping")}),
            (gettext_lazy("If it exports"), {"fields": ("file_format",)}),
        ]
        if obj is None:
            return parts
        return [*parts, (gettext_lazy("So far"), {"fields": ("next_time", "outcome", "created")})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("next_time", "outcome", "created") if obj else ()

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> HttpResponse:
        """Name the places that may be used."""
        obj = options.get("obj")
        tenant = obj.tenant if obj else access_of(request).tenant
        places = {"places": allowed_places(tenant) if tenant else []}
        return super().render_change_form(request, context | places, *args, **options)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save a schedule; of one that exists, only what the form has: a worker may change the rest meanwhile."""
        obj.options = form.chosen
        if not change:
            obj.user, obj.actor = request.user, request.user.get_username()
        fields = ["name", "kind", "entity", "address", "cron", "time_zone", "is_active", "options", "note"]
        obj.note = ""
        if not change or {"cron", "time_zone", "is_active"} & set(form.changed_data):
            obj.next_at = managing.next_time(obj, timezone.now())
            fields.append("next_at")
        obj.save(update_fields=fields if change else None)

    # --- columns ---

    @display(description=gettext_lazy("Name"), ordering="name")
    def title(self, schedule: Schedule) -> str:
        return schedule.name

    @display(description=gettext_lazy("What"), ordering="entity")
    def what(self, schedule: Schedule) -> str:
        entity = str(labels.ENTITIES[schedule.entity]).lower()
        return KINDS[Schedule.Kind(schedule.kind)] % {"entity": entity}

    @display(description=gettext_lazy("Address"))
    def where(self, schedule: Schedule) -> str:
        """Return the address, without its secrets."""
        return format_html('<span class="wh-url">{}</span>', masked(schedule.address))

    @display(description=gettext_lazy("Next time"), ordering="next_at")
    def next_time(self, schedule: Schedule) -> Any:
        """Return the time in the zone that the schedule is in, which is named where it is not the tenant's."""
        if not schedule.next_at:
            return _("Switched off")
        when = formatting.exactly(schedule.next_at, zone_of(schedule.time_zone))
        return when if schedule.time_zone == schedule.tenant.timezone else f"{when} ({schedule.time_zone})"

    @display(description=gettext_lazy("Last time"), ordering="last_at")
    def outcome(self, schedule: Schedule) -> str:
        """Return when it last was due and what came of it, with a link to the import."""
        if schedule.last_at is None:
            return _("Not yet")
        parts = [formatting.exactly(schedule.last_at, schedule.tenant.zone)]
        last = self._last(schedule)
        if isinstance(last, ImportRun):
            address = reverse("admin:importexport_importrun_change", args=[last.pk])
            parts.append(format_html(LINK, address, labels.state(last)))
        elif last:
            parts.append(str(STATES[PreparedExport.Status(last.status)]))
        if schedule.note:
            parts.append(schedule.note)
        return format_html("<span>{}</span>", format_html_join(" · ", "{}", ((part,) for part in parts)))

    def _last(self, schedule: Schedule) -> ImportRun | PreparedExport | None:
        if not hasattr(schedule, "last"):
            note_last([schedule])
        return schedule.last  # type: ignore[attr-defined]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list; what the schedules have started last is looked up for all of them at once."""
        listed = super().get_changelist_instance(request)
        listed.result_list = list(listed.result_list)
        note_last(listed.result_list)
        return listed

    @display(description=gettext_lazy("Added"), ordering="created_at")
    def created(self, schedule: Schedule) -> str:
        when = formatting.exactly(schedule.created_at, schedule.tenant.zone)
        return _("%(when)s by %(who)s") % {"when": when, "who": schedule.actor}

    def get_list_select_related(self, request: HttpRequest) -> Any:
        return ["tenant"]

    # --- run now ---

    def get_urls(self) -> list[URLPattern]:
        run = self.admin_site.admin_view(self.run_view)
        return [path("<int:schedule_id>/run/", run, name="importexport_schedule_run"), *super().get_urls()]

    @method_decorator(require_POST)
    def run_view(self, request: HttpRequest, schedule_id: int) -> HttpResponse:
        """Start a schedule now, and return to its page."""
        may = access_of(request).can_manage and are_on()
        schedule = self.get_queryset(request).filter(pk=schedule_id).first() if may else None
        if schedule is None:
            raise Http404
        try:
            start_now(schedule)
        except (StillAtWork, TooManyWaiting, SchedulesOff) as why:
            messages.error(request, str(why))
        except Schedule.DoesNotExist:
            raise Http404 from None
        else:
            messages.success(request, _("Started. The result will be shown here and in the list of imports."))
        return redirect("admin:importexport_schedule_change", schedule.pk)


def note_last(schedules: Iterable[Any]) -> None:
    """Note with each schedule its last run or export, as ``last``."""
    of_tenants = defaultdict(list)
    for schedule in schedules:
        of_tenants[schedule.tenant_id].append(schedule)
    for tenant_id, ours in of_tenants.items():
        found = managing.last_of(ours, tenant_id=tenant_id)
        for schedule in ours:
            schedule.last = found.get(schedule.pk)
