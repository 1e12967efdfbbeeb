"""Admin pages for saved matchings: the list, what each says, and deleting one. They are made on the Match page."""

from typing import Any, NamedTuple

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from crm.admin import formatting
from crm.admin.base import TenantModelAdmin
from importexport.admin import labels
from importexport.admin.matching.first_look import UNKNOWN
from importexport.admin.matching.questions import ANSWERS
from importexport.admin.presenters import shown
from importexport.models import SavedMapping
from importexport.sources.presets import label
from importexport.sources.reading import OURS

#: The most headers and values of a matching that are listed.
LISTED = 300


class Said(NamedTuple):
    """A header or value of files, and what it is imported as."""

    theirs: str
    ours: str


@admin.register(SavedMapping)
class SavedMappingAdmin(TenantModelAdmin):
    """The matchings that an account has saved. Whoever may import may delete them."""

    list_display = ("name", "records", "saved", "used")
    search_fields = ("name",)
    ordering = ("entity", "name")
    fields = readonly_fields = ("name", "records", "program", "columns", "values", "formats", "saved", "used")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description=gettext_lazy("Records"), ordering="entity")
    def records(self, mapping: SavedMapping) -> Any:
        return labels.ENTITIES.get(mapping.entity, mapping.entity)

    @display(description=gettext_lazy("Saved"), ordering="saved_at")
    def saved(self, mapping: SavedMapping) -> str:
        return formatting.exactly(mapping.saved_at, mapping.tenant.zone)

    @display(description=gettext_lazy("Last used"), ordering="used_at")
    def used(self, mapping: SavedMapping) -> str:
        return formatting.exactly(mapping.used_at, mapping.tenant.zone) if mapping.used_at else _("Not yet")

    @display(description=gettext_lazy("Program"))
    def program(self, mapping: SavedMapping) -> str:
        source = mapping.body.get("source", OURS)
        if source == UNKNOWN:
            return _("Recognised by the columns")
        return formatting.EMPTY if source == OURS else label(source)

    @display(description=gettext_lazy("Columns"))
    def columns(self, mapping: SavedMapping) -> SafeString:
        """Return which header is imported as what, as far as that is not left to the names; the others are counted."""
        said = mapping.body.get("mapping") or {}
        imported = [Said(header, labels.column(column)) for header, column in said.items() if column]
        others = len(said) - len(imported)
        text = ngettext("One column is not imported.", "%(count)s columns are not imported.", others)
        return format_html("{} {}", listed(imported), text % {"count": labels.grouped(others)} if others else "")

    @display(description=gettext_lazy("Values"))
    def values(self, mapping: SavedMapping) -> SafeString:
        """Return what values mean."""
        said = mapping.body.get("values") or {}
        return listed(
            [
                Said(f"{labels.column(column)}: {theirs}", ours or "")
                for column, meanings in said.items()
                for theirs, ours in meanings.items()
            ]
        )

    @display(description=gettext_lazy("Formats"))
    def formats(self, mapping: SavedMapping) -> str:
        """Return how dates, numbers and letters are written, and the sheet."""
        said = [str(title) for name in ANSWERS if (title := ANSWERS[name].get(mapping.body.get(name, "")))]
        sheet = mapping.body.get("sheet")
        if sheet:
            said.append(_("sheet “%(name)s”") % {"name": shown(sheet)})
        return ", ".join(said) or formatting.EMPTY


def listed(said: list[Said]) -> SafeString:
    """Return a list of what is imported as what."""
    if not said:
        return format_html("{}", formatting.EMPTY)
    lines = format_html_join(
        "",
        "<li><bdi>{}</bdi> → {}</li>",
        ((shown(one.theirs), shown(one.ours) if one.ours else _("not imported")) for one in said[:LISTED]),
    )
    more = len(said) - LISTED
    return format_html("<ul>{}{}</ul>", lines, format_html("<li>{}</li>", _("and others")) if more > 0 else "")
