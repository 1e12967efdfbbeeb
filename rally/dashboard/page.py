"""The admin's index page: a tenant's dashboard with first steps, or a choice of tenants."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from crm.access import Access, access_of
from crm.admin import formatting
from crm.models import Activity, ApiKey, Company, Contact, Deal, Tenant
from crm.statistics import DealFigures, RecordCount, count_records, deal_figures
from importexport.admin.labels import ENTITIES
from importexport.admin.permissions import may_import
from importexport.resources import RESOURCES
from rally.dashboard.amounts import money, short, whole
from rally.dashboard.deals import open_pipelines, other_currencies, shown_currency, won_by_month
from rally.dashboard.imports import failures, import_chart

#: The maximum number of tenants to list.
TENANTS = 50
#: Cards abbreviate amounts from this value on to millions or billions.
LONG_AMOUNT = 1_000_000_000


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the dashboard to the context of the admin's index page (Unfold's DASHBOARD_CALLBACK)."""
    access = access_of(request)
    page = _of_tenant(access, request) if access.tenant else _of_all()
    return context | {"title": _("Dashboard")} | page


# --- parts of the page ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Card:
    """A key figure."""

    title: str
    value: str
    link: str
    before: str = ""
    note: str = ""
    whole: str = ""


@dataclass(frozen=True)
class Step:
    """A first step for new users."""

    title: str
    text: str
    link: str
    button: str
    is_done: bool


def _of_tenant(access: Access, request: HttpRequest) -> dict[str, Any]:
    tenant = access.tenant
    assert tenant
    figures = deal_figures(tenant)
    counts = {model: count_records(model._default_manager.filter(tenant=tenant)) for model in (Contact, Company)}
    currency = shown_currency(figures, tenant, request.GET.get("currency", ""))
    has_deals = bool(figures.currencies()) or Deal.objects.filter(tenant=tenant).exists()
    is_begun = bool(counts[Contact].number and has_deals)
    return {
        "tenant": tenant,
        "access": access,
        "as_of": formatting.clock(figures.as_of, tenant.zone),
        "cards": [*_record_cards(counts), *_deal_cards(figures, currency)],
        "is_begun": is_begun,
        "steps": [] if is_begun else _steps(access, tenant, bool(counts[Company].number), counts, has_deals),
        "currency": currency,
        "other_currencies": other_currencies(figures, currency),
        "pipelines": open_pipelines(figures, currency),
        "won": won_by_month(figures, currency),
        "imports": import_chart(tenant),
        "failures": failures(tenant),
        "import_links": {entity: _import_link(entity) for entity in ENTITIES} if may_import(access) else {},
    }


def _of_all() -> dict[str, Any]:
    tenants = list(Tenant.objects.order_by("name", "pk")[: TENANTS + 1])
    number = Tenant.objects.count() if len(tenants) > TENANTS else len(tenants)
    cards = [Card(_("Accounts"), whole(number), _list_link(Tenant))]
    cards += _record_cards({model: count_records(model._default_manager.all()) for model in (Contact, Company, Deal)})
    return {"cards": cards, "tenants": tenants[:TENANTS], "tenants_left": max(number - TENANTS, 0)}


def _record_cards(counts: dict[Any, RecordCount]) -> list[Card]:
    cards = []
    for model, count in counts.items():
        before = "" if count.is_exact else _("more than") if count.is_floor else pgettext("about so many", "about")
        title = str(ENTITIES[str(model._meta.verbose_name_plural)])
        cards.append(Card(title, whole(count.rounded), _list_link(model), before))
    return cards


def _deal_cards(figures: DealFigures, currency: str) -> list[Card]:
    lines = [line for line in figures.open if line.currency == currency]
    value = sum((line.value for line in lines), Decimal(0))
    is_part = any(line.currency != currency for line in figures.open)
    note = _("only deals in %(currency)s") % {"currency": currency} if is_part else ""
    amount = short(value) if value >= LONG_AMOUNT else whole(value)
    return [
        Card(_("Open deals"), whole(figures.open_deals), _list_link(Deal)),
        Card(_("Open pipeline value"), amount, _list_link(Deal), currency, note, money(value, currency)),
    ]


def _steps(
    access: Access, tenant: Tenant, has_companies: bool, counts: dict[Any, RecordCount], has_deals: bool
) -> list[Step]:
    """Return the first steps, or none for users who cannot edit."""
    if not may_import(access):
        return []
    texts = {
        "companies": (has_companies, _("Start here: contacts and deals refer to companies.")),
        "contacts": (bool(counts[Contact].number), _("People with their email address and company.")),
        "deals": (has_deals, _("Deals with stage, value, contact and company.")),
        "activities": (
            Activity.objects.filter(tenant=tenant).exists(),
            _("Calls, meetings and tasks. Last, because they refer to all the others."),
        ),
    }
    titles = {
        "companies": _("Import your companies"),
        "contacts": _("Import your contacts"),
        "deals": _("Import your deals"),
        "activities": _("Import your activities"),
    }
    steps = [
        Step(titles[entity], text, _import_link(entity), _("Import"), is_done)
        for entity, (is_done, text) in texts.items()
    ]
    if access.can_manage:
        has_key = ApiKey.objects.filter(tenant=tenant).exists()
        text = _("Only needed if a program should import or export records.")
        steps.append(Step(_("Create an API key"), text, reverse("admin:crm_apikey_add"), _("Create"), has_key))
    return steps


def _list_link(model: Any) -> str:
    return _link(model, "changelist")


def _import_link(entity: str) -> str:
    return _link(RESOURCES[entity]._meta.model, "import")


def _link(model: Any, page: str) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}")
