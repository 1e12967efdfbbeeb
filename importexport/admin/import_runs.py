"""Admin pages for import runs: the list, and the page of each run from its preview to its result."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display

from crm.access import access_of
from crm.admin import formatting
from crm.admin.base import ReadOnlyAdmin
from crm.admin.empty import NextStep
from importexport.admin import labels, permissions, presenters, warnings
from importexport.admin.fixing.views import FixingMixin
from importexport.admin.matching.views import MatchViews
from importexport.admin.preview import again
from importexport.admin.progress import progress
from importexport.admin.run_filters import ActorFilter, ChannelFilter, EntityFilter, StateFilter
from importexport.admin.run_pages import page_context
from importexport.engine.export.streams import CONTENT_TYPES, FileFormat
from importexport.engine.options import OptionError
from importexport.history import row_files, row_log
from importexport.http.downloads import file_response
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from importexport.runs import lifecycle, told
from importexport.runs.queue import TooManyWaiting

TEMPLATES = "importexport/admin/run"
Status, Channel = ImportRun.Status, ImportRun.Channel
#: Status → the template of the page and its step (1 to 4).
PAGES = {
    Status.MATCHING: ("matching", 2),
    Status.PLANNING: ("work", 3),
    Status.PLANNED: ("preview", 3),
    Status.APPLYING: ("work", 4),
    Status.RUNNING: ("work", 4),
    Status.DONE: ("result", 4),
    Status.FAILED: ("failed", 3),
}


@admin.register(ImportRun)
class ImportRunAdmin(FixingMixin, MatchViews, ReadOnlyAdmin):
    """The import runs of all channels. They are read-only: only imports create and change them."""

    list_display = (
        "file",
        "entity_name",
        "when",
        "who",
        "channel_name",
        "state",
        "imported_rows",
        "rejected_rows",
        "warned",
    )
    list_filter = (EntityFilter, StateFilter, ChannelFilter, ActorFilter, ("created_at", admin.DateFieldListFilter))
    list_per_page = 50
    list_filter_sheet = True
    search_fields = ("file_name",)
    search_help_text = gettext_lazy("Search by file name")
    change_list_template = "importexport/admin/runs.html"
    nothing_yet = gettext_lazy(
        "What do you want to import? Start with the companies if you have any: the other files can then refer to them."
        " You see a preview before anything is stored."
    )
    actions = None

    class Media:
        css = {"all": ["importexport/admin.css"]}

    # --- permissions ---

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportRun]:
        access = access_of(request)
        found = super().get_queryset(request).defer("header", "groups", "sample", "error")
        is_opened = Value(value=True) if access.can_manage else ExpressionWrapper(Q(user=request.user), BooleanField())
        found = found.annotate(is_opened=is_opened)
        if access.is_superuser and access.tenant is None:
            return found
        return found.filter(tenant=access.tenant) if access.can_view else found.none()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return access_of(request).can_view

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access_of(request).can_view

    def get_run(self, request: HttpRequest, run_id: Any) -> ImportRun:
        """Return a run that the user may see; raise Http404 for others."""
        try:
            return self.get_queryset(request).select_related("tenant").defer(None).get(pk=run_id)
        except (ImportRun.DoesNotExist, ValidationError):
            raise Http404 from None

    # --- the list ---

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, with a button to import a file."""
        links = {"import_links": self.first_steps(request)}
        return super().changelist_view(request, (extra_context or {}) | links)

    def first_steps(self, request: HttpRequest) -> list[NextStep]:
        """Return the links to the forms for files of each entity."""
        if not permissions.may_import(access_of(request)):
            return []
        names = {entity: RESOURCES[entity]._meta.model._meta.model_name for entity in labels.ENTITIES}
        return [
            NextStep(label, labels.ICONS[entity], reverse(f"admin:crm_{names[entity]}_import"))
            for entity, label in labels.ENTITIES.items()
        ]

    def get_list_select_related(self, request: HttpRequest) -> Any:
        return ["tenant", "parent"]

    @display(description=gettext_lazy("File"), ordering="file_name")
    def file(self, run: ImportRun) -> str:
        return presenters.shown(labels.name_of(run)) or _("no name")

    @display(description=gettext_lazy("Records"), ordering="entity")
    def entity_name(self, run: ImportRun) -> Any:
        return labels.ENTITIES.get(run.entity, run.entity)

    @display(description=gettext_lazy("When"), ordering="created_at")
    def when(self, run: ImportRun) -> str:
        """Return how long ago the run was created, with the exact time as a tooltip."""
        exact = formatting.exactly(run.created_at, run.tenant.zone)
        iso = run.created_at.isoformat()
        return format_html('<time datetime="{}" title="{}">{}</time>', iso, exact, labels.ago(run.created_at))

    @display(description=gettext_lazy("Who"), ordering="actor")
    def who(self, run: ImportRun) -> str:
        return run.actor

    @display(description=gettext_lazy("Channel"), ordering="channel")
    def channel_name(self, run: ImportRun) -> Any:
        return labels.CHANNELS[Channel(run.channel)]

    @display(
        description=gettext_lazy("State"),
        ordering="status",
        label={
            "matching": "warning",
            "planning": "info",
            "planned": "warning",
            "applying": "info",
            "running": "info",
            "done": "success",
            "failed": "danger",
            "nothing": "danger",
            "undone": "warning",
        },
    )
    def state(self, run: ImportRun) -> tuple[str, Any]:
        if run.undone_rows:
            return "undone", labels.state(run)
        is_nothing = run.status == Status.DONE and not run.imported
        return "nothing" if is_nothing else run.status, labels.state(run)

    @display(description=gettext_lazy("Imported"), ordering="imported")
    def imported_rows(self, run: ImportRun) -> str:
        """Return the number of imported rows, and how many of them stand where some have been undone; of an undo, the
        number of rows that it has undone."""
        if run.status != Status.DONE:
            return formatting.EMPTY
        imported = labels.grouped(run.imported)
        if run.kind == ImportRun.Kind.UNDO:
            return _("%(count)s undone") % {"count": imported}
        if not run.undone_rows:
            return imported
        standing = labels.grouped(run.imported - run.undone_rows)
        return _("%(standing)s of %(imported)s") % {"standing": standing, "imported": imported}

    @display(description=gettext_lazy("Rejected"), ordering="skipped")
    def rejected_rows(self, run: ImportRun) -> str:
        """Return the number of rejected rows; of an undo, that of its conflicts."""
        if run.status != Status.DONE:
            return formatting.EMPTY
        return labels.conflicts(run.skipped) if run.kind == ImportRun.Kind.UNDO else labels.grouped(run.skipped)

    @display(description=gettext_lazy("Warnings"), ordering="warning_count")
    def warned(self, run: ImportRun) -> str:
        """Return the warnings; columns are named to those who may open the run."""
        return warnings.in_list(run, named=run.is_opened) or formatting.EMPTY  # type: ignore[attr-defined]

    # --- pages of a run ---

    def get_urls(self) -> list[URLPattern]:
        views: dict[str, Callable[..., HttpResponseBase]] = {
            "match": self.match_view,
            "confirm": self.confirm_view,
            "discard": self.discard_view,
            "cancel": self.cancel_view,
            "plan_again": self.plan_again_view,
            "undo": self.undo_view,
            "progress": self.progress_view,
            "rejected": self.rejected_view,
            "rows": self.rows_view,
        }
        own = [
            path(
                f"<uuid:run_id>/{name}/",
                self.admin_site.admin_view(self._or_gone(view)),
                name=f"importexport_importrun_{name}",
            )
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show a run: its progress, preview or result."""
        return self._or_gone(self._run_view)(request, object_id)

    def _or_gone(self, view: Callable[..., HttpResponseBase]) -> Callable[..., Any]:
        """Wrap a view of a run, so that one that is not there (any more) is a page that says so: it may have been
        discarded before the view was asked for, or while it was at work."""

        def answer(request: HttpRequest, run_id: Any) -> HttpResponseBase:
            try:
                return view(request, run_id)
            except (Http404, ImportRun.DoesNotExist):
                context = self.admin_site.each_context(request) | {"title": _("Not found"), "model_admin": self}
                return render(request, f"{TEMPLATES}/gone.html", context, status=404)

        return answer

    def _run_view(self, request: HttpRequest, run_id: Any) -> HttpResponse:
        run = self.get_run(request, run_id)
        if run.status == Status.MATCHING and permissions.may_decide(run, request.user, access_of(request)):
            return redirect("admin:importexport_importrun_match", run.pk)
        told.note_seen(run, user_id=request.user.pk)
        page, step = PAGES[Status(run.status)]
        if run.kind == ImportRun.Kind.UNDO and page in {"preview", "result"}:
            page = "undo"
        context = {
            "run": run,
            "step": step if run.channel == Channel.ADMIN and run.kind == ImportRun.Kind.IMPORT else 0,
            "model_admin": self,
            "title": presenters.shown(labels.name_of(run), limit=60) or _("no name"),
            "entity_opts": RESOURCES[run.entity]._meta.model._meta,
            "entity_name": labels.ENTITIES[run.entity],
            **page_context(request, run),
        }
        return render(request, f"{TEMPLATES}/{page}.html", self.admin_site.each_context(request) | context)

    @method_decorator(require_POST)
    def confirm_view(self, request: HttpRequest, run_id: UUID) -> HttpResponse:
        """Apply a plan, if it is the one that the user has seen."""
        return self._go_on(request, run_id, partial(_confirm, seen=request.POST.get("plan", "")))

    @method_decorator(require_POST)
    def plan_again_view(self, request: HttpRequest, run_id: UUID) -> HttpResponse:
        """Renew a plan that is out of date, or make it with the options of the form."""
        return self._go_on(request, run_id, partial(_plan_again, given=request.POST))

    def _go_on(self, request: HttpRequest, run_id: UUID, way: Callable[[ImportRun], None]) -> HttpResponse:
        run = self._run_to_decide_on(request, run_id)
        try:
            way(run)
        except (lifecycle.NotPlanned, again.Meanwhile) as why:
            pending = run.status == Status.PLANNED and run.fixes_pending
            messages.warning(request, str(why) if pending else again.meanwhile(run))
        except (TooManyWaiting, OptionError) as why:
            messages.error(request, str(why))
        return redirect("admin:importexport_importrun_change", run.pk)

    @method_decorator(require_POST)
    def undo_view(self, request: HttpRequest, run_id: UUID) -> HttpResponse:
        """Plan an undo and redirect to the plan."""
        run = self._run_to_decide_on(request, run_id)
        if run.is_undone:
            messages.info(request, _("This has been undone already."))
            return redirect("admin:importexport_importrun_change", run.pk)
        try:
            undo = lifecycle.start_undo(
                run, channel=Channel.ADMIN, user=request.user, actor=request.user.get_username()
            )
        except (lifecycle.NotPlanned, TooManyWaiting) as why:
            messages.error(request, str(why))
            return redirect("admin:importexport_importrun_change", run.pk)
        return redirect("admin:importexport_importrun_change", undo.pk)

    @method_decorator(require_POST)
    def discard_view(self, request: HttpRequest, run_id: UUID) -> HttpResponse:
        """Discard a plan; redirect to the form for another file, or to the list."""
        run = self._run_to_decide_on(request, run_id)
        try:
            lifecycle.discard(run)
        except ValueError:
            run.refresh_from_db()
            messages.warning(request, again.meanwhile(run))
            return redirect("admin:importexport_importrun_change", run.pk)
        if request.POST.get("then") == "choose":
            form = reverse(f"admin:crm_{RESOURCES[run.entity]._meta.model._meta.model_name}_import")
            query = again.query_of(run)
            return redirect(f"{form}?{query}" if query else form)
        is_undo = run.kind == ImportRun.Kind.UNDO
        text = (
            _("“%(file)s” was discarded. Nothing was undone.")
            if is_undo
            else _("“%(file)s” was discarded. Nothing was imported.")
        )
        messages.success(request, text % {"file": labels.name_of(run)})
        return redirect("admin:importexport_importrun_changelist")

    @method_decorator(require_POST)
    def cancel_view(self, request: HttpRequest, run_id: UUID) -> HttpResponse:
        """Have an import or undo end that waits or is in progress; redirect to its page."""
        run = self._run_to_decide_on(request, run_id)
        try:
            lifecycle.cancel(run, by=request.user.get_username())
        except lifecycle.NotPlanned:
            messages.info(request, _("This import has ended already. This is its result."))
        return redirect("admin:importexport_importrun_change", run.pk)

    def _run_to_decide_on(self, request: HttpRequest, run_id: UUID) -> ImportRun:
        """Return a run that the user may confirm and discard; raise PermissionDenied for others."""
        run = self.get_run(request, run_id)
        if not permissions.may_decide(run, request.user, access_of(request)):
            raise PermissionDenied
        return run

    @method_decorator(require_safe)
    def progress_view(self, request: HttpRequest, run_id: UUID) -> HttpResponse:
        """Return the progress of a run as JSON."""
        run = self.get_run(request, run_id)
        return JsonResponse(progress(run))

    @method_decorator(require_safe)
    def rejected_view(self, request: HttpRequest, run_id: UUID) -> HttpResponseBase:
        """Download the rejected rows, to be corrected."""
        run = self._run_to_open(request, run_id)
        if not run.has_rejected:
            raise Http404
        if request.GET.get("format") == "xlsx":
            return download(request, row_files.rejected_workbook(run), run, "rejected", file_format="xlsx")
        return download(request, row_files.rejected_file(run), run, "rejected")

    @method_decorator(require_safe)
    def rows_view(self, request: HttpRequest, run_id: UUID) -> HttpResponseBase:
        """Download the row log."""
        run = self._run_to_open(request, run_id)
        if run.is_at_work or run.purged_at:
            raise Http404
        return download(request, row_files.csv_chunks(row_log.rows(run), run), run, "rows")

    def _run_to_open(self, request: HttpRequest, run_id: UUID) -> ImportRun:
        """Return a run whose rows the user may see; raise PermissionDenied for others."""
        run = self.get_run(request, run_id)
        if not permissions.may_open(run, user=request.user, access=access_of(request)):
            raise PermissionDenied
        return run


@transaction.atomic
def _confirm(run: ImportRun, *, seen: str) -> None:
    """Have a plan applied, unless it is another than the one that the user has ``seen``: raise Meanwhile then."""
    lifecycle.confirm(run)
    if seen and seen != run.plan_digest:
        run.status = Status.PLANNED
        raise again.Meanwhile


def _plan_again(run: ImportRun, *, given: QueryDict) -> None:
    """Have a plan made again: as it is, with updates (``update``), or with the options of the form."""
    if "update" in given:
        lifecycle.plan_again(run, options=again.updating(run))
    elif "mode" in given:
        lifecycle.plan_again(run, options=again.read_choice(run, {name: str(given[name]) for name in given}))
    else:
        lifecycle.plan_again(run)


def download(
    request: HttpRequest, pieces: Iterator[bytes], run: ImportRun, what: str, *, file_format: FileFormat = "csv"
) -> HttpResponseBase:
    """Return a download named after the run's file."""
    name = f"{run.file_name.rpartition('.')[0] or run.file_name or run.entity}_{what}.{file_format}"
    return file_response(request, pieces, name, CONTENT_TYPES[file_format])
