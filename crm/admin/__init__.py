"""The records in Django's admin, for superusers."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from crm import models


class SuperuserAdmin(admin.ModelAdmin):
    """A model that superusers alone see and touch: permissions know nothing of tenants."""

    list_per_page = 50
    show_full_result_count = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the app is shown at all."""
        return _is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether records are shown."""
        return _is_superuser(request)

    has_change_permission = has_add_permission = has_delete_permission = has_view_permission


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


@admin.register(models.Tenant)
class TenantAdmin(SuperuserAdmin):
    """Tenants."""

    list_display = ("slug", "name", "currency", "timezone")
    search_fields = ("slug", "name")


@admin.register(models.Contact)
class ContactAdmin(SuperuserAdmin):
    """Contacts."""

    list_display = ("first_name", "last_name", "email", "lifecycle_stage", "tenant")
    list_filter = ("lifecycle_stage",)
    list_select_related = ("tenant",)
    search_fields = ("email_key__startswith",)
    raw_id_fields = ("tenant", "company")


@admin.register(models.Company)
class CompanyAdmin(SuperuserAdmin):
    """Companies."""

    list_display = ("name", "domain", "industry", "tenant")
    list_select_related = ("tenant",)
    search_fields = ("name_key__startswith",)
    raw_id_fields = ("tenant",)


@admin.register(models.Deal)
class DealAdmin(SuperuserAdmin):
    """Deals."""

    list_display = ("name", "value", "currency", "stage", "tenant")
    list_select_related = ("stage", "tenant")
    search_fields = ("name_key__startswith",)
    raw_id_fields = ("tenant", "stage", "pipeline", "contact", "company")


@admin.register(models.Activity)
class ActivityAdmin(SuperuserAdmin):
    """Activities."""

    list_display = ("subject", "activity_type", "status", "due_date", "tenant")
    list_filter = ("activity_type", "status")
    list_select_related = ("tenant",)
    search_fields = ("subject_key__startswith",)
    raw_id_fields = ("tenant", "contact", "company", "deal")


admin.site.register([models.Pipeline, models.Stage, models.Membership], SuperuserAdmin)
