"""Admin pages for API keys. A key is shown once, when it is created; it can be renamed and revoked, never deleted."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.debug import sensitive_variables
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from crm.access import access_of
from crm.admin import formatting
from crm.admin.base import OfTenantsAdmin
from crm.characters import trim
from crm.models import ApiKey, Tenant
from crm.models.api_key import create_api_key, revoke_api_key

#: Scope → its label and what it allows.
SCOPES = {
    ApiKey.Scope.READ: (gettext_lazy("Read"), gettext_lazy("Download exports and templates. Changes nothing.")),
    ApiKey.Scope.WRITE: (gettext_lazy("Write"), gettext_lazy("Import files as well. Suits most programs.")),
    ApiKey.Scope.ADMIN: (gettext_lazy("Admin"), gettext_lazy("Everything the API can do, now and in future.")),
}
STATES = {
    "active": gettext_lazy("Active"),
    "expired": gettext_lazy("Expired"),
    "revoked": gettext_lazy("Revoked"),
}
NAME_IN_USE = gettext_lazy("A key of this name is in use already.")
TEMPLATES = "crm/admin/api_keys"


class DateWidget(UnfoldAdminTextInputWidget):
    """The browser's date picker."""

    input_type = "date"


class NewKeyForm(forms.Form):
    """Form for a new API key."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=ApiKey._meta.get_field("name").max_length,
        help_text=gettext_lazy("What the key is for, such as “Website form”."),
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True, "autocomplete": "off"}),
    )
    scope = forms.ChoiceField(
        label=gettext_lazy("What may it do?"),
        choices=[(scope, title) for scope, (title, _text) in SCOPES.items()],
        initial=ApiKey.Scope.WRITE,
        widget=forms.RadioSelect,
    )
    expires_at = forms.DateField(
        label=gettext_lazy("Expires (optional)"), required=False, input_formats=["%Y-%m-%d"], widget=DateWidget
    )

    def __init__(self, *args: Any, tenant: Tenant | None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.tenant = tenant
        self.fields["expires_at"].help_text = _(
            "The key stops working at the start of this day (%(zone)s). Leave empty for a key that never expires."
        ) % {"zone": tenant.timezone if tenant else "UTC"}

    def scopes(self) -> Iterator[tuple[Any, Any]]:
        """Yield each radio button of the scope field with its description."""
        for radio in self["scope"]:
            yield radio, SCOPES[ApiKey.Scope(radio.data["value"])][1]

    def clean_name(self) -> str:
        return free_name(self.cleaned_data["name"], self.tenant)

    def clean_expires_at(self) -> dt.datetime | None:
        """Return the start of that day in the tenant's time zone; reject days that have already begun."""
        day = self.cleaned_data["expires_at"]
        if day is None or self.tenant is None:
            return None
        if day <= timezone.now().astimezone(self.tenant.zone).date():
            raise ValidationError(_("This day has already begun. Choose a later one."))
        return dt.datetime.combine(day, dt.time(), self.tenant.zone)

    def clean(self) -> dict[str, Any]:
        if self.tenant is None:
            raise ValidationError(_("A key belongs to one account. Choose an account at the top of the page first."))
        return self.cleaned_data


class RenameForm(forms.ModelForm):
    """Form for an existing key, of which only the name can be changed."""

    class Meta:
        model = ApiKey
        fields = ["name"]

    def clean_name(self) -> str:
        return free_name(self.cleaned_data["name"], self.instance.tenant, but=self.instance)


def free_name(name: str, tenant: Tenant | None, but: ApiKey | None = None) -> str:
    """Return the name, trimmed; raise ValidationError if it is empty or another active key of the tenant has it."""
    if not (name := trim(name)):
        raise ValidationError(forms.Field.default_error_messages["required"], code="required")
    in_use = ApiKey.objects.filter(tenant=tenant, name=name, revoked_at=None)
    if tenant and (in_use.exclude(pk=but.pk) if but else in_use).exists():
        raise ValidationError(NAME_IN_USE)
    return name


