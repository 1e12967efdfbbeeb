"""The choices of an export: all records or the filtered list, the format and the columns."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR, IncorrectLookupParameters, ModelAdmin
from django.contrib.admin.views.main import ALL_VAR, ERROR_FLAG, PAGE_VAR
from django.core.exceptions import SuspiciousOperation
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.models import Tenant
from importexport.admin import labels
from importexport.engine.export.streams import CONTENT_TYPES, FileFormat
from importexport.models import ExportColumns
from importexport.resources import RESOURCES

#: Query parameter of an export that holds the query string of the list.
LIST = "list"
#: Query parameters of a list that do not filter it.
_BESIDES = (ALL_VAR, ERROR_FLAG, IS_POPUP_VAR, PAGE_VAR, TO_FIELD_VAR)


def filtered_list(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant) -> QuerySet | None:
    """Return the records of the list whose query string the request contains, or None if it has no filter."""
    query = QueryDict(request.GET.get(LIST, ""), mutable=True)
    for name in _BESIDES:
        query.pop(name, None)
    if not query:
        return None
    asked = copy.copy(request)
    asked.GET = query  # type: ignore[assignment]
    try:
        found = model_admin.get_changelist_instance(asked)
    except (IncorrectLookupParameters, SuspiciousOperation):
        return None
    # A list of related records is filtered by its query string alone, not by one of the list's filters.
    if not (found.query or found.get_filters_params()):
        return None
    return found.queryset.filter(tenant=tenant).order_by("id")


class Offer(NamedTuple):
    """A file that the form offers: its name and description, its format, and whether it has a byte-order mark."""

    label: Any
    hint: Any
    file_format: FileFormat
    bom: bool = False


#: What the form offers, the default first, by the value of its field ``format``.
OFFERS: dict[str, Offer] = {
    "csv": Offer("CSV", gettext_lazy("For any program, and for importing again."), "csv"),
    "csv-excel": Offer(
        gettext_lazy("CSV for Excel"),
        gettext_lazy("The same file, marked so that Excel shows accents and other scripts correctly."),
        "csv",
        bom=True,
    ),
    "xlsx": Offer(gettext_lazy("Excel (XLSX)"), gettext_lazy("A workbook with real numbers and dates."), "xlsx"),
}


@dataclass
class ExportChoice:
    """The choices made in the form; ``error`` is the reason why they are invalid, or ""."""

    format: str
    is_filtered: bool
    columns: list[str]
    error: str

    @property
    def offer(self) -> Offer:
        """The file that was chosen."""
        return OFFERS[self.format]

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.offer.file_format]


def read_choice(query: QueryDict, entity: str) -> ExportChoice:
    """Return the choices submitted with the form."""
    known = RESOURCES[entity].column_names()
    asked = set(query.getlist("columns"))
    columns = [name for name in known if name in asked]
    chosen = query.get("format", "csv")
    error = ""
    if chosen not in OFFERS:
        chosen, error = "csv", _("Choose a file format.")
    if not columns:
        error = _("Choose at least one column.")
    return ExportChoice(chosen, query.get("rows") == "list", columns, error)


def first_choice(entity: str, *, is_filtered: bool, remembered: Sequence[str] = ()) -> ExportChoice:
    """Return the initial choices: the filtered list, if there is one, and the columns that were chosen last, or all."""
    known = RESOURCES[entity].column_names()
    return ExportChoice("csv", is_filtered, [name for name in known if name in remembered] or known, "")


def offered_columns(entity: str) -> list[tuple[str, str]]:
    """Return the columns that the form offers, with their names in plain words."""
    return [(name, labels.column(name)) for name in RESOURCES[entity].column_names()]


# --- what a person has chosen before ------------------------------------------------------------------------------


def remembered_columns(*, tenant: Tenant, user: Any, entity: str) -> list[str]:
    """Return the columns that a user has chosen last, or none for all."""
    found = ExportColumns.objects.filter(tenant=tenant, user=user, entity=entity)
    return found.values_list("columns", flat=True).first() or []


def remember_columns(columns: list[str], *, tenant: Tenant, user: Any, entity: str) -> None:
    """Remember the columns that a user has chosen. All of them are what the form begins with anyway."""
    mine = {"tenant": tenant, "user": user, "entity": entity}
    if columns == RESOURCES[entity].column_names():
        ExportColumns.objects.filter(**mine).delete()
    elif columns != remembered_columns(**mine):
        ExportColumns.objects.update_or_create(**mine, defaults={"columns": columns})


def file_name(entity: str, file_format: str, tenant: Tenant) -> str:
    """Return the name of a file, with the account and the day there: ``contacts-acme-2026-11-27.csv``."""
    return f"{entity}-{tenant.slug}-{timezone.localdate(timezone=tenant.zone)}.{file_format}"
