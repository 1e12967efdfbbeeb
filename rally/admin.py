"""The admin site: who may come in, what the sidebar offers, and the tenant that a superuser picks."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import unquote as unquote_address
from urllib.parse import urljoin, urlsplit

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, ResolverMatch, URLPattern, path, resolve, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from unfold.sites import UnfoldAdminSite

from crm.access import access_of, pick_tenant
from crm.models import Tenant

#: The pages that one may be led to, by the names of their addresses: of a record, of a model, and by themselves. All
#: others only take a form, or give a file.
RECORD_PAGES = {"change", "delete", "history", "revoke", "password_change"}
MODEL_PAGES = {"changelist", "add", "import", "import_help", "export"}
OWN_PAGES = {"index", "password_change"}
#: The most digits of an id.
DIGITS = 19


class RallyAdminSite(UnfoldAdminSite):
    """The admin of staff: each sees their own tenant, a superuser the one that they picked."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the request's user may come in: active staff that belong to a tenant, and superusers."""
        return access_of(request).can_view

    def extra_urls(self) -> list[URLPattern]:
        """Return our own pages; signing out is for those who may not come in, too."""
        return [
            path("logout/", leading_up(self.logout), name="logout"),
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

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """Return a page as those who may come in see it; one that only takes a form leads to where the form is."""
        return leading_up(super().admin_view(view, cacheable))

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """Offer records for a field of a form that offers them; no others are looked for here."""
        asked = tuple(request.GET.get(name, "") for name in ("app_label", "model_name", "field_name"))
        if asked not in self._offered_fields():
            raise PermissionDenied
        return super().autocomplete_view(request)

    def _offered_fields(self) -> set[tuple[str, str, str]]:
        return {
            (model._meta.app_label, str(model._meta.model_name), name)
            for model, model_admin in self._registry.items()
            for name in model_admin.autocomplete_fields
        }

    def _way_back(self, request: HttpRequest, page: str) -> str:
        """Return the page to go on to: the one given, its list where the record is not there, or else the first one.

        What the role may not see is the first page, too, whether it exists or not.
        """
        index = reverse(f"{self.name}:index")
        match = page_at(page) if page.startswith(index) else None
        name = (match.url_name if match else None) or ""
        if name in OWN_PAGES:
            return page
        for model, model_admin in self._registry.items():
            prefix = f"{model._meta.app_label}_{model._meta.model_name}_"
            kind = name.removeprefix(prefix)
            if match is None or kind == name or not model_admin.has_view_or_change_permission(request):
                continue
            if kind in MODEL_PAGES:
                return page
            if kind in RECORD_PAGES:
                record = unquote(str(next(iter(match.kwargs.values()))))
                is_there = model_admin.get_object(request, record) is not None
                return page if is_there else reverse(f"{self.name}:{prefix}changelist")
        return index


def page_at(address: str) -> ResolverMatch | None:
    """Return the page of an address, None where there is none on this host; a slash that is missing is added later."""
    is_ours = url_has_allowed_host_and_scheme(address, allowed_hosts=None)
    if not is_ours or "\0" in unquote_address(address):
        return None
    try:
        return resolve(f"{urlsplit(address).path.removesuffix('/')}/")
    except Resolver404:
        return None


def leading_up(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return a page that, where it only takes a form and is asked for by its address, leads to the page above it."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = view(request, *args, **kwargs)
        is_typed = response.status_code == 405 and request.method in {"GET", "HEAD"}
        return redirect(urljoin(request.path, "..")) if is_typed else response

    return answer


def not_found(request: HttpRequest, **_: str) -> HttpResponse:
    """Say that there is no such page."""
    raise Http404


def _chosen(identifier: str) -> Tenant | None:
    """Return the tenant of a form's value, None for all; raises Http404 where there is none."""
    if not identifier:
        return None
    is_number = identifier.isdecimal() and len(identifier) <= DIGITS
    tenant = Tenant.objects.filter(pk=identifier).first() if is_number else None
    if tenant is None:
        raise Http404
    return tenant
