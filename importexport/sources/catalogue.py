"""The programs whose files are read, as channels list them: kinds of export, headers, our columns and the steps."""

from collections.abc import Iterable
from typing import Any

from importexport.sources.presets import ALIASES, Preset, Rule, find_source, label, presets, presets_of
from importexport.sources.reading import written_steps

Json = dict[str, Any]


def catalogue() -> list[Json]:
    """Return all programs, each with its names and its kinds of export, without their headers."""
    return [summary(name, several) for name, several in presets().items()]


def program(name: str) -> Json | None:
    """Return a program in full, or None if there is none of that name; a narrower name has only its kind of export."""
    found = find_source(name)
    if found is None:
        return None
    source, export = found
    several = presets_of(source, export)
    told = summary(source, several)
    return told | {
        "exports": [kind(preset) | {"columns": list(map(column, rules_of(preset)))} for preset in several],
    }


def summary(name: str, several: Iterable[Preset]) -> Json:
    """Return a program's names, the entities of its exports, and these exports."""
    listed = list(several)
    return {
        "name": name,
        "label": label(name),
        "narrowerNames": [alias for alias, (source, _) in ALIASES.items() if source == name],
        "entities": list(dict.fromkeys(preset.entity for preset in listed)),
        "exports": list(map(kind, listed)),
    }


def kind(preset: Preset) -> Json:
    """Return one kind of export; ``export`` is its name, or null if the program has just one."""
    return {"entity": preset.entity, "export": preset.export or None, "headers": len(preset.rules)}


def rules_of(preset: Preset) -> list[Rule]:
    """Return what is known of an export: its headers, then what every row of it is."""
    return [*preset.rules.values(), *preset.constants]


def column(rule: Rule) -> Json:
    """Return a header with the column that it gives; the header is null for what every row is."""
    return {"header": rule.header or None, "column": rule.column or None, "how": written_steps(rule.steps)}
