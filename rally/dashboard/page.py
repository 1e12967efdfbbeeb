"""The admin's index page: a tenant's dashboard with first steps, or a choice of tenants."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from crm.access import Access, access_of
from crm.models import Activity, ApiKey, Company, Contact, Deal, Tenant
from crm.statistics import DealFigures, DealSum, RecordCount, count_records, deal_figures
from importexport.admin.permissions import may_import
from importexport.history.stats import ImportDay, imports_by_day, latest_failures, total
from importexport.models import ImportRun
from rally.dashboard.charts import Column, bar, columns

#: The maximum number of failures and tenants to list.
FAILURES, TENANTS = 4, 50
#: Chart heights in pixels.
WON_HEIGHT, FILES_HEIGHT, SHARE_HEIGHT = 150, 64, 48
#: Cards abbreviate amounts from this value on to millions or billions.
LONG_AMOUNT = 1_000_000_000
ENTITIES = {
    "companies": gettext_lazy("Companies"),
    "contacts": gettext_lazy("Contacts"),
    "deals": gettext_lazy("Deals"),
    "activities": gettext_lazy("Activities"),
}


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


@dataclass(frozen=True)
class Line:
    """A bar of a chart and its row in the table: label, count, value, and length."""

    title: str
    value: str
    deals: str
    width: str = ""


@dataclass(frozen=True)
class Month:
    """A month of deals won: a column of the chart and its row in the table."""

    line: Line
    column: Column
    label: str
    year: str
    amount: str


@dataclass(frozen=True)
class Day:
    """A day of imports: two columns of the chart and their numbers."""

    title: str
    figures: ImportDay
    files: Column
    share: Column
    share_text: str
    numbers: list[str]
    label: str


def _of_tenant(access: Access, request: HttpRequest) -> dict[str, Any]:
    tenant = access.tenant
    assert tenant
    figures = deal_figures(tenant)
    counts = {model: count_records(model._default_manager.filter(tenant=tenant)) for model in (Contact, Company)}
    currency = _currency(figures, tenant, request.GET.get("currency", ""))
    has_deals = bool(figures.currencies()) or Deal.objects.filter(tenant=tenant).exists()
    is_begun = bool(counts[Contact].number and has_deals)
    return {
        "tenant": tenant,
        "access": access,
        "as_of": date_format(figures.as_of.astimezone(tenant.zone), "TIME_FORMAT"),
        "cards": [*_record_cards(counts), *_deal_cards(figures, currency)],
        "is_begun": is_begun,
        "steps": [] if is_begun else _steps(access, tenant, bool(counts[Company].number), counts, has_deals),
        "currency": currency,
        "other_currencies": _other_currencies(figures, currency),
        "pipelines": _pipelines(figures, currency),
        "won": _won(figures, currency),
        "imports": _imports(tenant),
        "failures": _failures(tenant),
        "import_links": {entity: _import_link(entity) for entity in ENTITIES} if may_import(access) else {},
    }


def _of_all() -> dict[str, Any]:
    tenants = list(Tenant.objects.order_by("name", "pk")[: TENANTS + 1])
    number = Tenant.objects.count() if len(tenants) > TENANTS else len(tenants)
    cards = [Card(_("Tenants"), whole(number), _list_link(Tenant))]
    cards += _record_cards({model: count_records(model._default_manager.all()) for model in (Contact, Company, Deal)})
    return {"cards": cards, "tenants": tenants[:TENANTS], "tenants_left": max(number - TENANTS, 0)}


def _record_cards(counts: dict[Any, RecordCount]) -> list[Card]:
    cards = []
    for model, count in counts.items():
        before = "" if count.is_exact else pgettext("about so many", "about")
        title = str(ENTITIES[str(model._meta.verbose_name_plural)])
        cards.append(Card(title, whole(_rounded(count)), _list_link(model), before))
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
        "contacts": (bool(counts[Contact].number), _("People with their e-mail address and company.")),
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


def _pipelines(figures: DealFigures, currency: str) -> list[tuple[str, list[Line]]]:
    """Return the open stages with their deals by pipeline: the default pipeline, and those with open deals."""
    sums = _by(figures.open, currency, "stage")
    largest = max((value for value, _deals in sums.values()), default=Decimal(0))
    pipelines: list[tuple[str, list[Line]]] = []
    for name, group in groupby(figures.open_stages, key=lambda stage: stage.pipeline):
        stages = list(group)
        if pipelines and not any(stage.id in sums for stage in stages):
            continue
        lines = []
        for stage in stages:
            value, deals = sums.get(stage.id, (Decimal(0), 0))
            lines.append(Line(stage.name, money(value, currency), _deals(deals), bar(value, largest)))
        pipelines.append((name, lines))
    return pipelines if sums else []


def _won(figures: DealFigures, currency: str) -> dict[str, Any]:
    sums = _by(figures.won, currency, "month")
    _value, undated = sums.pop(None, (Decimal(0), 0))
    values = [sums.get(month, (Decimal(0), 0)) for month in figures.months]
    places = columns([float(value) for value, _deals in values], height=WON_HEIGHT) if sums else []
    months = [
        Month(
            Line(date_format(month, "F Y"), money(value, currency), _deals(deals)),
            place,
            date_format(month, "M"),
            str(month.year) if month.month == 1 or month == figures.months[0] else "",
            short(value) if value else "",
        )
        for month, (value, deals), place in zip(figures.months, values, places, strict=bool(places))
    ]
    value, deals = sum((value for value, _deals in values), Decimal(0)), sum(deals for _value, deals in values)
    return {
        "months": months,
        "height": WON_HEIGHT,
        "value": money(value, currency),
        "deals": _deals(deals),
        "undated": _deals(undated) if undated else "",
    }


def _imports(tenant: Tenant) -> dict[str, Any]:
    days = imports_by_day(tenant)
    files = columns([day.files for day in days], height=FILES_HEIGHT, largest=1)
    shares = columns([day.skipped_share or 0 for day in days], height=SHARE_HEIGHT, largest=1)
    everything = total(days)
    return {
        "days": [
            Day(
                title=date_format(day.day, "MONTH_DAY_FORMAT"),
                figures=day,
                files=files[position],
                share=shares[position],
                share_text=_share(day),
                numbers=[whole(number) for number in (day.files, day.imported, day.skipped)],
                # One label per week, the last one below today.
                label=date_format(day.day, "j M") if (len(days) - 1 - position) % 7 == 0 else "",
            )
            for position, day in enumerate(days)
        ],
        "files_height": FILES_HEIGHT,
        "share_height": SHARE_HEIGHT,
        "most": whole(max(day.files for day in days)),
        "total": everything,
        "figures": [
            (_("Files"), whole(everything.files)),
            (_("Failed"), whole(everything.failed)),
            (_("Rows imported"), whole(everything.imported)),
            (_("Rows rejected"), f"{whole(everything.skipped)} ({_share(everything)})"),
        ],
    }


def _failures(tenant: Tenant) -> list[dict[str, Any]]:
    return [
        {
            "file_name": run.file_name,
            "entity": ENTITIES.get(run.entity, run.entity),
            "link": reverse("admin:importexport_importrun_change", args=[run.pk]),
            "when": date_format(run.created_at.astimezone(tenant.zone), "SHORT_DATETIME_FORMAT"),
            "actor": run.actor,
            "is_failed": run.status == ImportRun.Status.FAILED,
            "what": _what_failed(run),
        }
        for run in latest_failures(tenant, FAILURES)
    ]


def _what_failed(run: ImportRun) -> str:
    if run.status == ImportRun.Status.FAILED:
        return run.error
    counts = {"rejected": whole(run.skipped), "rows": whole(run.total_rows)}
    return _("%(rejected)s of %(rows)s rows rejected") % counts


# --- currencies ----------------------------------------------------------------------------------------------


def _currency(figures: DealFigures, tenant: Tenant, asked: str) -> str:
    """Return the currency to show: the requested one, or the tenant's. Currencies are never added up."""
    known = figures.currencies()
    if asked in known:
        return asked
    return tenant.currency if tenant.currency in known or not known else next(iter(known))


