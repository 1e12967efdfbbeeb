"""What a caller says about a file as JSON: which header is which column, and what values mean."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from importexport.files.header import fold_label
from importexport.sources.values import fold_value

#: The most characters of such a JSON, and of a header or value in it.
LIMIT, NAME_LIMIT = 100_000, 1_000
#: The most choices that a sentence lists.
CHOICES_SHOWN = 20

Mapped = dict[str, str | None]


def read_mapping(text: str, columns: Collection[str]) -> Mapped:
    """Return a mapping of headers to columns, None for those that are not imported.

    Raises ValueError, with a sentence for the caller, for JSON that is none, and for columns that there are not.
    """
    mapping = read_object("mapping", text)
    for header, column in mapping.items():
        if column is not None and (not isinstance(column, str) or column not in columns):
            raise ValueError(
                f"'mapping' gives '{header[:100]}' to '{str(column)[:100]}', which is no column."
                f" Expected null or one of: {', '.join(columns)}."
            )
    taken: dict[str, str] = {}
    for header, column in mapping.items():
        if column is not None and (other := taken.setdefault(column, header)) != header:
            raise ValueError(f"'mapping' gives both '{other[:100]}' and '{header[:100]}' to '{column}'.")
    return mapping


def read_values(text: str, columns: Mapping[str, Collection[str]]) -> dict[str, Mapped]:
    """Return by column what values mean, None for those that are left blank.

    ``columns`` are those whose values may be translated, each with its choices, if it has some. Raises ValueError like
    ``read_mapping``, and for values that are no choice or mean two things.
    """
    found = read_object("values", text)
    for column, meanings in found.items():
        if column not in columns:
            raise ValueError(f"'values' names '{column[:100]}'. Expected one of: {', '.join(columns)}.")
        if not isinstance(meanings, dict) or not all(isinstance(ours, str | None) for ours in meanings.values()):
            raise ValueError(f"'values' must give '{column}' an object of texts: {{\"Their value\": \"our value\"}}.")
        check_meanings(column, meanings, columns[column])
    return found


def check_meanings(column: str, meanings: Mapped, choices: Collection[str]) -> None:
    """Raise ValueError for a meaning that is no choice of a column, and for two of values that match the same cells."""
    known = {fold_label(choice) for choice in choices}
    spelt: dict[str, str] = {}
    for value, ours in meanings.items():
        if ours and known and fold_label(ours) not in known:
            expected = ", ".join(choices) if len(choices) <= CHOICES_SHOWN else "its codes"
            raise ValueError(
                f"'values' gives '{value[:100]}' as '{ours[:100]}', which is no {column}."
                f" Expected null or one of: {expected}."
            )
        other = spelt.setdefault(fold_value(value), value)
        if (meanings[other] or "") != (ours or ""):
            raise ValueError(
                f"'values' gives '{column}' two meanings of one value: '{other[:100]}' and '{value[:100]}' match the"
                " same cells."
            )


def read_object(name: str, text: str) -> dict[str, Any]:
    """Return a JSON object; raise ValueError for any other text, and for one that has a name twice."""
    if len(text) > LIMIT:
        raise ValueError(f"'{name}' must have at most {LIMIT} characters.")
    try:
        found = json.loads(text, object_pairs_hook=lambda pairs: without_repeats(name, pairs))
    except RecursionError:
        found = None
    except json.JSONDecodeError as error:
        raise ValueError(f"'{name}' is not JSON: {error.msg} at character {error.pos + 1}.") from None
    if not isinstance(found, dict):
        raise ValueError(f"'{name}' must be a JSON object.")  # noqa: TRY004 - what a caller has sent
    if any(len(key) > NAME_LIMIT for key in found):
        raise ValueError(f"A name in '{name}' must have at most {NAME_LIMIT} characters.")
    return found


def without_repeats(name: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; raise ValueError where it has a name twice, of which JSON would keep the last one silently."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"'{name}' names '{key[:100]}' twice.")
        found[key] = value
    return found


def as_text(found: Mapping[str, Any]) -> str:
    """Return an object as the JSON that it was read from."""
    return json.dumps(found, ensure_ascii=False)