class StateFilter(admin.SimpleListFilter):
    """Filters keys by state."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(STATES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        is_over = Q(expires_at__lte=timezone.now())
        condition = {
            "active": Q(revoked_at=None) & ~is_over,
            "expired": Q(revoked_at=None) & is_over,
            "revoked": Q(revoked_at__isnull=False),
        }.get(self.value() or "", Q())
        return queryset.filter(condition)


@admin.register(ApiKey)
class ApiKeyAdmin(OfTenantsAdmin):
    """API keys of a tenant, managed by the tenant's admins."""

    form = RenameForm
    nothing_yet = gettext_lazy("With an API key, another program can import and export the records of this account.")
    list_display = ("name", "scope_name", "state_label", "created_on", "expires", "last_used", "revoke_link")
    list_filter = (StateFilter, "scope")
    list_select_related = ("tenant",)
    list_per_page = 50
    search_fields = ("name",)
    ordering = ("-id",)
    actions = ("revoke_chosen",)
    readonly_fields = ("scope_name", "state_name", "created", "expires", "last_used")
    fields = ("name", *readonly_fields)
    change_form_outer_after_template = f"{TEMPLATES}/revoke_panel.html"

    # --- permissions ---

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        access = access_of(request)
        keys = super().get_queryset(request).select_related("tenant")
        if access.is_superuser and access.tenant is None:
            return keys
        return keys.filter(tenant=access.tenant) if access.can_manage else keys.none()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return access_of(request).can_manage

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access_of(request).can_manage

    def has_add_permission(self, request: HttpRequest) -> bool:
        return access_of(request).can_manage

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A revoked key can no longer be renamed or revoked."""
        return access_of(request).can_manage and not (isinstance(obj, ApiKey) and obj.revoked_at)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keys are never deleted, so that there is a record of every key that existed."""
        return False

    # --- the list ---

    @display(description=gettext_lazy("Scope"), ordering="scope")
    def scope_name(self, key: ApiKey) -> str:
        return str(SCOPES[ApiKey.Scope(key.scope)][0])

    @display(description=gettext_lazy("State"), label={"active": "success", "expired": "warning", "revoked": "danger"})
    def state_label(self, key: ApiKey) -> tuple[str, Any]:
        return key.state, STATES[key.state]

    @display(description=gettext_lazy("State"))
    def state_name(self, key: ApiKey) -> str:
        """Return the state and, for a revoked key, the time it was revoked."""
        return f"{STATES[key.state]}, {moment(key.revoked_at, key)}" if key.revoked_at else str(STATES[key.state])

    @display(description=gettext_lazy("Created"), ordering="created_at")
    def created_on(self, key: ApiKey) -> str:
        return formatting.day(key.created_at.astimezone(key.tenant.zone))

    @display(description=gettext_lazy("Created"))
    def created(self, key: ApiKey) -> str:
        return moment(key.created_at, key)

    @display(description=gettext_lazy("Expires"), ordering="expires_at")
    def expires(self, key: ApiKey) -> str:
        return moment(key.expires_at, key)

    @display(description=gettext_lazy("Last used"), ordering="last_used_at")
    def last_used(self, key: ApiKey) -> str:
        return moment(key.last_used_at, key)

    @display(description=gettext_lazy("Action"))
    def revoke_link(self, key: ApiKey) -> str:
        if key.revoked_at:
            return ""
        label = _("Revoke %(name)s") % {"name": key.name}
        address = reverse("admin:crm_apikey_revoke", args=[key.pk])
        return format_html(
            '<a class="font-medium text-red-700 underline dark:text-red-400" href="{}" aria-label="{}">{}</a>',
            address,
            label,
            _("Revoke"),
        )

    # --- create ---

    @method_decorator(sensitive_variables("secret"))
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Show the form for a new key. The response to a valid form is the only page that ever shows the secret."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewKeyForm(request.POST or None, tenant=access_of(request).tenant)
        if request.method == "POST" and form.is_valid():
            try:
                with transaction.atomic():
                    key, secret = create_api_key(tenant=form.tenant, **form.cleaned_data)  # type: ignore[arg-type]
            except (ValidationError, IntegrityError):
                # A concurrent request took the name. The form has checked everything else.
                form.add_error("name", NAME_IN_USE)
            else:
                self.log_addition(request, key, [{"added": {}}])
                return self._show_secret(request, key, secret)
        return self._page(request, "add", _("New API key"), form=form, scopes=form.scopes())

    @method_decorator(sensitive_variables("secret"))
    def _show_secret(self, request: HttpRequest, key: ApiKey, secret: str) -> HttpResponse:
        """Respond with the secret directly: a redirect would leave it in a URL, session, message or cache."""
        where = request.build_absolute_uri(reverse("admin:index")).removesuffix(reverse("admin:index"))
        context = {"key": key, "secret": secret, "address": f"{where}/api/v1/importexport/contacts"}
        response = self._page(request, "created", _("API key created"), **context)
        response.headers["Cache-Control"] = "no-store, private"
        return response

    # --- change ---

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        options = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().change_view(request, object_id, form_url, options | (extra_context or {}))

    # --- revoke ---

    def get_urls(self) -> list[URLPattern]:
        revoke = self.admin_site.admin_view(self.revoke_view)
        return [path("<int:key_id>/revoke/", revoke, name="crm_apikey_revoke"), *super().get_urls()]

    def revoke_view(self, request: HttpRequest, key_id: int) -> HttpResponse:
        """Ask for confirmation, then revoke a key."""
        key = self.get_queryset(request).filter(pk=key_id).first()
        if not self.has_view_permission(request):
            raise PermissionDenied
        if key is None:
            raise Http404
        if key.revoked_at:
            messages.info(request, _("“%(name)s” is already revoked.") % {"name": key.name})
        elif request.method != "POST":
            return self._page(request, "revoke", _("Revoke an API key"), keys=[key])
        else:
            self._revoke(request, key)
            messages.success(
                request, _("“%(name)s” was revoked. Requests that use it are now rejected.") % {"name": key.name}
            )
        return redirect("admin:crm_apikey_changelist")

    @admin.action(description=gettext_lazy("Revoke selected keys"), permissions=["change"])
    def revoke_chosen(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        """Ask for confirmation, then revoke several keys."""
        keys = list(queryset.filter(revoked_at=None))
        if not keys:
            messages.info(request, _("These keys are already revoked."))
        elif "revoke" not in request.POST:
            return self._page(request, "revoke", _("Revoke API keys"), keys=keys, is_bulk=True)
        else:
            for key in keys:
                self._revoke(request, key)
            text = ngettext("One key was revoked.", "%(count)s keys were revoked.", len(keys)) % {"count": len(keys)}
            messages.success(request, text)
        return None

    def _revoke(self, request: HttpRequest, key: ApiKey) -> None:
        revoke_api_key(key)
        self.log_change(request, key, _("Revoked."))

    def _page(self, request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
        common = self.admin_site.each_context(request) | {"title": title}
        return render(request, f"{TEMPLATES}/{name}.html", common | context)


def moment(when: dt.datetime | None, key: ApiKey) -> str:
    """Return a time in the time zone of the key's tenant."""
    return formatting.exactly(when, key.tenant.zone) if when else _("never")
