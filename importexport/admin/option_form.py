"""The options of an import as people choose them: what each is called, what it offers, what was chosen."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from importexport.admin import labels
from importexport.engine.options import NAMES, OF_UPDATES, Options, read_options, values_of
from importexport.engine.resource import EntityResource

TITLES = {
    "mode": gettext_lazy("What should become of the rows?"),
    "match_on": gettext_lazy("Rows find their records by"),
    "blank": gettext_lazy("The cells of a record that is there"),
    "tags": gettext_lazy("The tags of a record that is there"),
    "missing": gettext_lazy("Companies in the file that are not there yet"),
}
#: A deal names a stage as well.
MISSING_OF_DEALS = gettext_lazy("Companies and stages in the file that are not there yet")
#: Option → its values in words, in the form's order: an upsert is what is wanted most often beside the plain import.
#: Those of ``match_on`` are columns.
VALUES = {
    "mode": {
        "create": gettext_lazy("Add new records"),
        "upsert": gettext_lazy("Add new records, and update those that are there"),
        "update": gettext_lazy("Update records that are there"),
    },
    "blank": {
        "keep": gettext_lazy("are replaced; a blank cell leaves what the record has"),
        "clear": gettext_lazy("are replaced; a blank cell empties what the record has"),
        "fill": gettext_lazy("are only filled in where the record has nothing"),
    },
    "tags": {
        "replace": gettext_lazy("are replaced by the file's"),
        "add": gettext_lazy("get the file's added"),
        "remove": gettext_lazy("lose those in the file"),
    },
    "missing": {"reject": gettext_lazy("Skip their rows"), "create": gettext_lazy("Make them")},
}
HINTS = {
    "mode": {
        "create": gettext_lazy("A row whose record is there already is skipped."),
        "upsert": gettext_lazy("A row whose record is there already changes it."),
        "update": gettext_lazy("A row without a record is skipped; nothing new is added."),
    }
}


class Choice(NamedTuple):
    """A value that an option can have."""

    value: str
    title: Any
    hint: Any
    is_chosen: bool


class OptionField(NamedTuple):
    """An option with its values; ``of_updates`` where it means nothing for new records."""

    name: str
    title: Any
    choices: list[Choice]
    of_updates: bool


def option_fields(resource: type[EntityResource], given: Mapping[str, str]) -> list[OptionField]:
    """Return the options that leave a choice for an entity; chosen are the given values, or the defaults."""
    fields = []
    for name in NAMES:
        values = values_of(name, resource.describe())
        if len(values) < 2:
            continue
        chosen = given.get(name) if given.get(name) in values else values[0]
        titles: Mapping[str, Any] = VALUES.get(name) or {value: value for value in values}
        hints = HINTS.get(name, {})
        choices = [Choice(value, text, hints.get(value, ""), value == chosen) for value, text in titles.items()]
        title = MISSING_OF_DEALS if (name, resource.entity) == ("missing", "deals") else TITLES[name]
        fields.append(OptionField(name, title, choices, name in OF_UPDATES))
    return fields


def read_choice(given: Mapping[str, str], resource: type[EntityResource]) -> Options:
    """Return the options that a form means; raise OptionError where it holds what no form of ours does.

    The form has the fields of updates in any case, hidden where the mode has no use for them.
    """
    idle = () if given.get("mode", "create") != "create" else OF_UPDATES
    chosen = {name: given[name] for name in NAMES if name in given and name not in idle}
    return read_options(chosen, resource.describe())


def in_words(options: Mapping[str, str], resource: type[EntityResource]) -> list[tuple[Any, Any]]:
    """Return the options of a run that are not the plain import's, each with its value, in words."""
    unusual = dict(options.items() - Options().kept().items())
    return [
        (field.title, choice.title)
        for field in option_fields(resource, unusual)
        for choice in field.choices
        if choice.value == unusual.get(field.name)
    ]


def counts_in_words(counts: Mapping[str, int], references: Mapping[str, int]) -> list[str]:
    """Return what an import with options does to records: ``12 new``, ``1 company made``."""
    titles = {"create": _("%(count)s new"), "update": _("%(count)s changed"), "unchanged": _("%(count)s unchanged")}
    return [text % {"count": labels.grouped(counts.get(action, 0))} for action, text in titles.items()] + [
        labels.made(entity, count) for entity, count in references.items() if count
    ]
