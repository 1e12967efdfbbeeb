"""The arguments of commands for the options of an import."""

from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from typing import Any

from crm.management.base import UserError
from crm.models import Tenant
from importexport.engine.options import NAMES, VALUES, OptionError, Options
from importexport.mappings import read_given
from importexport.resources import RESOURCES

#: Option → its help text.
OPTIONS = {
    "mode": "what to do with the rows",
    "match_on": "the column that identifies the existing record of a row, the default first. "
    + "; ".join(f"{name}: {', '.join(key.column for key in made.match_keys())}" for name, made in RESOURCES.items())
    + "; all: external_id, the default for files that have it",
    "blank": "what a blank cell does to an existing record",
    "clear_marker": "a cell with exactly this text (1 to 20 characters) clears the value of an existing record",
    "tags": "what to do with the tags of an existing record",
    "missing": "what to do about companies, pipelines and stages that do not exist",
    "incomplete": "accept: a contact needs just one of first name, last name, e-mail, phone, mobile and company, and an"
    " activity without a subject gets its type as subject",
    "duplicates": "keep: companies and deals whose name is taken are stored if an external id tells them apart",
    "invalid": "what to do about optional cells that cannot be read",
    "source": "the program that wrote the file: rally, auto or a name that manage.py sources lists",
    "mapping": 'which header is which column, as JSON: {"Header": "column"}; or @NAME, a saved mapping',
    "values": 'what values mean, as JSON: {"column": {"Their value": "our value"}}',
    "formats": "how dates and numbers are read: as ours, or as the file's columns prove",
    "dates": "how the file writes dates",
    "decimal": "how the file writes decimals",
    "encoding": "the encoding of a CSV file",
    "sheet": "the name of the workbook's sheet; by default, the only one that has rows",
}

#: Options without a list of values that holds for every entity → what stands for the value.
METAVARS = {
    "match_on": "COLUMN",
    "clear_marker": "TEXT",
    "source": "PROGRAM",
    "mapping": "JSON",
    "values": "JSON",
    "sheet": "NAME",
}


def add_option_arguments(parser: ArgumentParser, names: Iterable[str] = tuple(OPTIONS)) -> None:
    """Add the options with some names to a parser, by default all."""
    for name in names:
        # Without argparse's choices, so that the message about an unknown value is the API's.
        metavar = METAVARS.get(name) or f"{{{','.join(VALUES[name])}}}"
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=metavar, help=OPTIONS[name])


def given_options(given: Mapping[str, Any]) -> dict[str, str]:
    """Return the options among the arguments."""
    return {name: given[name] for name in NAMES if given.get(name) is not None}


def chosen_options(given: Mapping[str, Any], entity: str, tenant: Tenant) -> Options:
    """Return the options among the arguments; raise UserError if they are invalid."""
    try:
        return read_given(given_options(given), tenant=tenant, spec=RESOURCES[entity].describe())
    except OptionError as error:
        raise UserError(str(error)) from None
