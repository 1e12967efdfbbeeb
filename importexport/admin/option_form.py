"""The options of an import as form fields: labels, choices and the chosen values."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy

from crm.characters import trim
from importexport.admin import labels
from importexport.engine.options import FREE_TEXTS, OF_UPDATES, Options, default_of, read_options, values_of
from importexport.engine.resource import EntityResource
from importexport.engine.spec import EXTERNAL_ID

TITLES = {
    "mode": gettext_lazy("What should the import do?"),
    "match_on": gettext_lazy("Match existing records by"),
    "blank": gettext_lazy("Values of existing records"),
    "clear_marker": gettext_lazy("Text that clears a value"),
    "tags": gettext_lazy("Tags of existing records"),
    "missing": gettext_lazy("Companies that do not exist yet"),
    "sheet": gettext_lazy("Sheet"),
    "incomplete": gettext_lazy("Records with little information"),
    "duplicates": gettext_lazy("Names that already exist"),
    "invalid": gettext_lazy("Optional cells that cannot be read"),
}
#: Deals also refer to pipelines and stages.
MISSING_OF_DEALS = gettext_lazy("Companies, pipelines and stages that do not exist yet")
#: Options that the form for a new file does not offer; the pages show them where a run has them. The Match page asks
#: for the sheet where there are several.
NOT_OFFERED = ("incomplete", "duplicates", "invalid", "sheet")
#: The entities of which a row may lack what a new record requires.
MAY_BE_INCOMPLETE = ("contacts", "activities")
#: Option → its values and their labels, in the form's order: after the plain import, an upsert is the most common
#: choice. The values of ``match_on`` are columns.
VALUES = {
    "mode": {
        "create": gettext_lazy("Add new records"),
        "upsert": gettext_lazy("Add new records and update existing ones"),
        "update": gettext_lazy("Update existing records only"),
    },
    "blank": {
        "keep": gettext_lazy("Replace; blank cells change nothing"),
        "clear": gettext_lazy("Replace; blank cells clear the value"),
        "fill": gettext_lazy("Only fill in missing values"),
    },
    "tags": {
        "replace": gettext_lazy("Replace with the tags in the file"),
        "add": gettext_lazy("Add the tags in the file"),
        "remove": gettext_lazy("Remove the tags in the file"),
    },
    "missing": {"reject": gettext_lazy("Reject their rows"), "create": gettext_lazy("Create them")},
    "incomplete": {"reject": gettext_lazy("Reject their rows"), "accept": gettext_lazy("Accept them")},
    "duplicates": {
        "reject": gettext_lazy("Reject their rows"),
        "keep": gettext_lazy("Keep both if their external IDs differ"),
    },
    "invalid": {"reject": gettext_lazy("Reject their rows"), "blank": gettext_lazy("Leave them blank, with a warning")},
}
HINTS = {
    "mode": {
        "create": gettext_lazy("A row whose record already exists is rejected."),
        "upsert": gettext_lazy("A row whose record already exists updates it."),
        "update": gettext_lazy("A row without an existing record is rejected. Nothing new is added."),
    }
}


class Choice(NamedTuple):
    """One value of an option."""

    value: str
    title: Any
    hint: Any
    is_chosen: bool


#: The hints of options that are texts.
HINTS_OF_TEXTS = {
    "clear_marker": gettext_lazy(
        "Optional, for example [clear]. A cell with exactly this text clears the existing value, whatever blank cells"
        " do. Required columns cannot be cleared."
    ),
    "sheet": gettext_lazy("Only for a workbook that has several sheets with rows."),
}


class OptionField(NamedTuple):
    """An option and its values, or its ``text`` of at most ``limit`` characters; ``of_updates`` if it only applies to
    updates."""

    name: str
    title: Any
    choices: list[Choice]
    of_updates: bool
    text: str = ""
    limit: int = 0
    hint: Any = ""

    @property
    def given(self) -> Any:
        """The text, or the label of the selected value."""
        return self.text or next((choice.title for choice in self.choices if choice.is_chosen), "")


def option_fields(
    resource: type[EntityResource], given: Mapping[str, str], *, also: Collection[str] = ()
) -> list[OptionField]:
    """Return the options with more than one value for an entity. The given values, or the defaults, are selected.

    Those that the form for a new file does not offer are left out unless they are given, or named in ``also``.
    """
    fields = []
    for name, called in TITLES.items():
        if not is_offered(name, resource, {*given, *also}):
            continue
        if name in FREE_TEXTS:
            text, hint = given.get(name, ""), HINTS_OF_TEXTS[name]
            fields.append(OptionField(name, called, [], name in OF_UPDATES, text, FREE_TEXTS[name], hint))
            continue
        values = offered_values(name, resource, given)
        if len(values) < 2:
            continue
        chosen = given.get(name) if given.get(name) in values else values[0]
        titles: Mapping[str, Any] = VALUES.get(name) or {value: value for value in values}
        hints = HINTS.get(name, {})
        choices = [Choice(value, text, hints.get(value, ""), value == chosen) for value, text in titles.items()]
        title = MISSING_OF_DEALS if (name, resource.entity) == ("missing", "deals") else called
        fields.append(OptionField(name, title, choices, name in OF_UPDATES))
    return fields


def offered_values(name: str, resource: type[EntityResource], given: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of an option, without external ids: files that have them are matched by them anyway."""
    values = values_of(name, resource.describe())
    return tuple(value for value in values if value != EXTERNAL_ID.column or given.get(name) == value)


def is_offered(name: str, resource: type[EntityResource], given: Collection[str]) -> bool:
    """Whether the pages have an option: those that few need only where they are given."""
    if name == "missing":
        return resource.describe().creates_references
    if name == "incomplete" and resource.entity not in MAY_BE_INCOMPLETE:
        return False
    return name not in NOT_OFFERED or name in given


def read_choice(given: Mapping[str, str], resource: type[EntityResource]) -> Options:
    """Return the options submitted with the form; raise OptionError for values the form does not offer.

    The form always submits the fields of updates, even while they are hidden because the mode does not use them. A text
    that is left blank is not given.
    """
    idle = set(() if given.get("mode", "create") != "create" else OF_UPDATES)
    idle.update(name for name in FREE_TEXTS if not trim(given.get(name, "")))
    if given.get("match_on") == default_of("match_on", resource.describe()):
        idle.add("match_on")
    chosen = {name: given[name] for name in TITLES if name in given and name not in idle}
    return read_options(chosen, resource.describe())


def in_words(options: Mapping[str, str], resource: type[EntityResource]) -> list[tuple[Any, Any]]:
    """Return the label and value of each option of a run that differs from the default."""
    plain = Options().kept()
    unusual = {name: value for name, value in options.items() if value != plain.get(name)}
    return [(field.title, field.given) for field in option_fields(resource, unusual) if field.name in unusual]


def created_in_words(references: Mapping[str, int]) -> list[str]:
    """Return what an import creates besides its own records: ``1 company created``."""
    return [labels.created(entity, count) for entity, count in references.items() if count]
