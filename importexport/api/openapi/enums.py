"""The lists of values in the API, each under the name that generated clients give it."""

from collections.abc import Iterable, Mapping

from crm.models import ApiKey
from importexport import errors
from importexport.api.openapi.operation import Json, ref
from importexport.columns.fields import Column
from importexport.engine.options import VALUES, default_of, values_of
from importexport.engine.resource import BESIDES, EntityResource
from importexport.history import row_log
from importexport.history.revert import MODELS
from importexport.models import ImportRun, PreparedExport
from importexport.resources import RESOURCES

#: Option → the name of its values.
OF_OPTIONS = {
    "mode": "Mode", "blank": "BlankCells", "tags": "TagsMode", "missing": "MissingReferences",
    "invalid": "InvalidCells", "source": "Source", "formats": "Formats", "dates": "DateOrder",
    "incomplete": "IncompleteRows", "duplicates": "TakenNames",
    "decimal": "DecimalSeparator", "encoding": "Encoding",
}  # fmt: skip
STATUS = (
    "`planning`, `applying` and `running` are at work. A `running` import has no plan; it is listed once it has taken a"
    " second, and becomes `failed` if it is interrupted"
)
ROW_ACTION = (
    "What becomes of a row; only an undo has `delete` and `conflict`. A row that was changed in the preview has `fix`"
    " besides"
)


def enum(values: Iterable[str], description: str) -> Json:
    """Return the schema of a string with a fixed set of values."""
    return {"type": "string", "enum": list(values), "description": description}


def enums() -> Json:
    """Return the schemas of all lists of values, by name."""
    found = {
        "Entity": enum(RESOURCES, "A kind of records that is imported and exported"),
        "RecordKind": enum(MODELS, "A kind of records that an import can store: the entities, stages and pipelines"),
        "RunKind": enum(ImportRun.Kind.values, "An import or its plan, or an undo or its plan"),
        "RunStatus": enum([status.value for status in ImportRun.TOLD], STATUS),
        "ExportStatus": enum(PreparedExport.Status.values, "`waiting` also while the file is being made, or sent"),
        "Channel": enum(ImportRun.Channel.values, "Where the import came from"),
        "RowAction": enum(row_log.ACTIONS, ROW_ACTION),
        "RowFormat": enum(("json", "csv"), "A page as JSON, or all rows as a CSV file"),
        "FileFormat": enum(("csv", "xlsx"), "CSV, or a workbook"),
        "RowErrorCode": enum(errors.CODES, code_list("What is wrong with a row", errors.CODES)),
        "WarningCode": enum(errors.WARNINGS, code_list("What looks wrong, but is no error", errors.WARNINGS)),
        "Scope": enum(ApiKey.Scope.values, "What a key may do; each scope includes the one before"),
        "Mode": enum(VALUES["mode"], "Whether rows create records, update existing records, or both"),
        "BlankCells": enum(VALUES["blank"], "What a blank cell does to the record's value"),
        "TagsMode": enum(VALUES["tags"], "How a row's tags change the record's tags"),
        "MissingReferences": enum(
            VALUES["missing"], "What becomes of a row that names an unknown company, pipeline or stage"
        ),
        "IncompleteRows": enum(VALUES["incomplete"], "What becomes of a row that lacks what a new record requires"),
        "TakenNames": enum(VALUES["duplicates"], "What becomes of a row whose name another record has"),
        "InvalidCells": enum(VALUES["invalid"], "What becomes of a row with an optional cell that cannot be read"),
        "Source": enum(VALUES["source"], "The program that wrote a file"),
        "Formats": enum(VALUES["formats"], "How dates and numbers are read"),
        "DateOrder": enum(VALUES["dates"], "How a file writes dates"),
        "DecimalSeparator": enum(VALUES["decimal"], "How a file writes decimals"),
        "Encoding": enum(VALUES["encoding"], "The encoding of a CSV file"),
    }
    for resource in RESOURCES.values():
        found |= enums_of(resource)
    return found


def enums_of(resource: type[EntityResource]) -> Json:
    """Return the lists of values that only one entity has: its columns, its match keys, and those of its choices."""
    columns = [*dict.fromkeys([*resource.column_names(), *resource.accepted, *BESIDES])]
    filters = {name: resource.declared[name] for name in resource.filters}
    return {
        name_of(resource, "column"): enum(columns, f"A column that an export of {resource.entity} can have"),
        name_of(resource, "match_key"): enum(
            values_of("match_on", resource.describe()), f"A column that identifies the records of {resource.entity}"
        ),
    } | {
        name_of(resource, name): enum(choices_of(column), f"The values of {name}")
        for name, column in filters.items()
        if choices_of(column)
    }


def choices_of(column: Column) -> list[str]:
    """Return the values of a column that has a fixed set of them."""
    return [value for value, _ in column.source.flatchoices]


def name_of(resource: type[EntityResource], what: str) -> str:
    """Return the name of a list of values of an entity: ``ContactColumn``, ``ActivityType``."""
    whole = what if what.startswith(f"{resource.noun}_") else f"{resource.noun}_{what}"
    return "".join(part.title() for part in whole.split("_"))


def code_list(heading: str, codes: Mapping[str, str]) -> str:
    """Return codes and their meanings as a Markdown list."""
    return "\n".join([f"{heading}:", "", *(f"- `{code}`: {meaning}" for code, meaning in codes.items())])


def option_of(name: str, resource: type[EntityResource]) -> Json:
    """Return the schema of an option with its default; empty if it does not apply to the entity."""
    values = values_of(name, resource.describe())
    kind = name_of(resource, "match_key") if name == "match_on" else OF_OPTIONS[name]
    if not values:
        return {}
    default = default_of(name, resource.describe())
    return ref(kind) | {"default": default} if default else ref(kind)
