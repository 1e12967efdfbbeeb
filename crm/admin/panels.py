"""Panels of related records below a record's form: a company's contacts, a contact's deals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.admin import site
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from crm.access import access_of
from crm.admin.base import shown

if TYPE_CHECKING:
    from unfold.admin import ModelAdmin
else:
    ModelAdmin = object

#: The maximum number of records in a panel.
ROWS = 10


@dataclass(frozen=True)
class Panel:
    """Related records: a model, its foreign key to this record, and the columns to show."""

    model: type[models.Model]
    field: str
    columns: Sequence[str]


@dataclass(frozen=True)
class ShownPanel:
    """The content of a panel, ready for the template."""

    #: The name of the model, by which an address leads to the panel.
    name: str
    title: str
    headers: list[str]
    #: For each record: its URL, its name and its other cells.
    rows: list[tuple[str, str, list[Any]]]
    #: The URL of the complete list, if the panel does not show all records.
    more: str


class PanelsMixin(ModelAdmin):
    """Adds panels to a record's page."""

    panels: ClassVar[Sequence[Panel]] = ()
    change_form_outer_after_template: ClassVar[str] = "crm/admin/panels.html"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Add the panels to the context. They are queried only if the template shows them."""
        panels = lambda: self._shown_panels(request, object_id)  # noqa: E731 - called by the template
        return super().change_view(request, object_id, form_url, {"panels": panels} | (extra_context or {}))

    def _shown_panels(self, request: HttpRequest, object_id: str) -> list[ShownPanel]:
        record: Any = self.get_object(request, object_id)
        if record is None or not access_of(request).can_view:
            return []
        return [show(panel, record) for panel in self.panels]


def show(panel: Panel, record: Any) -> ShownPanel:
    """Return the content of a panel: a record's latest related records and a link to the others."""
    meta = panel.model._meta
    address = f"{site.name}:{meta.app_label}_{meta.model_name}"
    references = [name for name in panel.columns if meta.get_field(name).is_relation]
    found = panel.model._default_manager.filter(**{panel.field: record.pk}, tenant=record.tenant_id)
    records: list[Any] = list(found.select_related(*references).order_by("-id")[: ROWS + 1])
    more = f"{reverse(f'{address}_changelist')}?{panel.field}__id__exact={record.pk}" if len(records) > ROWS else ""
    return ShownPanel(
        name=str(meta.model_name),
        title=str(meta.verbose_name_plural).capitalize(),
        headers=[str(meta.verbose_name).capitalize(), *(header(meta.get_field(name)) for name in panel.columns)],
        rows=[
            (reverse(f"{address}_change", args=[row.pk]), str(row), [shown(row, name) for name in panel.columns])
            for row in records[:ROWS]
        ],
        more=more,
    )


def header(field: Any) -> str:
    """Return a field's name as a column heading."""
    name = str(field.verbose_name)
    return name[:1].upper() + name[1:]
