"""What a tenant is set up with: the tenant itself, its pipelines and their stages."""

import copy
from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.forms.formsets import DELETION_FIELD_NAME
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import TabularInline
from unfold.decorators import display

from crm.access import access_of
from crm.admin.base import BoundedAdmin, TenantForm, TenantModelAdmin
from crm.matching import fold
from crm.models import Deal, Pipeline, Stage, Tenant

OUTCOMES = gettext_lazy("In per cent. Deals in a stage of 100 are won, those in a stage of 0 are lost.")


@admin.register(Tenant)
class TenantAdmin(BoundedAdmin):
    """Tenants, for superusers. Deleting one would take all its records along: there is no button for that."""

    list_display = ("name", "slug", "currency", "timezone", "created_at")
    search_fields = ("slug", "name")
    ordering = ("name",)
    list_per_page = 50

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether tenants are spoken of at all."""
        return access_of(request).is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether tenants are shown."""
        return access_of(request).is_superuser

    has_add_permission = has_change_permission = has_view_permission

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes a tenant here."""
        return False


class InUseAdmin(TenantModelAdmin):
    """The admin of what deals are in: it is deleted where no deal is in it."""

    #: How a deal leads to it.
    deals_by: ClassVar[str]

    def get_deleted_objects(
        self, objs: Iterable[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        """Return what a deletion takes along, and how many deals are in its way: counted, for there may be many."""
        records = list(objs)
        counts = {self.opts.verbose_name_plural: len(records)}
        may = all(self.has_delete_permission(request, record) for record in records)
        deals = Deal.objects.filter(**{f"{self.deals_by}__in": records}).count()
        in_the_way = ngettext("%(count)s deal", "%(count)s deals", deals) % {"count": deals}
        missing = set() if may else {self.opts.verbose_name}
        return [str(record) for record in records], counts, missing, [in_the_way] if deals else []

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Ask whether it is to be deleted, and do it; a deal that came in meanwhile is in its way, too."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except IntegrityError:
            return super().delete_view(copy_as_get(request), object_id, extra_context)


def copy_as_get(request: HttpRequest) -> HttpRequest:
    """Return a request that asks for the page that it was sent from."""
    asked = copy.copy(request)
    asked.method, asked.POST = "GET", QueryDict()
    return asked


class StageFormSet(forms.BaseInlineFormSet):
    """The stages of one pipeline: of its tenant, and no two of a name."""

    def _construct_form(self, i: int, **options: Any) -> Any:
        form = super()._construct_form(i, **options)
        # Before the form is judged: whether a name is taken depends on it.
        form.instance.tenant_id = self.instance.tenant_id
        return form

    def clean(self) -> None:
        """Refuse two stages of the same name, and to delete one in use: the database would refuse both as well."""
        deleted = [form for form in self.forms if form.cleaned_data.get(DELETION_FIELD_NAME)]
        # First: the admin itself would name every single deal.
        for form in deleted:
            self._refuse_in_use(form.instance)
        super().clean()
        seen: set[str] = set()
        for form in self.forms:
            if form in deleted or not (name := form.cleaned_data.get("name")):
                continue
            if fold(name) in seen:
                form.add_error("name", ValidationError(_("Another stage of this pipeline has this name.")))
            seen.add(fold(name))

    @staticmethod
    def _refuse_in_use(stage: Stage) -> None:
        if stage.pk and (deals := Deal.objects.filter(stage=stage).count()):
            text = ngettext(
                "The stage “%(stage)s” has %(count)s deal. Move it to another stage first.",
                "The stage “%(stage)s” has %(count)s deals. Move them to another stage first.",
                deals,
            )
            raise ValidationError(text, params={"stage": stage.name, "count": deals})


class StageForm(forms.ModelForm):
    """A stage among others: its fields stand in a table, and are named for those who do not see its head."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = field.label
        if probability := self.fields.get("probability"):
            probability.help_text = OUTCOMES


class StageInline(TabularInline):
    """The stages on their pipeline's page, in their order."""

    model = Stage
    form = StageForm
    formset = StageFormSet
    fields = ("name", "probability", "position")
    ordering = ("position", "id")
    extra = 0
    tab = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees the pipeline sees its stages."""
        return access_of(request).can_view

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may change the pipeline may change its stages."""
        return access_of(request).can_manage

    has_change_permission = has_delete_permission = has_add_permission


class PipelineForm(TenantForm):
    """A pipeline; one of the tenant's is always the default."""

    def clean_is_default(self) -> bool:
        """Refuse to take the default away: another pipeline is to be made the default instead."""
        is_default = self.cleaned_data["is_default"]
        if self.instance.pk and self.initial.get("is_default") and not is_default:
            raise ValidationError(_("One pipeline must be the default. Make another one the default instead."))
        return is_default

    def _get_validation_exclusions(self) -> set[str]:
        # That there is one default is kept by save_model: the one until now makes way.
        return super()._get_validation_exclusions() | {"is_default"}


@admin.register(Pipeline)
class PipelineAdmin(InUseAdmin):
    """Pipelines with their stages."""

    deals_by = "pipeline"
    needs_to_change = "can_manage"
    form = PipelineForm
    list_display = ("name", "is_default")
    search_fields = ("name",)
    ordering = ("-is_default", "name")
    inlines = (StageInline,)

    def save_model(self, request: HttpRequest, obj: Pipeline, form: Any, change: bool) -> None:
        """Save; a new default takes the place of the old one."""
        with transaction.atomic():
            if obj.is_default:
                Pipeline.objects.filter(tenant=obj.tenant_id, is_default=True).exclude(pk=obj.pk).update(
                    is_default=False
                )
            super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The default pipeline stays: deals that name none go there."""
        is_default = isinstance(obj, Pipeline) and obj.is_default
        return super().has_delete_permission(request, obj) and not is_default

    def get_actions(self, request: HttpRequest) -> Any:
        """Offer no deletion of many at once, which would not ask each of them."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


@admin.register(Stage)
class StageAdmin(InUseAdmin):
    """Stages of all pipelines. A stage stays in its pipeline, as its deals do."""

    deals_by = "stage"
    needs_to_change = "can_manage"
    list_display = ("name", "pipeline", "chance", "position")
    list_select_related = ("pipeline",)
    search_fields = ("name",)
    ordering = ("pipeline", "position", "id")
    fields = ("pipeline", "name", "probability", "position")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Say what a probability means."""
        field = super().formfield_for_dbfield(db_field, request, **options)
        if db_field.name == "probability":
            field.help_text = OUTCOMES
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what is only shown."""
        return ("pipeline",) if obj else ()

    @display(description=gettext_lazy("Probability"))
    def chance(self, stage: Stage) -> str:
        """Return the probability in per cent."""
        return f"{stage.probability} %"
