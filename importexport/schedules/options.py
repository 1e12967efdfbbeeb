"""What a schedule says about its import or export: checked by what checks requests."""

import json
from collections.abc import Mapping
from typing import Any

from crm.models import Tenant
from crm.models.fields import has_forbidden
from importexport import mappings
from importexport.engine.export.selection import SelectionError, read_selection, selection_names
from importexport.engine.options import NAMES, OBJECTS, OptionError
from importexport.resources import RESOURCES

FORMAT, BOM = "format", "bom"
FORMATS = ("csv", "xlsx")
Json = dict[str, Any]


class InvalidOptions(ValueError):
    """Options that a schedule cannot have. The text is for the user."""


def check_import(options: Mapping[str, Any], *, entity: str, tenant: Tenant) -> Json:
    """Return the options of an import; raise InvalidOptions, with the sentences of imports."""
    for name, value in options.items():
        if name not in NAMES:
            raise InvalidOptions(f"Unknown option '{name[:100]}'. Expected some of: {', '.join(NAMES)}.")
        if not isinstance(value, str | dict) or (isinstance(value, dict) and name not in OBJECTS):
            raise InvalidOptions(f"'{name}' must be a text{' or an object' if name in OBJECTS else ''}.")
    try:
        mappings.read_given(as_texts(options), tenant=tenant, spec=RESOURCES[entity].describe())
    except OptionError as why:
        raise InvalidOptions(str(why)) from None
    return dict(options)


def as_texts(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the options of an import as the query of a request has them."""
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
        for name, value in options.items()
    }


def check_export(options: Mapping[str, Any], *, entity: str, tenant: Tenant) -> Json:
    """Return the options of an export, with its format; raise InvalidOptions, with the sentences of exports."""
    chosen: Json = {FORMAT: "csv"} | dict(options)
    if chosen[FORMAT] not in FORMATS:
        raise InvalidOptions(f"Unknown format '{str(chosen[FORMAT])[:100]}'. Expected one of: {', '.join(FORMATS)}.")
    known = [FORMAT, *([BOM] if chosen[FORMAT] == "csv" else []), *selection_names(RESOURCES[entity])]
    for name, value in chosen.items():
        if name not in known:
            raise InvalidOptions(f"Unknown option '{name[:100]}'. Expected some of: {', '.join(known)}.")
        if name == BOM and str(value).lower() not in {"true", "false"}:
            raise InvalidOptions("'bom' must be true or false.")
        if name != BOM and (not isinstance(value, str) or has_forbidden(value)):
            raise InvalidOptions(f"'{name}' must be a text without control characters.")
    try:
        read_selection(query_of(chosen), RESOURCES[entity](tenant))
    except SelectionError as why:
        raise InvalidOptions(str(why)) from None
    return chosen | ({BOM: str(chosen[BOM]).lower() == "true"} if BOM in chosen else {})


def query_of(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of an export, as a prepared export has them."""
    query = {name: value for name, value in options.items() if name not in {FORMAT, BOM}}
    return query | ({BOM: "true"} if options.get(BOM) else {})
