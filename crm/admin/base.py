"""What the admin of every tenant's model shares: nobody sees or touches another tenant's records."""

import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import messages
from django.contrib.admin import DateFieldListFilter, SimpleListFilter
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import display_for_field
from django.core.exceptions import BadRequest, FieldDoesNotExist, ValidationError
from django.core.paginator import Paginator
from django.db import IntegrityError, models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from crm.access import access_of
from crm.admin.lists import BoundedChangeList, EstimatingPaginator
from crm.models import Tenant
from crm.models.fields import LongText, TagList, has_forbidden

NUL = "\0"
#: The page by which Django says that a list cannot be shown; it takes that for a fault of the database.
NOT_UNDERSTOOD = "admin/invalid_setup.html"


class TenantForm(forms.ModelForm):
    """A form whose record has its tenant before it is judged, and that offers only what this tenant has."""

    #: The tenant of new records; a record that is there keeps its own.
    tenant: ClassVar[Tenant | None] = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.tenant_id is None and self.tenant is not None:
            self.instance.tenant = self.tenant
        for name, field in self.fields.items():
            if isinstance(field, forms.ModelChoiceField) and field.queryset is not None:
                field.queryset = field.queryset.filter(tenant=self.instance.tenant_id)
                self._pass_over_nonsense(name, field.queryset.model)

    def _pass_over_nonsense(self, name: str, model: type[models.Model]) -> None:
        """Take what can be no id for the id of nothing: it is refused, and then looked up to be shown again."""
        key = self.add_prefix(name)
        if (posted := self.data.get(key)) and not takes(model._meta.pk.to_python, posted):
            data: Any = self.data
            self.data = data.copy()
            self.data[key] = "0"  # type: ignore[index]

    def _get_validation_exclusions(self) -> set[str]:
        # Whether a record is there already depends on fields that no form shows, once they are known.
        known = {name for name in ("tenant", "pipeline") if getattr(self.instance, f"{name}_id", None)}
        return super()._get_validation_exclusions() - known  # type: ignore[misc]

    def clean(self) -> dict[str, Any]:
        """Bring texts into the form in which an import stores them, so that an export comes back the same."""
        for name, value in list(super().clean().items()):  # type: ignore[union-attr]
            if isinstance(value, str):
                texts = [tidy(value)]
                self.cleaned_data[name] = texts[0]
            elif isinstance(value, list):
                self.cleaned_data[name] = texts = list(dict.fromkeys(map(tidy, value)))
            else:
                continue
            if any(map(has_forbidden, texts)):
                self.add_error(name, ValidationError(_("This has a character that no text may have.")))
        return self.cleaned_data


def tidy(text: str) -> str:
    """Return a text trimmed, with line ends as LF, in NFC."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").strip())


class BoundedAdmin(ModelAdmin):
    """Lets an address and a form ask for what the pages ask, and for nothing else; the admin of every model is one.

    Who could ask a list for any text in any field could find out, letter by letter, what no page shows them: the digest
    of a key, the rows of somebody else's file. A pattern could keep the database busy besides.
    """

    #: The relations whose records' ids may be asked for: a page links to the list of what belongs to a record.
    linked_by: ClassVar[tuple[str, ...]] = ()

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Whether a list's address may ask for this; what is refused is answered 400."""
        if NUL in lookup or NUL in str(value):
            return False  # No text of the database has it, and it takes no question with it.
        if not is_known(self.model, lookup.partition("__")[0]):
            return True  # Nothing is asked of the database: the list says that it does not understand.
        allowed = {f"{name}__id__exact" for name in self.linked_by}
        for item in self.get_list_filter(request) if request else self.list_filter:
            allowed |= parameters_of(item)
        return lookup in allowed

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """Whether an address may refer to records by a field: by their id alone."""
        return to_field == self.opts.pk.attname

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list; what it does not understand even after it was sent back once is answered 400."""
        response = super().changelist_view(request, extra_context)
        if getattr(response, "template_name", None) == NOT_UNDERSTOOD:
            raise BadRequest("The list's address asks for what the list cannot be asked for.")
        return response

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        """Return the records that a search finds, and whether any might be among them twice."""
        if NUL in search_term:
            return queryset.none(), False
        return self.find(queryset, search_term, request), False

    def find(self, queryset: models.QuerySet, text: str, request: HttpRequest) -> models.QuerySet:
        """Return the records that a text without NUL finds; none of them twice."""
        return super().get_search_results(request, queryset, text)[0]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the address fills into a new record's form, as far as its fields can have it."""
        fields = self.get_form(request).base_fields
        given = super().get_changeform_initial_data(request)
        return {name: value for name, value in given.items() if name in fields and takes(fields[name].clean, value)}

    def response_action(self, request: HttpRequest, queryset: models.QuerySet) -> HttpResponse | None:
        """Do what was chosen with the chosen records; what can be no id names none of them."""
        data, is_id = request.POST.copy(), cast(Any, self.opts.pk).to_python
        data.setlist(ACTION_CHECKBOX_NAME, [text for text in data.getlist(ACTION_CHECKBOX_NAME) if takes(is_id, text)])
        request.POST = data  # type: ignore[assignment]
        return super().response_action(request, queryset)


