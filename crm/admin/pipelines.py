"""Admin pages for tenants, pipelines and stages."""

import copy
from collections.abc import Collection, Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.forms.formsets import DELETION_FIELD_NAME
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import TabularInline
from unfold.decorators import display

from crm.access import access_of
from crm.admin import formatting
from crm.admin.base import BoundedAdmin, TenantForm, TenantModelAdmin, TidyForm
from crm.matching import fold
from crm.models import Deal, Pipeline, Stage, Tenant
from crm.models.pipeline import defaults_left_empty
from crm.models.tenant import LOCALES

NEEDS_STAGE = gettext_lazy("The default pipeline needs at least one stage. Add another stage first.")
OUTCOMES = gettext_lazy("In percent. Deals in a stage of 100 are won, those in a stage of 0 are lost.")


@admin.register(Tenant)
class TenantAdmin(BoundedAdmin):
    """Tenants, for superusers. They cannot be deleted here, which would delete all their records."""

    list_display = ("name", "slug", "currency", "zone_name", "created")
    search_fields = ("slug", "name")
    ordering = ("name",)
    list_per_page = 50

    def has_module_permission(self, request: HttpRequest) -> bool:
        return access_of(request).is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access_of(request).is_superuser

    has_add_permission = has_change_permission = has_view_permission

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description=gettext_lazy("Time zone"), ordering="timezone")
    def zone_name(self, tenant: Tenant) -> str:
        return tenant.timezone

    @display(description=gettext_lazy("Created"), ordering="created_at")
    def created(self, tenant: Tenant) -> str:
        return formatting.exactly(tenant.created_at, tenant.zone)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Call the time zone what it is, and say what a slug is for."""
        field = super().formfield_for_dbfield(db_field, request, **options)
        if db_field.name == "timezone":
            field.label = _("Time zone")
            field.help_text = _("Such as Europe/Berlin. Times without a zone are read and shown in it.")
        elif db_field.name == "locale":
            field.label = _("Dates and numbers")
            field.help_text = _("How pages write them. Files are not affected.")
            field.choices = [(locale, f"{name}: {formatting.example(locale)}") for locale, name in LOCALES.items()]
        elif db_field.name == "slug":
            field.help_text = _("The short name in addresses: acme in acme.rallycrm.io.")
        return field


class InUseAdmin(TenantModelAdmin):
    """Admin of pipelines and stages, which can be deleted only while no deal uses them."""

    #: The deal's foreign key to this model.
    deals_by: ClassVar[str]

    def get_deleted_objects(
        self, objs: Iterable[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        """Report how many deals prevent the deletion. They are counted, not listed: there may be many."""
        records = list(objs)
        counts = {self.opts.verbose_name_plural: len(records)}
        may = all(self.has_delete_permission(request, record) for record in records)
        deals = Deal.objects.filter(**{f"{self.deals_by}__in": records}).count()
        in_the_way = ngettext("%(count)s deal", "%(count)s deals", deals) % {"count": deals}
        missing = set() if may else {self.opts.verbose_name}
        return [str(record) for record in records], counts, missing, [in_the_way] if deals else []

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Confirm and delete; report a deal added in the meantime like one that was there before."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except IntegrityError:
            return super().delete_view(copy_as_get(request), object_id, extra_context)


def copy_as_get(request: HttpRequest) -> HttpRequest:
    """Return the same request as a GET."""
    asked = copy.copy(request)
    asked.method, asked.POST = "GET", QueryDict()
    return asked


class StageFormSet(forms.BaseInlineFormSet):
    """The stages of a pipeline: they get its tenant, and their names must be distinct."""

    def _construct_form(self, i: int, **options: Any) -> Any:
        form = super()._construct_form(i, **options)
        # Set before validation, because uniqueness depends on it.
        form.instance.tenant_id = self.instance.tenant_id
        return form

    def clean(self) -> None:
        """Reject duplicate names, and the deletion of a stage in use and of the default pipeline's last one. The
        database would reject the first two as well."""
        deleted = [form for form in self.forms if form.cleaned_data.get(DELETION_FIELD_NAME)]
        # Checked first, because the admin would otherwise list every single deal.
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
        if self.instance.is_default and not self._keeps_one(deleted):
            raise ValidationError(NEEDS_STAGE)

    def _keeps_one(self, deleted: Collection[Any]) -> bool:
        """Whether the pipeline has a stage that is new or not deleted, perhaps one that this form does not know yet."""
        if any(form not in deleted and form.cleaned_data.get("name") for form in self.extra_forms):
            return True
        # Until the transaction ends, nobody else deletes the others.
        Pipeline.objects.select_for_update(no_key=True).filter(pk=self.instance.pk).first()
        ids = [form.instance.pk for form in deleted if form.instance.pk]
        return Stage.objects.filter(pipeline=self.instance.pk).exclude(pk__in=ids).exists()

    @staticmethod
    def _refuse_in_use(stage: Stage) -> None:
        if stage.pk and (deals := Deal.objects.filter(stage=stage).count()):
            text = ngettext(
                "The stage “%(stage)s” has %(count)s deal. Move it to another stage first.",
                "The stage “%(stage)s” has %(count)s deals. Move them to another stage first.",
                deals,
            )
            raise ValidationError(text, params={"stage": stage.name, "count": deals})


class StageForm(TidyForm):
    """Form for a stage in a table, with labels for users who cannot see the column headings."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = field.label
        if probability := self.fields.get("probability"):
            probability.help_text = OUTCOMES


