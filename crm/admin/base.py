"""Base classes of the admin. They keep tenants apart: nobody sees or changes another tenant's records."""

import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import messages
from django.contrib.admin import DateFieldListFilter, SimpleListFilter
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import display_for_field
from django.core.exceptions import FieldDoesNotExist, SuspiciousOperation, ValidationError
from django.core.paginator import Paginator
from django.db import IntegrityError, models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from crm.access import access_of
from crm.admin import formatting
from crm.admin.empty import EmptyList, NextStep, nothing_found
from crm.admin.lists import BoundedChangeList, EstimatingPaginator
from crm.characters import trim
from crm.models import Tenant
from crm.models.fields import LongText, TagList, has_forbidden, unrepeated

NUL = "\0"
#: The template with which Django reports a list it cannot show. Django blames the database for a malformed query
#: string.
INVALID_QUERY_TEMPLATE = "admin/invalid_setup.html"


class TidyForm(forms.ModelForm):
    """Form that normalises texts as an import does, so that an exported file imports without changes."""

    def clean(self) -> dict[str, Any]:
        """Tidy all texts; reject forbidden characters. The model rejects a required text of which nothing is left."""
        for name, value in list(super().clean().items()):  # type: ignore[union-attr]
            if isinstance(value, str):
                texts = [tidy(value)]
                self.cleaned_data[name] = texts[0]
            elif isinstance(value, list):
                self.cleaned_data[name] = texts = unrepeated(map(tidy, value))
            else:
                continue
            if any(map(has_forbidden, texts)):
                self.add_error(name, ValidationError(_("This text contains a character that is not allowed.")))
        return self.cleaned_data


class TenantForm(TidyForm):
    """Form that sets the record's tenant before validation and offers only choices from that tenant."""

    #: The tenant of new records. Existing records keep their own.
    tenant: ClassVar[Tenant | None] = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.tenant_id is None and self.tenant is not None:
            self.instance.tenant = self.tenant
        for name, field in self.fields.items():
            if isinstance(field, forms.ModelChoiceField) and field.queryset is not None:
                field.queryset = field.queryset.filter(tenant=self.instance.tenant_id)
                self._neutralise_invalid_id(name, field.queryset.model)

    def _neutralise_invalid_id(self, name: str, model: type[models.Model]) -> None:
        """Replace a posted value that cannot be an id by "0", the id of no record: it is rejected like any other."""
        key = self.add_prefix(name)
        if (posted := self.data.get(key)) and not takes(model._meta.pk.to_python, posted):
            data: Any = self.data
            self.data = data.copy()
            self.data[key] = "0"  # type: ignore[index]

    def _get_validation_exclusions(self) -> set[str]:
        # Uniqueness also depends on fields that no form shows; validate with them as soon as they are set.
        known = {name for name in ("tenant", "pipeline") if getattr(self.instance, f"{name}_id", None)}
        return super()._get_validation_exclusions() - known  # type: ignore[misc]


def tidy(text: str) -> str:
    """Return a text trimmed (of invisible characters too), in NFC, with LF line endings."""
    return unicodedata.normalize("NFC", trim(text.replace("\r\n", "\n").replace("\r", "\n")))


class InvalidQuery(SuspiciousOperation):
    """The address of a list asks for what no page links to."""


class BoundedAdmin(ModelAdmin):
    """Base admin which accepts only the look-ups and fields its own pages use. Every model's admin derives from it.

    With free look-ups on any field, a user could guess hidden values letter by letter (the digest of a key, the rows of
    another user's file), and a regular expression could keep the database busy.
    """

    #: Relations that a list can be filtered by, because a page links to the list of a record's related records.
    linked_by: ClassVar[tuple[str, ...]] = ()
    #: What the records of an empty list are for, and how to get the first one, for those who may add it.
    nothing_yet: ClassVar[Any] = ""

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Whether a list can be filtered by this look-up. If not, the response is 400."""
        if NUL in lookup or NUL in str(value):
            return False  # PostgreSQL stores no NUL and fails on a query that contains one.
        if not is_known(self.model, lookup.partition("__")[0]):
            return True  # No query follows: Django reports the unknown field itself.
        allowed = {f"{name}__id__exact" for name in self.linked_by}
        for item in self.get_list_filter(request) if request else self.list_filter:
            allowed |= parameters_of(item)
        return lookup in allowed

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """Only the primary key may be used to refer to records."""
        return to_field == self.opts.pk.attname

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list; respond with 400 if the query string is still invalid after Django's redirect."""
        response = super().changelist_view(request, extra_context)
        if getattr(response, "template_name", None) == INVALID_QUERY_TEMPLATE:
            raise InvalidQuery("The query string of this list is invalid.")
        return response

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list, with what it says when it is ``empty``."""
        listed = super().get_changelist_instance(request)
        listed.empty = nothing_found(listed) or self.empty_list(request)
        return listed

    def empty_list(self, request: HttpRequest) -> EmptyList:
        """Return what to say as long as there are no records at all."""
        steps = self.first_steps(request)
        text = self.nothing_yet if steps else ""
        return EmptyList("inbox", _("No %(records)s yet") % {"records": self.opts.verbose_name_plural}, text, steps)

    def first_steps(self, request: HttpRequest) -> list[NextStep]:
        """Return the ways to the first record that the user may go."""
        if not self.has_add_permission(request):
            return []
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_add"
        return [NextStep(_("Add %(record)s") % {"record": self.opts.verbose_name}, "add", reverse(name))]

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        """Return the matching records, and whether they may contain duplicates (never)."""
        if NUL in search_term:
            return queryset.none(), False
        return self.find(queryset, trim(search_term), request), False

    def find(self, queryset: models.QuerySet, text: str, request: HttpRequest) -> models.QuerySet:
        """Return the records matching a search text without NUL, without duplicates."""
        return super().get_search_results(request, queryset, text)[0]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return the initial values from the query string, without those that their fields do not accept."""
        fields = self.get_form(request).base_fields
        given = super().get_changeform_initial_data(request)
        return {name: value for name, value in given.items() if name in fields and takes(fields[name].clean, value)}

    def response_action(self, request: HttpRequest, queryset: models.QuerySet) -> HttpResponse | None:
        """Run an action on the selected records, ignoring values that cannot be ids."""
        data, is_id = request.POST.copy(), cast(Any, self.opts.pk).to_python
        data.setlist(ACTION_CHECKBOX_NAME, [text for text in data.getlist(ACTION_CHECKBOX_NAME) if takes(is_id, text)])
        request.POST = data  # type: ignore[assignment]
        return super().response_action(request, queryset)


