"""The admin site: who may come in, what the sidebar offers, and the tenant that a superuser picks."""

from typing import Any
from urllib.parse import unquote as unquote_address
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, URLPattern, path, resolve, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from unfold.sites import UnfoldAdminSite

from crm.access import access_of, pick_tenant
from crm.models import Tenant

#: The pages that one may be led to: of a record, as Django names them; of a list; by themselves. All others only take a
#: form, or give a file.
RECORD_PAGES = ("change", "delete", "history")
LIST_PAGES = ("_changelist", "_add", "_import", "_import_help", "_export")
OWN_PAGES = {"index", "password_change"}


class RallyAdminSite(UnfoldAdminSite):
    """The admin of staff: each sees their own tenant, a superuser the one that they picked."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the request's user may come in: active staff that belong to a tenant, and superusers."""
        return access_of(request).can_view

    def extra_urls(self) -> list[URLPattern]:
        """Return our own pages; signing out is for those who may not come in, too."""
        return [
            path("logout/", self.logout, name="logout"),
            path("tenant/", self.admin_view(self.tenant), name="tenant"),
            # Django would look up any record of any tenant, to find out that there is no site to show it on.
            path("r/<path:record>/", self.admin_view(not_found), name="view_on_site"),
        ]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every page knows; the tenants are looked up where they are shown."""
        access = access_of(request)
        context = super().each_context(request) | {"rally_access": access}
        if access.is_superuser:
            context["rally_tenants"] = Tenant.objects.order_by("name", "pk").only("pk", "name")
        return context

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign in; who has signed in and may not come in is told why, instead of being asked again."""
        if request.method == "GET" and request.user.is_authenticated and not self.has_permission(request):
            context = self.each_context(request) | {"title": _("No access")}
            return render(request, "admin/no_access.html", context, status=403)
        response = super().login(request, extra_context)
        if request.method == "POST" and response.status_code == 302:
            response["Location"] = self._way_back(request, response["Location"])
        return response

    @method_decorator(require_POST)
    def tenant(self, request: HttpRequest) -> HttpResponse:
        """Keep a superuser's choice of tenant, and go back to where they were, as far as the tenant has it."""
        if not access_of(request).is_superuser:
            raise PermissionDenied
        tenant = _chosen(request.POST.get("tenant", ""))
        pick_tenant(request, tenant)
        name = tenant.name if tenant else _("all tenants")
        messages.success(request, _("You now see %(tenant)s.") % {"tenant": name})
        return redirect(self._way_back(request, request.POST.get("next", "")))

    def _way_back(self, request: HttpRequest, page: str) -> str:
        """Return the page to go back to: the one given; its list where the record is another tenant's."""
        index = reverse(f"{self.name}:index")
        is_ours = url_has_allowed_host_and_scheme(page, allowed_hosts=None) and page.startswith(index)
        if not is_ours or "\0" in unquote_address(page):
            return index
        try:
            match = resolve(urlsplit(page).path)
        except Resolver404:
            return index
        record = next(iter(match.kwargs.values()), None)
        for model, model_admin in self._registry.items():
            name = f"{model._meta.app_label}_{model._meta.model_name}"
            if match.url_name in {f"{name}_{kind}" for kind in RECORD_PAGES}:
                is_there = model_admin.get_object(request, unquote(str(record))) is not None
                return page if is_there else reverse(f"{self.name}:{name}_changelist")
        name = match.url_name or ""
        return page if name in OWN_PAGES or name.endswith(LIST_PAGES) else index


def not_found(request: HttpRequest, **_: str) -> HttpResponse:
    """Say that there is no such page."""
    raise Http404


def _chosen(identifier: str) -> Tenant | None:
    """Return the tenant of a form's value, None for all; raises Http404 where there is none."""
    if not identifier:
        return None
    tenant = Tenant.objects.filter(pk=identifier).first() if identifier.isdecimal() else None
    if tenant is None:
        raise Http404
    return tenant
