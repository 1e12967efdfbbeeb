"""`manage.py import contacts contacts.csv --tenant acme`."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from crm.management.base import RallyCommand, UserError, add_tenant_argument, find_tenant
from importexport.management.importing import FileImport, import_each
from importexport.management.option_arguments import add_option_arguments, chosen_options
from importexport.management.printing import Printer
from importexport.resources import RESOURCES


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
        add_option_arguments(parser)
        trial = parser.add_mutually_exclusive_group()
        trial.add_argument("--dry-run", action="store_true", help="report the result without storing anything")
        trial.add_argument("--plan", action="store_true", help="store a plan and print its id; see the imports command")

    def handle(self, *, entity: str, files: list[str], tenant: str, **given: Any) -> None:
        check_arguments(files, given)
        owner = find_tenant(tenant)
        work = FileImport(
            tenant=owner,
            entity=entity,
            options=chosen_options(given, entity, owner),
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
