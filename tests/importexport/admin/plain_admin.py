"""An admin site with our resources, as documented by django-import-export."""

from django.contrib import admin
from django.urls import include, path
from import_export.admin import ImportExportModelAdmin

from crm.access import access_of
from crm.models import Contact
from importexport.engine.options import Options
from importexport.resources import ContactResource


class PlainContactAdmin(ImportExportModelAdmin):
    resource_classes = [ContactResource]

    def get_import_resource_kwargs(self, request, **kwargs):
        kwargs = super().get_import_resource_kwargs(request, **kwargs)
        return kwargs | {"tenant": access_of(request).tenant, "options": Options(mode="upsert")}

    def get_export_resource_kwargs(self, request, **kwargs):
        return super().get_export_resource_kwargs(request, **kwargs) | {"tenant": access_of(request).tenant}


site = admin.AdminSite()
site.register(Contact, PlainContactAdmin)
urlpatterns = [path("admin/", site.urls), path("api/", include("importexport.api.urls"))]
