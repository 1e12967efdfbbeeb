"""The Import and Export buttons of an entity's list, and their pages.

The URL names, permission methods and ``get_…_resource_…`` hooks are those of django-import-export's admin, as
documented there. The pages are our own.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST
from import_export import admin as library

from crm.access import access_of
from crm.admin import formatting
from crm.admin.empty import NextStep
from crm.statistics import EXACT_WHERE_IT_MATTERS, count_records
from importexport import errors, services
from importexport.admin import export_form, labels, option_form, permissions, upload_form
from importexport.admin.column_help import column_help
from importexport.admin.matching.first_look import first_look
from importexport.engine.resource import EntityResource
from importexport.http.downloads import file_response
from importexport.models import ImportRun
from importexport.resources import RESOURCES
from importexport.runs import lifecycle
from importexport.runs.queue import TooManyWaiting

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
else:
    ModelAdmin = object

TEMPLATES = "importexport/admin"


class ImportExportMixin(library.ImportExportMixin, ModelAdmin):
    """Adds the Import and Export buttons of an ``entity`` to the admin of its model. Use before ModelAdmin."""

    entity: ClassVar[str]
    import_export_change_list_template = f"{TEMPLATES}/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that the library does not have."""
        app, model = self.get_model_info()
        pages = {
            "import_help": ("import/help/", self.help_view),
            "import_template": ("import/template/", self.template_view),
            "export_file": ("export/file/", self.export_file_view),
        }
        own = [
            path(at, self.admin_site.admin_view(view), name=f"{app}_{model}_{page}")
            for page, (at, view) in pages.items()
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, with the buttons that the user's role allows."""
        query = urlencode({export_form.LIST: request.GET.urlencode()}) if request.GET else ""
        return super().changelist_view(request, (extra_context or {}) | {"export_query": query})

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Whether the user's role may import."""
        return permissions.may_import(access_of(request))

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Whether the user's role may export."""
        return permissions.may_export(access_of(request))

    def get_resource_classes(self, request: HttpRequest) -> list[type[EntityResource]]:
        """Return the resource of the entity."""
        return [RESOURCES[self.entity]]

    def get_resource_kwargs(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the arguments of a resource: the user's tenant."""
        return super().get_resource_kwargs(request, *args, **kwargs) | {"tenant": access_of(request).tenant}

    def first_steps(self, request: HttpRequest) -> list[NextStep]:
        """Return the ways to the first record: most have a file with records already."""
        steps = super().first_steps(request)
        if not self.has_import_permission(request):
            return steps
        form = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_import")
        return [NextStep(_("Import a file"), "upload", form), *steps]

    # --- in ---

    # Exempt here and checked in _receive: the CSRF check reads the whole body, and some bodies are rejected unread.
    @method_decorator(csrf_exempt)
    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show the upload form, or start to check an uploaded file and redirect to its run."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return self._choose_page(request, chosen=request.GET)
        try:
            upload_form.read_form(request)
        except upload_form.UploadError as error:
            return self._choose_page(request, error)
        return self._receive(request)

    @method_decorator(csrf_protect)
    def _receive(self, request: HttpRequest) -> HttpResponse:
        tenant = access_of(request).tenant
        if tenant is None:
            return self._choose_page(request)
        resource = RESOURCES[self.entity]
        try:
            file: Any = upload_form.received_file(request)
            options = upload_form.received_options(request, resource)
            look = first_look(file, resource(tenant, options=options))
            file.seek(0)
            run = lifecycle.start_plan(
                tenant=tenant,
                user=request.user,
                entity=self.entity,
                file=file,
                file_name=file.name or "",
                options=look.options,
                status=ImportRun.Status.PLANNING if look.is_sure else ImportRun.Status.MATCHING,
            )
        except upload_form.UploadError as error:
            return self._choose_page(request, error, chosen=request.POST)
        except errors.TooLarge:
            return self._choose_page(request, upload_form.too_large(), chosen=request.POST)
        except (errors.NoRoom, TooManyWaiting) as error:
            return self._choose_page(request, upload_form.UploadError(str(error)), chosen=request.POST)
        except errors.StorageUnavailable as error:
            return self._choose_page(request, upload_form.not_stored(error), chosen=request.POST)
        page = "change" if look.is_sure else "match"
        return redirect(f"admin:importexport_importrun_{page}", run.pk)

    def _choose_page(
        self,
        request: HttpRequest,
        error: upload_form.UploadError | None = None,
        *,
        chosen: Mapping[str, str] = MappingProxyType({}),
    ) -> HttpResponse:
        context: dict[str, Any] = {
            "step": 1,
            "error": error,
            "max_bytes": settings.RALLY_IMPORT_MAX_BYTES,
            "limit": labels.size(settings.RALLY_IMPORT_MAX_BYTES),
            "required": RESOURCES[self.entity].required_names(),
            "order": labels.ENTITIES,
            "option_fields": option_form.option_fields(RESOURCES[self.entity], chosen),
        }
        return self._page(request, "choose", _("Import"), status=error.status if error else 200, **context)

    @method_decorator(require_POST)
    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Confirm the run named by ``run`` in the form, like the button on the page of the run."""
        runs: Any = self.admin_site.get_model_admin(ImportRun)
        run = runs.get_run(request, request.POST.get("run"))
        if run.entity != self.entity:
            raise Http404
        return runs.confirm_view(request, run.pk)

    def help_view(self, request: HttpRequest) -> HttpResponse:
        """Explain the columns of a file."""
        columns = column_help(RESOURCES[self.entity])
        context: dict[str, Any] = {"columns": columns, "same": labels.SAME[self.entity]}
        return self._page(request, "help", _("Columns of a file"), **context)

    def template_view(self, request: HttpRequest) -> HttpResponse:
        """Download a file with only the header row; for Excel (``?excel=1``), with a byte-order mark."""
        header = services.template_file(self.entity, bom=request.GET.get("excel") == "1")
        response = HttpResponse(header, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{self.entity}_template.csv"'
        return response

    # --- out ---

    def export_action(self, request: HttpRequest) -> HttpResponse:
        """Show the form for an export: which records, and which format."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        return self._export_page(request, None)

    def export_file_view(self, request: HttpRequest) -> HttpResponseBase:
        """Download the file."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        tenant = access_of(request).tenant
        choice = export_form.read_choice(request.GET, self.entity)
        if tenant is None or choice.error:
            return self._export_page(request, choice)
        records = export_form.filtered_list(self, request, tenant) if choice.is_filtered else None
        if choice.is_filtered and records is None:
            # Exporting all records instead would not be what the user requested.
            choice.error = _("The filter of the list is no longer valid. Open the list and filter it again.")
            return self._export_page(request, choice)
        export_form.remember_columns(choice.columns, tenant=tenant, user=request.user, entity=self.entity)
        file_format, bom = choice.offer.file_format, choice.offer.bom
        pieces = services.export_file(
            self.entity, tenant=tenant, format=file_format, queryset=records, columns=choice.columns, bom=bom
        )
        name = export_form.file_name(self.entity, file_format, tenant)
        return file_response(request, pieces, name, choice.content_type)

    def _export_page(self, request: HttpRequest, choice: export_form.ExportChoice | None) -> HttpResponse:
        tenant = access_of(request).tenant
        filtered = export_form.filtered_list(self, request, tenant) if tenant else None
        if choice is None:
            mine: dict[str, Any] = {"tenant": tenant, "user": request.user, "entity": self.entity}
            remembered = export_form.remembered_columns(**mine) if tenant else []
            is_filtered = filtered is not None
            choice = export_form.first_choice(self.entity, is_filtered=is_filtered, remembered=remembered)
        context: dict[str, Any] = {
            "choice": choice,
            "columns": export_form.offered_columns(self.entity),
            "offers": export_form.OFFERS,
            "list_query": request.GET.get(export_form.LIST, ""),
            "all_count": number_of(self.entity, self.model._default_manager.filter(tenant=tenant)),
            "list_count": number_of(self.entity, filtered) if filtered is not None else "",
        }
        return self._page(request, "export", _("Export"), **context)

    # --- both ---

    def _page(self, request: HttpRequest, name: str, title: str, *, status: int = 200, **context: Any) -> HttpResponse:
        """Return one of the pages for files."""
        common = self.admin_site.each_context(request) | {
            "title": title,
            "model_admin": self,
            "entity_opts": self.opts,
            "entity": self.entity,
            "entity_name": labels.ENTITIES[self.entity],
            "tenant": access_of(request).tenant,
            "can_import": self.has_import_permission(request),
        }
        return render(request, f"{TEMPLATES}/{name}.html", common | context, status=status)


def number_of(entity: str, found: QuerySet) -> str:
    """Return how many records would be exported: ``99,900 contacts``, ``about 1,230,000 contacts``."""
    count = count_records(found, up_to=EXACT_WHERE_IT_MATTERS)
    return formatting.qualified(count, labels.counted(entity, count.rounded))