class StageInline(TabularInline):
    """The stages of a pipeline in order, on the pipeline's page."""

    model = Stage
    form = StageForm
    formset = StageFormSet
    fields = ("name", "probability", "position")
    ordering = ("position", "id")
    extra = 0
    tab = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access_of(request).can_view

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access_of(request).can_manage

    has_change_permission = has_delete_permission = has_add_permission


class PipelineForm(TenantForm):
    """Form for a pipeline, which ensures that the tenant keeps a default pipeline."""

    def clean_is_default(self) -> bool:
        """Reject clearing the flag: another pipeline has to be made the default instead."""
        is_default = self.cleaned_data["is_default"]
        if self.instance.pk and self.initial.get("is_default") and not is_default:
            raise ValidationError(_("One pipeline must be the default. Make another one the default instead."))
        return is_default

    def _get_validation_exclusions(self) -> set[str]:
        # save_model replaces the previous default, so its unique constraint need not be validated.
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
        """Save; a new default replaces the previous one."""
        with transaction.atomic():
            if obj.is_default:
                Pipeline.objects.filter(tenant=obj.tenant_id, is_default=True).exclude(pk=obj.pk).update(
                    is_default=False
                )
            super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The default pipeline cannot be deleted: deals without a pipeline are assigned to it."""
        is_default = isinstance(obj, Pipeline) and obj.is_default
        return super().has_delete_permission(request, obj) and not is_default

    def get_actions(self, request: HttpRequest) -> Any:
        """Remove the bulk deletion, which would not check each pipeline."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


class LastStage(Exception):
    """The default pipeline would be left without a stage."""


@admin.register(Stage)
class StageAdmin(InUseAdmin):
    """Stages of all pipelines. A stage cannot move to another pipeline, because its deals cannot either."""

    deals_by = "stage"
    needs_to_change = "can_manage"
    list_display = ("name", "pipeline", "chance", "position")
    list_select_related = ("pipeline",)
    search_fields = ("name",)
    ordering = ("pipeline", "position", "id")
    fields = ("pipeline", "name", "probability", "position")

    def get_deleted_objects(
        self, objs: Iterable[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        """Report deals in the way; raise LastStage if the default pipeline would be left without a stage."""
        stages = list(objs)
        if defaults_left_empty(stage.pk for stage in stages):
            raise LastStage
        return super().get_deleted_objects(stages, request)

    def delete_model(self, request: HttpRequest, obj: Stage) -> None:
        """Delete a stage; raise LastStage if the others have been deleted in the meantime."""
        self.delete_queryset(request, Stage.objects.filter(pk=obj.pk))

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        """Delete stages; raise LastStage if the others have been deleted in the meantime."""
        if defaults_left_empty(queryset.values_list("pk", flat=True), lock=True):
            raise LastStage
        super().delete_queryset(request, queryset)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Confirm and delete, unless it is the default pipeline's last stage."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except LastStage:
            messages.error(request, NEEDS_STAGE)
            return redirect("admin:crm_stage_change", object_id)

    def response_action(self, request: HttpRequest, queryset: models.QuerySet) -> HttpResponse | None:
        """Run an action, unless it would delete the default pipeline's last stage."""
        try:
            return super().response_action(request, queryset)
        except LastStage:
            messages.error(request, NEEDS_STAGE)
            return redirect("admin:crm_stage_changelist")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **options)
        if db_field.name == "probability":
            field.help_text = OUTCOMES
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("pipeline",) if obj else ()

    @display(description=gettext_lazy("Probability"))
    def chance(self, stage: Stage) -> str:
        return f"{stage.probability} %"