class OfTenantsAdmin(BoundedAdmin):
    """A list of what belongs to tenants."""

    def get_list_display(self, request: HttpRequest) -> Any:
        """Add the tenant's column for users who see all tenants."""
        columns = list(super().get_list_display(request))
        return columns if access_of(request).tenant else [columns[0], "account", *columns[1:]]

    @display(description=gettext_lazy("Account"))
    def account(self, record: Any) -> str:
        """Return the name of the tenant, which staff call an account."""
        return str(record.tenant)


class ReadOnlyAdmin(OfTenantsAdmin):
    """A list of what the product itself has recorded, which nobody adds, changes or deletes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def takes(judge: Callable[[Any], Any], value: Any) -> bool:
    """Whether a validation function accepts a value."""
    try:
        judge(value)
    except ValidationError:
        return False
    return True


def is_known(model: type[models.Model], name: str) -> bool:
    """Whether the first part of a look-up is a field of the model, so that the look-up reaches the database."""
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return name == "pk"
    return True


def parameters_of(item: Any) -> set[str]:
    """Return the query parameters that a list filter uses."""
    if isinstance(item, type) and issubclass(item, SimpleListFilter):
        return {str(item.parameter_name)}
    if isinstance(item, tuple):
        name, kind = item
        assert issubclass(kind, DateFieldListFilter), kind
        return {f"{name}__gte", f"{name}__lt"}
    return {f"{item}__exact"}


class TenantModelAdmin(OfTenantsAdmin):
    """Admin of a model whose records belong to a tenant.

    ``needs_to_view`` and ``needs_to_change`` name the required property of ``crm.access.Access``.
    """

    needs_to_view: ClassVar[str] = "can_view"
    needs_to_change: ClassVar[str] = "can_edit"
    form: ClassVar[Any] = TenantForm
    exclude: ClassVar[Any] = ("tenant",)
    ordering: ClassVar[Any] = ("-id",)
    list_per_page: ClassVar[Any] = 50
    list_max_show_all: ClassVar[Any] = 50
    show_full_result_count = False
    formfield_overrides: ClassVar[Any] = {
        LongText: {"widget": UnfoldAdminTextareaWidget},
        TagList: {"widget": UnfoldAdminTextInputWidget},
    }

    # --- permissions ---------------------------------------------------------------------------------------------

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.needs_to_view, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, self.needs_to_change, None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.needs_to_change, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.needs_to_change, obj)

    def _may(self, request: HttpRequest, need: str, obj: Any) -> bool:
        access = access_of(request)
        is_ours = not isinstance(obj, self.model) or access.tenant is None or obj.tenant_id == access.tenant.pk
        return getattr(access, need) and is_ours

    # --- lists ---------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        """Return the tenant's records; for a superuser without a chosen tenant, all records."""
        access = access_of(request)
        records = super().get_queryset(request)
        if access.tenant is not None:
            return records.filter(tenant=access.tenant)
        return records if access.is_superuser else records.none()

    def get_changelist(self, request: HttpRequest, **options: Any) -> Any:
        return BoundedChangeList

    def get_paginator(self, request: HttpRequest, queryset: Any, *args: Any, **options: Any) -> Paginator:
        return EstimatingPaginator(queryset, *args, whole=self.get_queryset(request), **options)

    def get_list_select_related(self, request: HttpRequest) -> Any:
        needed = list(cast(Any, super().get_list_select_related(request)) or [])
        return needed if access_of(request).tenant else [*needed, "tenant"]

    # --- forms ---------------------------------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """Return the form class, bound to the tenant of new records."""
        form = super().get_form(request, obj, change, **options)
        return type(form.__name__, (form,), {"tenant": access_of(request).tenant})

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Remove the buttons that add or change related records: those have their own pages."""
        field = super().formfield_for_dbfield(db_field, request, **options)
        for button in ("can_add_related", "can_change_related", "can_delete_related"):
            if field is not None and hasattr(field.widget, button):
                setattr(field.widget, button, False)
        return field

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show or save a form. A conflict with a concurrent request is reported as an ordinary form error."""
        if object_id is None and access_of(request).tenant is None and self.has_add_permission(request):
            messages.warning(
                request, _("A new record belongs to one account. Choose an account at the top of the page first.")
            )
            return redirect(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_changelist")
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except IntegrityError:
            # Validate again: the form now sees the conflicting record.
            return super().changeform_view(request, object_id, form_url, extra_context)


def shown(record: models.Model, name: str) -> Any:
    """Return a field's value as lists show it: the label of a choice, a localised date or number, "–" for none."""
    field: Any = record._meta.get_field(name)
    value, display = getattr(record, name), getattr(record, f"get_{name}_display", None)
    if isinstance(value, Decimal):
        return formatting.number(value)
    return display() if display else display_for_field(value, field, formatting.EMPTY)
