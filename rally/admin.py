"""The admin site: access, redirects after signing in, and the tenant chosen by a superuser."""

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
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from unfold.sites import UnfoldAdminSite

from crm.access import access_of, pick_tenant
from crm.models import Tenant
from rally import kept_forms
from rally.notices import tell_what_has_ended

#: Pages that users may be redirected to, by URL name: of a record, of a model, and others. All remaining URLs only
#: accept forms or return files.
RECORD_PAGES = {"change", "delete", "history", "match", "revoke", "password_change"}
MODEL_PAGES = {"changelist", "add", "import", "import_help", "export"}
OWN_PAGES = {"index", "password_change"}
#: What a page says that was asked for instead of pressing one of its buttons.
NO_CLICK = gettext_lazy("Nothing has happened: this address belongs to a button.")
#: The maximum number of digits of an id.
DIGITS = 19


class RallyAdminSite(UnfoldAdminSite):
    """The admin site. Staff see their own tenant, superusers the one they chose."""

    #: The same as formatting.EMPTY, whose package cannot be imported before there is a site.
    empty_value_display = "–"

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the user may use the admin: active staff with a tenant, and superusers."""
        return access_of(request).can_view

    def extra_urls(self) -> list[URLPattern]:
        """Add URLs. Signing out does not require permission to use the admin."""
        return [
            path("logout/", leading_up(self.logout), name="logout"),
            path("tenant/", self.admin_view(self.tenant), name="tenant"),
            # Django's view would reveal whether a record of any tenant exists, only to report that it has no site.
            path("r/<path:record>/", self.admin_view(not_found), name="view_on_site"),
        ]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add the access and, for superusers, the tenants, which are queried when the template shows them.

        Whoever asks for a page is told first what has ended that they have started.
        """
        access = access_of(request)
        tell_what_has_ended(request)
        context = super().each_context(request) | {"rally_access": access}
        if access.is_superuser:
            context["rally_tenants"] = Tenant.objects.order_by("name", "pk").only("pk", "name")
        return context

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign in. Users who are signed in but have no access are told so, instead of being asked to sign in again."""
        if request.method == "GET" and request.user.is_authenticated and not self.has_permission(request):
            context = self.each_context(request) | {"title": _("No access")}
            return render(request, "admin/no_access.html", context, status=403)
        form = request.POST.get(kept_forms.FIELD, "")
        response = super().login(request, {kept_forms.FIELD: form} | (extra_context or {}))
        if request.method == "POST" and response.status_code == 302:
            if form and (again := kept_forms.send_again(request, form)):
                return again
            response["Location"] = self._way_back(request, response["Location"])
        return response

    @method_decorator(require_POST)
    def tenant(self, request: HttpRequest) -> HttpResponse:
        """Store a superuser's choice of tenant, and return to the previous page if the tenant has it."""
        if not access_of(request).is_superuser:
            raise PermissionDenied
        tenant = _chosen(request.POST.get("tenant", ""))
        pick_tenant(request, tenant)
        name = tenant.name if tenant else _("all accounts")
        messages.success(request, _("You now see %(tenant)s.") % {"tenant": name})
        return redirect(self._way_back(request, request.POST.get("next", "")))

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """Wrap a view, so that a GET of a URL that only accepts forms redirects to the page of the form.

        A form whose session has ended is kept until the user has signed in again.
        """
        led = leading_up(super().admin_view(view, cacheable))

        @wraps(led)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.method == "POST" and not request.user.is_authenticated:
                return kept_forms.ask_to_sign_in(self, request) or led(request, *args, **kwargs)
            return led(request, *args, **kwargs)

        return answer

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """Search records for a field of a form, but only for fields that use autocompletion."""
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
        """Return the page to redirect to: the given page, its list if the record does not exist, or else the index.

        Pages that the role may not see lead to the index as well, whether they exist or not.
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
            if match.kwargs:
                record = unquote(str(next(iter(match.kwargs.values()))))
                if model_admin.get_object(request, record) is None:
                    return reverse(f"{self.name}:{prefix}changelist")
                return page if kind in RECORD_PAGES else self._page_of_button(request, f"{prefix}change", record)
        return index

    def _page_of_button(self, request: HttpRequest, name: str, record: str) -> str:
        """Return the page of a record for a URL that only accepts one of its buttons, and tell the user."""
        messages.warning(request, f"{NO_CLICK} {kept_forms.PRESS}")
        return reverse(f"{self.name}:{name}", args=[record])


def page_at(address: str) -> ResolverMatch | None:
    """Return the view of a URL with or without trailing slash, or None if there is none on this host."""
    is_ours = url_has_allowed_host_and_scheme(address, allowed_hosts=None)
    if not is_ours or "\0" in unquote_address(address):
        return None
    try:
        return resolve(f"{urlsplit(address).path.removesuffix('/')}/")
    except Resolver404:
        return None


def leading_up(view: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a view, so that a GET that it does not allow redirects to the parent page."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = view(request, *args, **kwargs)
        if response.status_code != 405 or request.method not in {"GET", "HEAD"}:
            return response
        if kwargs and request.user.is_authenticated:
            messages.warning(request, f"{NO_CLICK} {kept_forms.PRESS}")
        return redirect(urljoin(request.path, ".."))

    return answer


def not_found(request: HttpRequest, **_: str) -> HttpResponse:
    """Raise Http404."""
    raise Http404


def _chosen(identifier: str) -> Tenant | None:
    """Return the tenant chosen in the form, or None for all tenants; raise Http404 if it does not exist."""
    if not identifier:
        return None
    is_number = identifier.isdecimal() and len(identifier) <= DIGITS
    tenant = Tenant.objects.filter(pk=identifier).first() if is_number else None
    if tenant is None:
        raise Http404
    return tenant