def takes(judge: Callable[[Any], Any], value: Any) -> bool:
    """Whether a field takes a value, by its own judgement."""
    try:
        judge(value)
    except ValidationError:
        return False
    return True


def is_known(model: type[models.Model], name: str) -> bool:
    """Whether a look-up that begins with a name asks the database for anything."""
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return name == "pk"
    return True


def parameters_of(item: Any) -> set[str]:
    """Return what a filter of a list has in the list's address."""
    if isinstance(item, type) and issubclass(item, SimpleListFilter):
        return {str(item.parameter_name)}
    if isinstance(item, tuple):
        name, kind = item
        assert issubclass(kind, DateFieldListFilter), kind
        return {f"{name}__gte", f"{name}__lt"}
    return {f"{item}__exact"}


class TenantModelAdmin(BoundedAdmin):
    """The admin of a model whose records have a tenant.

    ``needs_to_view`` and ``needs_to_change`` name what a role must be able to do (see crm.access.Access).
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

    # --- who may do what -----------------------------------------------------------------------------------------

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the model is spoken of at all."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the role lets somebody look, at this record."""
        return self._may(request, self.needs_to_view, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the role lets somebody add records."""
        return self._may(request, self.needs_to_change, None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the role lets somebody change this record."""
        return self._may(request, self.needs_to_change, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the role lets somebody delete this record."""
        return self._may(request, self.needs_to_change, obj)

    def _may(self, request: HttpRequest, need: str, obj: Any) -> bool:
        access = access_of(request)
        is_ours = not isinstance(obj, self.model) or access.tenant is None or obj.tenant_id == access.tenant.pk
        return getattr(access, need) and is_ours

    # --- what they see -------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        """Return the tenant's records; those of all for a superuser who picked none."""
        access = access_of(request)
        records = super().get_queryset(request)
        if access.tenant is not None:
            return records.filter(tenant=access.tenant)
        return records if access.is_superuser else records.none()

    def get_changelist(self, request: HttpRequest, **options: Any) -> Any:
        """Return the class of lists."""
        return BoundedChangeList

    def get_paginator(self, request: HttpRequest, queryset: Any, *args: Any, **options: Any) -> Paginator:
        """Return the pages of a list, or of the choices of a field."""
        return EstimatingPaginator(queryset, *args, whole=self.get_queryset(request), **options)

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns; whoever sees all tenants is told which."""
        columns = list(super().get_list_display(request))
        return columns if access_of(request).tenant else [columns[0], "tenant", *columns[1:]]

    def get_list_select_related(self, request: HttpRequest) -> Any:
        """Return what the columns need of other tables."""
        needed = list(cast(Any, super().get_list_select_related(request)) or [])
        return needed if access_of(request).tenant else [*needed, "tenant"]

    # --- forms ---------------------------------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """Return the form, which knows the tenant of a new record."""
        form = super().get_form(request, obj, change, **options)
        return type(form.__name__, (form,), {"tenant": access_of(request).tenant})

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Return a form field; references are chosen here, and made and changed on their own pages."""
        field = super().formfield_for_dbfield(db_field, request, **options)
        for button in ("can_add_related", "can_change_related", "can_delete_related"):
            if field is not None and hasattr(field.widget, button):
                setattr(field.widget, button, False)
        return field

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show or save a form. What somebody else stored in the meantime is a form's error like any other."""
        if object_id is None and access_of(request).tenant is None and self.has_add_permission(request):
            messages.warning(request, _("A new record belongs to one tenant. Choose a tenant at the top first."))
            return redirect(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_changelist")
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except IntegrityError:
            # Judged once more: by now the form sees the record that it collided with.
            return super().changeform_view(request, object_id, form_url, extra_context)


def shown(record: models.Model, name: str) -> Any:
    """Return a field of a record as lists show it: the name of a choice, a date in the reader's form, "–" for none."""
    field: Any = record._meta.get_field(name)
    value, display = getattr(record, name), getattr(record, f"get_{name}_display", None)
    if isinstance(value, Decimal):
        return number_format(value, force_grouping=True)
    return display() if display else display_for_field(value, field, "–")
