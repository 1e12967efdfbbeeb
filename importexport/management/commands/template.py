"""`manage.py template contacts`."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from crm.management.base import RallyCommand, UserError
from importexport import services
from importexport.management.files import is_workbook, replacing
from importexport.resources import RESOURCES


class Command(RallyCommand):
    """Write a file that contains only the header row."""

    help = "Print the header row of an entity as CSV, or write it to a workbook with help and drop-down lists."
    examples = (
        "manage.py template contacts --output contacts_template.csv",
        "manage.py template contacts --output contacts_template.xlsx",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("entity", choices=list(RESOURCES))
        parser.add_argument("--output", metavar="FILE", type=Path, help="a .csv or .xlsx file (default: CSV to stdout)")
        parser.add_argument("--bom", action="store_true", help="begin with a byte-order mark, for Excel")

    def handle(self, *, entity: str, output: Path | None, bom: bool, **_: Any) -> None:
        if bom and is_workbook(output):
            raise UserError("Only a CSV file can begin with a byte-order mark.")
        content = services.template_file(entity, format="xlsx" if is_workbook(output) else "csv", bom=bom)
        with replacing(output) as file:
            (file or sys.stdout.buffer).write(content)
