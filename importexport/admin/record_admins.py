"""Admin pages for contacts, companies, deals and activities, with Import and Export buttons."""

from itertools import groupby
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from crm.access import access_of
from crm.admin import formatting
from crm.admin.base import TenantForm
from crm.admin.filters import AddedFilter, ChosenFilter, CloseDateFilter, CompanyFilter, text_filter
from crm.admin.lists import Searched, lowered
from crm.admin.panels import Panel
from crm.admin.shortcuts import PrefilledMixin, ShortcutsMixin
from crm.currencies import CURRENCIES
from crm.models import Activity, Company, Contact, Deal, Stage
from importexport.admin.base import EntityAdmin, RunFilter, choice_filters, record_link, web_link
from importexport.admin.run_filters import ImporterFilter

ADDRESS = (gettext_lazy("Address"), {"fields": ("address", ("postal_code", "city"), ("state", "country"))})
EXTERNAL = (
    gettext_lazy("In another program"),
    {"fields": (("external_source", "external_id"),), "classes": ("collapse",)},
)
DATES = (gettext_lazy("Dates"), {"fields": (("created_at", "updated_at"), "imports")})
COUNTRY = text_filter("country", gettext_lazy("country"))
CITY = text_filter("city", gettext_lazy("city"))
TAGS = text_filter("tags", gettext_lazy("tag"))
STAGE_LABELS = {"lead": "info", "qualified": "info", "opportunity": "warning", "customer": "success"}
STATUS_LABELS = {"pending": "warning", "completed": "success", "cancelled": "danger"}
PRIORITY_LABELS = {"high": "warning", "urgent": "danger"}


class TaggedForm(TenantForm):
    """Form for a record with tags."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "tags" in self.fields:
            self.fields["tags"].help_text = gettext_lazy("Separated by commas, such as vip, newsletter.")


@admin.register(Contact)
class ContactAdmin(ShortcutsMixin, EntityAdmin):
    """Admin of contacts."""

    entity = "contacts"
    nothing_yet = gettext_lazy(
        "Contacts are the people you deal with. Import them from a file, such as an export of the program you have used"
        " so far, or add the first one by hand."
    )
    form = TaggedForm
    searched = Searched(["first_name", "last_name"], ["phone", "mobile"], email="email_key", company="company")
    search_help_text = gettext_lazy("Name, email, company or phone")
    list_display = ("name", "email", "company_link", "phone", "stage", "added")
    sortable_by = ("name", "email", "added")
    list_select_related = ("company",)
    list_filter = (
        RunFilter,
        *choice_filters("contacts"),
        CompanyFilter,
        COUNTRY,
        CITY,
        TAGS,
        text_filter("lead_source", gettext_lazy("lead source")),
        AddedFilter,
        ImporterFilter,
    )
    autocomplete_fields = ("company",)
    fieldsets = (
        (None, {"fields": (("first_name", "last_name"), "email", ("phone", "mobile"))}),
        (gettext_lazy("Work"), {"fields": (("title", "department"), "company")}),
        (gettext_lazy("Sales"), {"fields": (("lifecycle_stage", "lead_source"), "tags", "notes")}),
        ADDRESS,
        EXTERNAL,
        DATES,
    )
    panels = (
        Panel(Deal, "contact", ("stage", "value", "currency", "expected_close_date")),
        Panel(Activity, "contact", ("activity_type", "status", "due_date")),
    )

    @display(description=gettext_lazy("Name"), ordering=lowered("last_name"))
    def name(self, contact: Contact) -> str:
        return str(contact)

    @display(description=gettext_lazy("Company"))
    def company_link(self, contact: Contact) -> str:
        return record_link(contact.company) if contact.company else formatting.EMPTY

    @display(description=gettext_lazy("Lifecycle stage"), label=STAGE_LABELS)
    def stage(self, contact: Contact) -> tuple[str, str]:
        return contact.lifecycle_stage, contact.get_lifecycle_stage_display()


@admin.register(Company)
class CompanyAdmin(ShortcutsMixin, EntityAdmin):
    """Admin of companies."""

    entity = "companies"
    nothing_yet = gettext_lazy(
        "Contacts, deals and activities can belong to a company. Import the companies from a file, or add the first one"
        " by hand."
    )
    form = TaggedForm
    searched = Searched(["name_key"], ["phone"], domain="domain_key")
    search_help_text = gettext_lazy("Name, domain or phone")
    list_display = ("name", "domain", "web", "industry", "city", "country", "added")
    sortable_by = ("name", "added")
    list_filter = (
        RunFilter,
        COUNTRY,
        CITY,
        text_filter("industry", gettext_lazy("industry")),
        TAGS,
        AddedFilter,
        ImporterFilter,
    )
    fieldsets = (
        (None, {"fields": ("name", ("domain", "website"), "phone")}),
        (gettext_lazy("Profile"), {"fields": ("industry", ("employee_count", "annual_revenue"), "description")}),
        (gettext_lazy("Notes"), {"fields": ("tags", "notes")}),
        ADDRESS,
        EXTERNAL,
        DATES,
    )
    panels = (
        Panel(Contact, "company", ("email", "title", "lifecycle_stage")),
        Panel(Deal, "company", ("stage", "value", "currency", "expected_close_date")),
        Panel(Activity, "company", ("activity_type", "status", "due_date")),
    )

    @display(description=gettext_lazy("Website"))
    def web(self, company: Company) -> str:
        return web_link(company.website) if company.website else formatting.EMPTY


class StageFilter(ChosenFilter):
    """Filters deals by stage. Not available to users who see all tenants."""

    title = gettext_lazy("stage")
    parameter_name = "stage"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the tenant's stages."""
        tenant = access_of(request).tenant
        stages = list(in_order(Stage.objects.filter(tenant=tenant))) if tenant else []
        is_one = len({stage.pipeline_id for stage in stages}) == 1
        return [(str(stage.pk), stage.name if is_one else f"{stage.pipeline}: {stage}") for stage in stages]


