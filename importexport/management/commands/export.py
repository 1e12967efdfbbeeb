"""`manage.py export contacts --tenant acme`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from crm.management.base import RallyCommand, UserError, add_tenant_argument, find_tenant
from importexport import services
from importexport.engine.export import CONTENT_TYPES, FileFormat
from importexport.management.files import write_chunks
from importexport.resources import RESOURCES


class Command(RallyCommand):
    """Export records as CSV or XLSX."""

    help = "Export records: CSV to stdout, or to a .csv or .xlsx file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("entity", choices=list(RESOURCES))
        add_tenant_argument(parser, option=True)
        parser.add_argument("--output", metavar="FILE", type=Path, help="a .csv or .xlsx file (default: CSV to stdout)")

    def handle(self, *, entity: str, tenant: str, output: Path | None, **_: Any) -> None:
        file_format = format_of(output)
        chunks = services.export_file(entity, tenant=find_tenant(tenant), format=file_format)
        write_chunks(chunks, output)


def format_of(output: Path | None) -> FileFormat:
    """Return the format for a file name; raise UserError if its extension is unknown."""
    suffix = output.suffix.lower().lstrip(".") if output else "csv"
    if suffix not in CONTENT_TYPES:
        raise UserError(f"{output}: the name must end in .csv or .xlsx.")
    return suffix
