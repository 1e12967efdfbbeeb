"""Import options: mode, match key, blank cells, tags, and missing references.

All channels read and validate their options here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from importexport.engine.spec import EntitySpec

#: Option → its values, the default first. The values of ``match_on`` depend on the resource.
VALUES: dict[str, tuple[str, ...]] = {
    "mode": ("create", "update", "upsert"),
    "blank": ("keep", "clear", "fill"),
    "tags": ("replace", "add", "remove"),
    "missing": ("reject", "create"),
}
NAMES = ("mode", "match_on", "blank", "tags", "missing")
#: Options that only apply to updates of existing records.
OF_UPDATES = ("match_on", "blank", "tags")
#: A cell with this text clears the field, whatever the ``blank`` option says.
CLEAR_CELL = "#N/A"


class OptionError(ValueError):
    """An invalid option, with a message for the user."""


@dataclass(frozen=True)
class Options:
    """The options of an import. Create with ``read_options``; the defaults are a plain import."""

    mode: str = "create"
    #: The column that identifies the record of a row.
    match_on: str = ""
    blank: str = "keep"
    tags: str = "replace"
    missing: str = "reject"

    @property
    def may_create(self) -> bool:
        """Whether rows without an existing record create one."""
        return self.mode != "update"

    @property
    def may_update(self) -> bool:
        """Whether rows update their existing record."""
        return self.mode != "create"

    def kept(self) -> dict[str, str]:
        """Return the options to store with the run: those that apply in this mode."""
        chosen = asdict(self)
        left_out = () if self.may_update else OF_UPDATES
        return {name: chosen[name] for name in NAMES if name not in left_out}


def read_options(given: Mapping[str, str], spec: EntitySpec) -> Options:
    """Parse options given by name for an entity; missing ones get their defaults.

    Raises OptionError for unknown values, and for options that have no effect.
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
    """Return the options with ``match_on`` set if they may update records; raise OptionError if it is not a key."""
    if not options.may_update:
        return options
    known = values_of("match_on", spec)
    match_on = options.match_on or known[0]
    if match_on not in known:
        raise unknown("match_on", match_on, known)
    return replace(options, match_on=match_on)


def unknown(name: str, value: str, known: Sequence[str]) -> OptionError:
    """Return the error for an unknown value of an option."""
    return OptionError(f"Unknown {name} '{value[:100]}'. Expected one of: {', '.join(known)}.")


def values_of(name: str, spec: EntitySpec) -> tuple[str, ...]:
    """Return the values of an option for an entity, the default first; empty if it does not apply."""
    if name == "match_on":
        return tuple(key.column for key in spec.match_keys)
    if name == "tags" and "tags" not in spec.column_names:
        return ()
    if name == "missing" and not spec.creates_references:
        return ()
    return VALUES[name]


def from_kept(kept: Mapping[str, Any]) -> Options:
    """Return the options stored with a run."""
    return Options(**kept)