def in_order(stages: QuerySet[Stage]) -> QuerySet[Stage]:
    """Return stages with their pipelines, in the order of the form and the filter."""
    return stages.select_related("pipeline").order_by("-pipeline__is_default", "pipeline", "position", "id")


class DealForm(TenantForm):
    """Form for a deal, whose pipeline is that of its stage."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "stage" in self.fields:
            self._offer_stages(self.fields["stage"])
        if "probability" in self.fields:
            self.fields["probability"].required = False
            self.fields["probability"].help_text = gettext_lazy("In percent. Defaults to the probability of the stage.")

    @staticmethod
    def _offer_stages(field: Any) -> None:
        """Group the stages by pipeline."""
        groups = [
            (pipeline.name, [(stage.pk, stage.name) for stage in found])
            for pipeline, found in groupby(in_order(field.queryset), lambda stage: stage.pipeline)
        ]
        field.choices = [("", formatting.EMPTY), *groups]

    def clean(self) -> dict[str, Any]:
        """Set the pipeline and, if left empty, the probability from the stage."""
        cleaned = super().clean()
        if stage := cleaned.get("stage"):
            self.instance.pipeline = stage.pipeline
            if cleaned.get("probability") is None and "probability" not in self.errors:
                cleaned["probability"] = stage.probability
        return cleaned


def deal_fieldsets(value: str | tuple[str, ...], chance: str) -> Any:
    """Return the fieldsets of a deal, with the names of the fields for its value and probability."""
    return (
        (None, {"fields": ("name", value, ("stage", chance), "expected_close_date")}),
        (gettext_lazy("With"), {"fields": ("contact", "company")}),
        (gettext_lazy("Notes"), {"fields": ("notes",)}),
        EXTERNAL,
        DATES,
    )


@admin.register(Deal)
class DealAdmin(ShortcutsMixin, PrefilledMixin, EntityAdmin):
    """Admin of deals."""

    entity = "deals"
    nothing_yet = gettext_lazy(
        "A deal is something you hope to sell, with its value and stage. Import deals from a file, or add the first one"
        " by hand."
    )
    first_field = "name"
    form = DealForm
    searched = Searched(["name_key"], company="company")
    search_help_text = gettext_lazy("Name or company")
    list_display = ("name", "amount", "stage", "chance", "company_link", "expected_close_date", "added")
    sortable_by = ("name", "amount", "expected_close_date", "added")
    list_select_related = ("stage", "company")
    list_filter = (RunFilter, StageFilter, CloseDateFilter, CompanyFilter, AddedFilter)
    autocomplete_fields = ("contact", "company")
    fieldsets = deal_fieldsets(("value", "currency"), "probability")
    panels = (Panel(Activity, "deal", ("activity_type", "status", "due_date")),)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fieldsets. Whoever may not change the deal sees numbers as the list writes them."""
        if obj is None or self.has_change_permission(request, obj):
            return super().get_fieldsets(request, obj)
        return deal_fieldsets("amount", "chance")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "currency":
            choices = [(code, code) for code in sorted(CURRENCIES)]
            return forms.ChoiceField(label=gettext_lazy("Currency"), choices=choices, widget=UnfoldAdminSelectWidget())
        return super().formfield_for_dbfield(db_field, request, **options)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Preselect the tenant's currency."""
        tenant = access_of(request).tenant
        return {"currency": tenant.currency if tenant else ""} | super().get_changeform_initial_data(request)

    @display(description=gettext_lazy("Value"), ordering=F("value").asc(nulls_first=True))
    def amount(self, deal: Deal) -> str:
        return formatting.money(deal.value, deal.currency)

    @display(description=gettext_lazy("Probability"))
    def chance(self, deal: Deal) -> str:
        return formatting.per_cent(deal.probability)

    @display(description=gettext_lazy("Company"))
    def company_link(self, deal: Deal) -> str:
        return record_link(deal.company) if deal.company else formatting.EMPTY


