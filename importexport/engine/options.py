"""Import options: mode, match key, blank cells, the marker that clears, tags, missing references, what rows may lack or
repeat, a workbook's sheet, and how a file of another program is read.

All channels read and validate their options here.
"""

import unicodedata
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from crm.characters import trim
from crm.models.fields import FORBIDDEN
from importexport.columns.cells import LONG, prepare
from importexport.engine.spec import EXTERNAL_ID, EntitySpec
from importexport.files.formula import is_error_value
from importexport.files.text.recoded import ENCODINGS
from importexport.sources.parts import MAPPABLE
from importexport.sources.presets import source_names
from importexport.sources.wishes import read_mapping, read_values

#: Option → its values, the default first. The values of ``match_on`` depend on the resource.
VALUES: dict[str, tuple[str, ...]] = {
    "mode": ("create", "update", "upsert"),
    "blank": ("keep", "clear", "fill"),
    "tags": ("replace", "add", "remove"),
    "missing": ("reject", "create"),
    "incomplete": ("reject", "accept"),
    "duplicates": ("reject", "keep"),
    "invalid": ("reject", "blank"),
    "source": ("rally", "auto", *source_names()),
    "formats": ("strict", "detect"),
    "dates": ("iso", "dmy", "mdy", "ymd"),
    "decimal": ("point", "comma"),
    "encoding": tuple(ENCODINGS),
}
NAMES = (
    "mode", "match_on", "blank", "clear_marker", "tags", "missing", "incomplete", "duplicates", "invalid", "source",
    "mapping", "values", "formats", "dates", "decimal", "encoding", "sheet",
)  # fmt: skip
#: Options about the file of another program; they are stored with a run only where they are given.
OF_FILES = (
    "incomplete",
    "duplicates",
    "invalid",
    "source",
    "mapping",
    "values",
    "formats",
    "dates",
    "decimal",
    "encoding",
)
#: Options that have no default: without one, the file itself says it.
WITHOUT_DEFAULT = ("formats", "dates", "decimal", "encoding")
#: Options whose value is JSON.
OBJECTS = ("mapping", "values")
#: Options that only apply to updates of existing records.
OF_UPDATES = ("match_on", "blank", "clear_marker", "tags")
#: Options with a free text, and its maximum length. They have no default.
FREE_TEXTS = {"clear_marker": 20, "sheet": 100}


class OptionError(ValueError):
    """An invalid option, with a message for the user."""


@dataclass(frozen=True)
class Options:
    """The options of an import. Create with ``read_options``; the defaults are a plain import."""

    mode: str = "create"
    #: The column that identifies the record of a row.
    match_on: str = ""
    #: Whether nobody has chosen that column: a file with external ids is matched by them then.
    matches_by_default: bool = False
    blank: str = "keep"
    #: A cell with exactly this text clears the field, regardless of ``blank``; "" for none.
    clear_marker: str = ""
    tags: str = "replace"
    missing: str = "reject"
    #: Whether a row may lack what a new record otherwise requires.
    incomplete: str = "reject"
    #: Whether records whose names are taken are stored all the same, if external ids tell them apart.
    duplicates: str = "reject"
    #: What becomes of an optional cell that cannot be read.
    invalid: str = "reject"
    #: The program that wrote the file: ours, ``auto``, or its name.
    source: str = "rally"
    #: Header → column, or None if it is not imported.
    mapping: Mapping[str, str | None] | None = None
    #: Column → their value → ours, or None to leave it blank.
    values: Mapping[str, Mapping[str, str | None]] | None = None
    formats: str = ""
    dates: str = ""
    decimal: str = ""
    encoding: str = ""
    #: The name of a workbook's sheet; "" for the only one that has rows.
    sheet: str = ""
    #: The name of the saved mapping that has given some of the others; "" for none (see importexport.mappings).
    saved_mapping: str = ""

    @property
    def reads(self) -> bool:
        """Whether a file is read as another program's, instead of as ours."""
        said = (
            self.mapping is not None,
            self.values,
            self.formats == "detect",
            self.dates,
            self.decimal,
            self.encoding,
        )
        return self.source != "rally" or any(said)

    @property
    def effective_formats(self) -> str:
        """How dates and numbers are read: as ours in our own files, else as the file proves."""
        return self.formats or ("strict" if self.source == "rally" else "detect")

    def for_file(self, names: Container[str]) -> "Options":
        """Return the options for a file with these columns."""
        if not self.matches_by_default:
            return self
        match_on = EXTERNAL_ID.column if EXTERNAL_ID.column in names else self.match_on
        return replace(self, match_on=match_on, matches_by_default=False)

    @property
    def may_create(self) -> bool:
        """Whether rows without an existing record create one."""
        return self.mode != "update"

    @property
    def may_update(self) -> bool:
        """Whether rows update their existing record."""
        return self.mode != "create"

    def kept(self) -> dict[str, Any]:
        """Return the options to store with the run: those that apply in this mode.

        Which column identifies the records may depend on the file, so before that is read only a chosen one is stored.
        """
        chosen, plain = asdict(self), asdict(Options())
        left_out = (("match_on",) if self.matches_by_default else ()) if self.may_update else OF_UPDATES
        only_if_given = (*FREE_TEXTS, *OF_FILES, "saved_mapping")
        return {
            name: chosen[name]
            for name in (*NAMES, "saved_mapping")
            if name not in left_out and (name not in only_if_given or chosen[name] != plain[name])
        }


