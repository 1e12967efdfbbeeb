"""`manage.py template contacts`."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from crm.management.base import RallyCommand
from importexport import services
from importexport.management.files import replacing
from importexport.resources import RESOURCES


class Command(RallyCommand):
    """Write a CSV file that contains only the header row."""

    help = "Print the header row of an entity as CSV."
    examples = ("manage.py template contacts --output contacts_template.csv",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("entity", choices=list(RESOURCES))
        parser.add_argument("--output", metavar="FILE", type=Path, help="a file (default: stdout)")
        parser.add_argument("--bom", action="store_true", help="begin with a byte-order mark, for Excel")

    def handle(self, *, entity: str, output: Path | None, bom: bool, **_: Any) -> None:
        with replacing(output) as file:
            (file or sys.stdout.buffer).write(services.template_file(entity, bom=bom))