@admin.register(Activity)
class ActivityAdmin(PrefilledMixin, EntityAdmin):
    """Admin of activities."""

    entity = "activities"
    nothing_yet = gettext_lazy(
        "Activities are calls, meetings, tasks, emails and notes. Add them here or on the page of a contact, company or"
        " deal, or import them from a file."
    )
    first_field = "subject"
    searched = Searched(["subject_key"])
    search_help_text = gettext_lazy("Subject")
    list_display = ("subject", "kind", "state", "urgency", "due_date", "about", "added")
    sortable_by = ("subject", "due_date", "added")
    list_select_related = ("contact", "company", "deal")
    list_filter = (RunFilter, *choice_filters("activities"), AddedFilter)
    autocomplete_fields = ("contact", "company", "deal")
    fieldsets = (
        (None, {"fields": ("subject", ("activity_type", "priority"), "status", "body")}),
        (gettext_lazy("When"), {"fields": ("due_date", "scheduled_at", "completed_at")}),
        (gettext_lazy("About"), {"fields": ("contact", "company", "deal")}),
        EXTERNAL,
        DATES,
    )

    @display(description=gettext_lazy("Type"))
    def kind(self, activity: Activity) -> str:
        return activity.get_activity_type_display()

    @display(description=gettext_lazy("Status"), label=STATUS_LABELS)
    def state(self, activity: Activity) -> tuple[str, str]:
        return activity.status, activity.get_status_display()

    @display(description=gettext_lazy("Priority"), label=PRIORITY_LABELS)
    def urgency(self, activity: Activity) -> tuple[str, str]:
        return activity.priority, activity.get_priority_display()

    @display(description=gettext_lazy("About"))
    def about(self, activity: Activity) -> str:
        """Return a link to the deal, contact or company it is about."""
        record = activity.deal or activity.contact or activity.company
        return record_link(record) if record else formatting.EMPTY