def read_options(given: Mapping[str, str], spec: EntitySpec) -> Options:
    """Parse options given by name for an entity; missing ones get their defaults.

    Raises OptionError for unknown values, and for options that have no effect unless they have their default, which
    many clients send along with all others.
    """
    read = {name: read_value(name, value, spec) for name, value in given.items()}
    chosen = {name: value for name, value in read.items() if value != default_of(name, spec)}
    options = Options(**chosen)
    if not options.may_update and (idle := [name for name in OF_UPDATES if name in chosen]):
        raise OptionError(f"'{idle[0]}' means nothing with mode 'create'.")
    if options.may_update and "match_on" in read:
        options = replace(options, match_on=read["match_on"])
    return completed(options, spec)


def read_value(name: str, value: str, spec: EntitySpec) -> Any:
    """Return the value of one option; raise OptionError if it has no such value for an entity.

    The default is accepted even if the option does not apply to the entity.
    """
    if name in FREE_TEXTS:
        return read_sheet(name, value) if name == "sheet" else read_marker(name, value)
    if name in OBJECTS:
        return read_json(name, value, spec)
    known = values_of(name, spec)
    if not known and value != default_of(name, spec):
        raise OptionError(f"'{name}' means nothing for {spec.entity}.")
    if known and value not in known:
        raise unknown(name, value, known)
    return value


def read_json(name: str, value: str, spec: EntitySpec) -> dict[str, Any] | None:
    """Return a mapping or the meanings of values; None for an empty text. Raises OptionError for an invalid one."""
    if not value.strip():
        return None
    try:
        if name == "mapping":
            return read_mapping(value, mappable(spec))
        known = {column.column_name: column.target.choices for column in spec.columns}
        return read_values(value, {name: choices for name, choices in known.items() if name in spec.in_files})
    except ValueError as error:
        raise OptionError(str(error)) from None


def mappable(spec: EntitySpec) -> list[str]:
    """Return what a mapping may name: the columns of files, and what only other programs' files have."""
    return [*spec.in_files, *MAPPABLE[spec.entity]]


def read_sheet(name: str, value: str) -> str:
    """Return the name of a sheet; raise OptionError for one that no sheet could have."""
    if not 1 <= len(value) <= FREE_TEXTS[name]:
        raise OptionError(f"'{name}' must have 1 to {FREE_TEXTS[name]} characters.")
    if FORBIDDEN.search(value):
        raise OptionError(f"'{name}' must not contain control characters.")
    return value


def read_marker(name: str, value: str) -> str:
    """Return a marker trimmed and in NFC, like cells; raise OptionError if no cell can have it."""
    limit = FREE_TEXTS[name]
    # Normalising a very long text could take a while (see columns.cells), and it is too long anyway.
    marker = trim(unicodedata.normalize("NFC", value)) if len(value) <= LONG else ""
    if not 1 <= len(marker) <= limit:
        raise OptionError(f"'{name}' must have 1 to {limit} characters.")
    if FORBIDDEN.search(marker) or "\n" in marker or "\t" in marker:
        raise OptionError(f"'{name}' must not contain control characters.")
    if is_error_value(marker):
        raise OptionError(f"'{name}' cannot be '{marker}': rows with a spreadsheet error value are always rejected.")
    if prepare([marker]) != [marker]:
        raise OptionError(f"'{name}' cannot be '{marker}': that is how a file marks a cell as text.")
    return marker


def completed(options: Options, spec: EntitySpec) -> Options:
    """Return the options with ``match_on`` set if they may update records; raise OptionError if it is not a key."""
    if not options.may_update:
        return options
    known = values_of("match_on", spec)
    if not options.match_on:
        return replace(options, match_on=known[0], matches_by_default=True)
    if options.match_on not in known:
        raise unknown("match_on", options.match_on, known)
    return options


def unknown(name: str, value: str, known: Sequence[str]) -> OptionError:
    """Return the error for an unknown value of an option."""
    return OptionError(f"Unknown {name} '{value[:100]}'. Expected one of: {', '.join(known)}.")


def values_of(name: str, spec: EntitySpec) -> tuple[str, ...]:
    """Return the values of an option for an entity, the default first; empty if it does not apply or is a text."""
    if name == "match_on":
        ids = (EXTERNAL_ID.column,) if EXTERNAL_ID.column in spec.in_files else ()
        return (*(key.column for key in spec.match_keys), *ids)
    if name == "tags" and "tags" not in spec.column_names:
        return ()
    return VALUES.get(name, ())


def default_of(name: str, spec: EntitySpec) -> str:
    """Return the value of an option that is not given; empty for a free text."""
    if name in WITHOUT_DEFAULT:
        return ""
    return (values_of(name, spec) or VALUES.get(name) or ("",))[0]


def from_kept(kept: Mapping[str, Any]) -> Options:
    """Return the options stored with a run."""
    return Options(**kept)
