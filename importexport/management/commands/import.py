"""`manage.py import contacts contacts.csv --tenant acme`."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from crm.management.base import RallyCommand, UserError, add_tenant_argument, find_tenant
from importexport.engine.options import NAMES, VALUES, OptionError, Options, read_options
from importexport.management.importing import FileImport, import_each
from importexport.management.printing import Printer
from importexport.resources import RESOURCES

#: Option → its help text.
OPTIONS = {
    "mode": "what to do with the rows",
    "match_on": "the column that identifies the existing record of a row, the default first. "
    + "; ".join(f"{name}: {', '.join(key.column for key in made.match_keys())}" for name, made in RESOURCES.items()),
    "blank": "what a blank cell does to an existing record",
    "clear_marker": "a cell with exactly this text (1 to 20 characters) clears the value of an existing record",
    "tags": "what to do with the tags of an existing record",
    "missing": "what to do about companies, pipelines and stages that do not exist",
    "incomplete": "accept: a contact needs just one of first name, last name, e-mail, phone, mobile and company, and an"
    " activity without a subject gets its type as subject",
    "duplicates": "keep: companies and deals whose name is taken are stored if an external id tells them apart",
    "invalid": "what to do about optional cells that cannot be read",
    "source": "the program that wrote the file: rally, auto or a name that manage.py sources lists",
    "mapping": 'which header is which column, as JSON: {"Header": "column"}',
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


class Command(RallyCommand):
    """Import CSV files and workbooks, with the same rules, messages and result as the API."""

    help = (
        "Import CSV files and workbooks, each on its own. Exit status: 0 processed, 1 rows rejected with --strict,"
        " 2 invalid file or arguments, 3 stored, but the report could not be written; of several files, the worst:"
        " 2, 3, 1, 0."
    )
    examples = (
        "manage.py import contacts contacts.csv --tenant acme --rejected rejected.csv",
        "manage.py import contacts new.csv --tenant acme --mode upsert --match-on email --plan",
        "manage.py import deals january.csv february.csv --tenant acme --strict --json",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("entity", choices=list(RESOURCES))
        parser.add_argument(
            "files",
            nargs="+",
            metavar="file",
            help="a CSV file or a workbook (.xlsx, .xlsm, .xls, .ods); - reads stdin",
        )
        add_tenant_argument(parser, option=True)
        parser.add_argument(
            "--json", action="store_true", help="print the result as the API's JSON; of several files, an array"
        )
        parser.add_argument(
            "--rejected", metavar="FILE", type=Path, help="write the rejected rows to a .csv or .xlsx file"
        )
        parser.add_argument("--strict", action="store_true", help="exit with 1 if rows were rejected")
        for name, text in OPTIONS.items():
            # Without argparse's choices, so that the message about an unknown value is the API's.
            metavar = METAVARS.get(name) or f"{{{','.join(VALUES[name])}}}"
            parser.add_argument(f"--{name.replace('_', '-')}", metavar=metavar, help=text)
        trial = parser.add_mutually_exclusive_group()
        trial.add_argument("--dry-run", action="store_true", help="report the result without storing anything")
        trial.add_argument("--plan", action="store_true", help="store a plan and print its id; see the imports command")

    def handle(self, *, entity: str, files: list[str], tenant: str, **given: Any) -> None:
        check_arguments(files, given)
        work = FileImport(
            tenant=find_tenant(tenant),
            entity=entity,
            options=chosen_options(given, entity),
            printer=Printer(files, as_json=given["json"]),
            is_plan=given["plan"],
            is_dry=given["dry_run"],
            is_strict=given["strict"],
            rejected=given["rejected"],
        )
        status = work.carry_out(files[0]) if len(files) == 1 else import_each(files, work)
        if status:
            sys.exit(status)


def check_arguments(files: list[str], given: dict[str, Any]) -> None:
    """Raise UserError for arguments that exclude each other."""
    if given["plan"] and (given["rejected"] or given["strict"]):
        raise UserError("--plan stores no rows: it takes neither --rejected nor --strict.")
    if given["rejected"] and len(files) > 1:
        raise UserError(
            "--rejected takes the rows of a single file. Import the files one by one, or fetch the rejected rows of"
            " each import afterwards: manage.py imports rejected ID."
        )
    if files.count("-") > 1:
        raise UserError("- stands for standard input, and can be given only once.")


def chosen_options(given: dict[str, Any], entity: str) -> Options:
    """Return the options among the arguments; raise UserError if they are invalid."""
    try:
        chosen = {name: given[name] for name in NAMES if given[name] is not None}
        return read_options(chosen, RESOURCES[entity].describe())
    except OptionError as error:
        raise UserError(str(error)) from None
