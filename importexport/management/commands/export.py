"""`manage.py export contacts --tenant acme`."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from crm.management.base import RallyCommand, UserError, add_tenant_argument, find_tenant
from crm.models import Tenant
from importexport import services
from importexport.engine.export.selection import (
    COLUMNS,
    HEADERS,
    UPDATED_SINCE,
    Selection,
    SelectionError,
    read_selection,
)
from importexport.engine.export.streams import CONTENT_TYPES, FileFormat
from importexport.errors import echo
from importexport.management.files import write_chunks
from importexport.resources import RESOURCES


class Command(RallyCommand):
    """Export records as CSV or XLSX."""

    help = "Export records: CSV to stdout, or to a .csv or .xlsx file."
    examples = (
        "manage.py export contacts --tenant acme --output contacts.xlsx",
        "manage.py export contacts --tenant acme --columns id,email,updated_at --updated-since 2026-01-31",
        "manage.py export companies --tenant acme --headers salesforce --output accounts.csv",
        "manage.py export contacts --tenant acme --filter lifecycle_stage=lead --filter tags=vip,berlin",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("entity", choices=list(RESOURCES))
        add_tenant_argument(parser, option=True)
        parser.add_argument("--output", metavar="FILE", type=Path, help="a .csv or .xlsx file (default: CSV to stdout)")
        parser.add_argument("--format", choices=list(CONTENT_TYPES), help="default: as the name of the file says")
        parser.add_argument("--bom", action="store_true", help="begin a CSV file with a byte-order mark, for Excel")
        parser.add_argument(
            "--columns",
            metavar="NAME,NAME",
            help="the columns, in this order: those of the template, id, created_at, updated_at",
        )
        parser.add_argument(
            "--headers",
            metavar="PROGRAM",
            help="the columns and values as another program imports them, such as hubspot",
        )
        parser.add_argument(
            "--filter",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            dest="filters",
            help=f"only records with this value; repeat it for more conditions. {filter_help()}",
        )
        parser.add_argument(
            "--updated-since", metavar="TIME", help="only records created or changed then or later (ISO 8601)"
        )

    def handle(self, *, entity: str, tenant: str, output: Path | None, bom: bool, **given: Any) -> None:
        file_format = format_of(output, given["format"])
        if bom and file_format != "csv":
            raise UserError("Only a CSV file can begin with a byte-order mark.")
        owner = find_tenant(tenant)
        chosen = selection_of(owner, entity, given)
        records = RESOURCES[entity](owner).get_queryset().filter(chosen.condition) if chosen.condition else None
        chunks = services.export_file(
            entity,
            tenant=owner,
            format=file_format,
            queryset=records,
            columns=chosen.columns,
            headers=chosen.headers,
            bom=bom,
        )
        write_chunks(chunks, output)


def filter_help() -> str:
    """Return the help text for the filters of each entity."""
    return "; ".join(f"{entity}: {', '.join(resource.filters)}" for entity, resource in RESOURCES.items())


def format_of(output: Path | None, named: FileFormat | None) -> FileFormat:
    """Return the format given by name, or by the name of the file; raise UserError without one, or if they differ."""
    suffix = output.suffix.lower().lstrip(".") if output else "csv"
    if named is None:
        if suffix not in CONTENT_TYPES:
            raise UserError(f"{output}: the name must end in .csv or .xlsx.")
        return suffix
    if output and suffix in CONTENT_TYPES and suffix != named:
        raise UserError(f"{output}: the name must end in .{named}, or --format be {suffix}.")
    if named == "xlsx" and output is None and sys.stdout.isatty():
        raise UserError("A terminal cannot show a workbook: name a file with --output, or redirect stdout.")
    return named


def selection_of(tenant: Tenant, entity: str, given: dict[str, Any]) -> Selection:
    """Return the selection in the arguments; raise UserError if it is invalid."""
    asked = {name: given[name] for name in (COLUMNS, HEADERS, UPDATED_SINCE) if given[name] is not None}
    try:
        return read_selection(asked | read_filters(given["filters"], entity), RESOURCES[entity](tenant))
    except SelectionError as error:
        raise UserError(str(error)) from None


def read_filters(texts: list[str], entity: str) -> dict[str, str]:
    """Return the values of filters by name; raise UserError for an unknown or repeated one, or one without a value."""
    known, filters = RESOURCES[entity].filters, {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"'{echo(text)}' is not a filter, such as {known[0]}=…")
        if name not in known:
            raise UserError(f"Unknown filter '{echo(name)}'. Expected one of: {', '.join(known)}.")
        if name in filters:
            raise UserError(f"The filter '{name}' is given more than once.")
        filters[name] = value
    return filters
