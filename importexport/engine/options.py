"""How rows become records, where a caller says more than "import this": mode, match key, blanks, tags, references.

The one place where the options are read and judged, whichever channel they come by.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from importexport.engine.spec import EntitySpec

#: Option → its values, the default first; ``match_on`` has each resource's own.
VALUES: dict[str, tuple[str, ...]] = {
    "mode": ("create", "update", "upsert"),
    "blank": ("keep", "clear", "fill"),
    "tags": ("replace", "add", "remove"),
    "missing": ("reject", "create"),
}
NAMES = ("mode", "match_on", "blank", "tags", "missing")
#: What says how an existing record is changed, and means nothing where none is.
OF_UPDATES = ("match_on", "blank", "tags")
#: A cell that clears what the record has, whatever ``blank`` says.
CLEAR_CELL = "#N/A"


class OptionError(ValueError):
    """An option that cannot be followed; its text is the sentence for the user."""


@dataclass(frozen=True)
class Options:
    """What a caller chose. Made by ``read_options``; the plain import is ``Options()``."""

    mode: str = "create"
    #: The column whose key says which record a row is.
    match_on: str = ""
    blank: str = "keep"
    tags: str = "replace"
    missing: str = "reject"

    @property
    def may_create(self) -> bool:
        """Whether a row without a record makes one."""
        return self.mode != "update"

    @property
    def may_update(self) -> bool:
        """Whether a row changes the record that it is."""
        return self.mode != "create"

    def kept(self) -> dict[str, str]:
        """Return the options as a run keeps them: those that count in the mode."""
        chosen = asdict(self)
        left_out = () if self.may_update else OF_UPDATES
        return {name: chosen[name] for name in NAMES if name not in left_out}


def read_options(given: Mapping[str, str], spec: EntitySpec) -> Options:
    """Return the options that texts by name mean for an entity; absent ones are their defaults.

    Raises OptionError for an unknown value, and for an option that would mean nothing.
    """
    for name, value in given.items():
        known = values_of(name, spec)
        if not known:
            raise OptionError(f"'{name}' means nothing for {spec.entity}.")
        if value not in known:
            raise unknown(name, value, known)
    options = Options(**given)
    if not options.may_update and (idle := [name for name in OF_UPDATES if name in given]):
        raise OptionError(f"'{idle[0]}' means nothing with mode 'create'.")
    return completed(options, spec)


def completed(options: Options, spec: EntitySpec) -> Options:
    """Return options that say which key rows are found by, where any are; raise OptionError for what is no key."""
    if not options.may_update:
        return options
    known = values_of("match_on", spec)
    match_on = options.match_on or known[0]
    if match_on not in known:
        raise unknown("match_on", match_on, known)
    return replace(options, match_on=match_on)


def unknown(name: str, value: str, known: Sequence[str]) -> OptionError:
    """Return the error of a value that an option does not have."""
    return OptionError(f"Unknown {name} '{value[:100]}'. Expected one of: {', '.join(known)}.")


def values_of(name: str, spec: EntitySpec) -> tuple[str, ...]:
    """Return the values that an option has for an entity, the default first; none where it means nothing."""
    if name == "match_on":
        return tuple(key.column for key in spec.match_keys)
    if name == "tags" and "tags" not in spec.column_names:
        return ()
    if name == "missing" and not spec.creates_references:
        return ()
    return VALUES[name]


def from_kept(kept: Mapping[str, Any]) -> Options:
    """Return the options that a run has kept."""
    return Options(**kept)