def _other_currencies(figures: DealFigures, currency: str) -> list[tuple[str, str]]:
    return [(code, _deals(deals)) for code, deals in figures.currencies().items() if code != currency]


def _by(lines: list[DealSum], currency: str, field: str) -> dict[Any, tuple[Decimal, int]]:
    """Sum up the value and number of the deals in a currency, by stage or by month."""
    sums: dict[Any, tuple[Decimal, int]] = {}
    for line in lines:
        if line.currency == currency:
            value, deals = sums.get(getattr(line, field), (Decimal(0), 0))
            sums[getattr(line, field)] = (value + line.value, deals + line.deals)
    return sums


# --- number formatting ----------------------------------------------------------------------------------------


def whole(number: Decimal | int) -> str:
    """Return an integer with thousands separators."""
    return number_format(round(number), decimal_pos=0, force_grouping=True)


def money(value: Decimal, currency: str) -> str:
    """Return an amount without decimals."""
    return f"{currency}\N{NO-BREAK SPACE}{whole(value)}"


def short(value: Decimal) -> str:
    """Return an abbreviated amount: 950, 1.2K, 35M."""
    for limit, unit in (
        (10**12, pgettext("trillions", "T")),
        (10**9, pgettext("billions", "B")),
        (10**6, pgettext("millions", "M")),
        (10**3, pgettext("thousands", "K")),
    ):
        if value >= limit * Decimal("0.9995"):
            places = 1 if value < limit * 10 else 0
            # Round first: number_format truncates.
            return number_format(round(value / limit, places), decimal_pos=places, force_grouping=True) + unit
    return whole(value)


def _rounded(count: RecordCount) -> int:
    """Return a number; an estimate is rounded to three significant digits."""
    if count.is_exact:
        return count.number
    return round(count.number, 3 - len(str(count.number)))


def _share(day: ImportDay) -> str:
    if day.skipped_share is None:
        return "–"
    share = day.skipped_share * 100
    places = 1 if 0 < share < 10 else 0
    return _("%(number)s%%") % {"number": number_format(round(share, places), decimal_pos=places)}


def _deals(number: int) -> str:
    return ngettext("%(number)s deal", "%(number)s deals", number) % {"number": whole(number)}


# --- URLs ----------------------------------------------------------------------------------------------------


def _list_link(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def _import_link(entity: str) -> str:
    model = {"companies": Company, "contacts": Contact, "deals": Deal, "activities": Activity}[entity]
    return f"{_list_link(model)}import/"
