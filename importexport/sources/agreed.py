"""The names that all programs agree on: for files of programs that we do not know."""

from collections import defaultdict
from functools import cache

from importexport.files.header import fold_label
from importexport.files.synonyms import SYNONYMS
from importexport.sources.presets import EXTRAS, presets


@cache
def agreed_names(entity: str) -> dict[str, str]:
    """Return the folded headers that mean one column of an entity in all tables, with that column."""
    meanings: dict[str, set[str]] = defaultdict(set)
    for several in presets().values():
        for preset in several:
            for label, rule in preset.rules.items() if preset.entity == entity else ():
                is_plain = rule.column not in EXTRAS and not rule.steps and rule.column != "external_id"
                meanings[label].add(rule.column if is_plain else "")
    agreed = {label: columns.pop() for label, columns in meanings.items() if len(columns) == 1}
    synonyms = {
        fold_label(name): column
        for column, names in SYNONYMS.get(entity, {}).items()
        for name in names
        if fold_label(name) not in meanings
    }
    return {label: column for label, column in (synonyms | agreed).items() if column}
