"""The choices of an export: all records or the filtered list, the format and the columns."""

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR, IncorrectLookupParameters, ModelAdmin
from django.contrib.admin.views.main import ALL_VAR, ERROR_FLAG, PAGE_VAR
from django.core.exceptions import SuspiciousOperation
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from crm.models import Tenant
from importexport.engine.export import CONTENT_TYPES, FileFormat
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


@dataclass
class ExportChoice:
    """The choices made in the form; ``error`` is the reason why they are invalid, or ""."""

    format: FileFormat
    is_filtered: bool
    columns: list[str]
    error: str

    FORMATS: ClassVar[dict[FileFormat, str]] = {"csv": "CSV", "xlsx": "Excel (XLSX)"}

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.format]


def read_choice(query: QueryDict, entity: str) -> ExportChoice:
    """Return the choices submitted with the form."""
    known = RESOURCES[entity].column_names()
    asked = set(query.getlist("columns"))
    columns = [name for name in known if name in asked]
    file_format: Any = query.get("format", "csv")
    error = ""
    if file_format not in ExportChoice.FORMATS:
        file_format, error = "csv", _("Choose a file format.")
    if not columns:
        error = _("Choose at least one column.")
    return ExportChoice(file_format, query.get("rows") == "list", columns, error)


def first_choice(entity: str, *, is_filtered: bool) -> ExportChoice:
    """Return the initial choices: all columns and, if the list is filtered, the filtered list."""
    return ExportChoice("csv", is_filtered, RESOURCES[entity].column_names(), "")
