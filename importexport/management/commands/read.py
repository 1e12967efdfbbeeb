"""`manage.py read contacts contacts.csv --tenant acme --source auto`."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from crm.management.base import RallyCommand, UserError, add_tenant_argument, find_tenant
from crm.management.output import add_json_argument, print_json, print_lines, print_table
from importexport import services
from importexport.errors import SEPARATORS, FileError, counted
from importexport.management.files import opened
from importexport.management.option_arguments import add_option_arguments, chosen_options
from importexport.resources import RESOURCES

HEADINGS = ("HEADER", "COLUMN", "FILLED", "CELL", "BECOMES")
#: The most characters of a cell in the table.
WIDTH = 40

Json = dict[str, Any]


class Command(RallyCommand):
    """Show what a file would be read as."""

    help = "Show which header of a file would become which column, and what is undecided. Nothing is stored."
    examples = (
        "manage.py read contacts hubspot.csv --tenant acme --source auto",
        "manage.py read deals deals.csv --tenant acme --source hubspot --dates dmy --json",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("entity", choices=list(RESOURCES))
        parser.add_argument("file", help="a CSV file or a workbook; - reads stdin")
        add_tenant_argument(parser, option=True)
        add_json_argument(parser, "print the JSON of the API")
        add_option_arguments(parser)

    def handle(self, *, entity: str, file: str, tenant: str, json: bool, **given: Any) -> None:
        owner = find_tenant(tenant)
        options = chosen_options(given, entity, owner)
        try:
            with opened(file) as source:
                proposal = services.propose_reading(entity, source, tenant=owner, options=options)
        except FileError as error:
            raise UserError(str(error)) from None
        if json:
            print_json(proposal)
        else:
            print_lines(lines_about(proposal))
            print_table(HEADINGS, rows_of(proposal))
            print_lines(lines_below(proposal))


def lines_about(proposal: Json) -> Iterator[str]:
    """Yield what the file as a whole is read as."""
    reading = proposal["reading"]
    told = [f"{name}: {reading[name]}" for name in ("source", "export", "encoding", "sheet") if reading.get(name)]
    if proposal["delimiter"]:
        told.append(f"separated by {SEPARATORS[proposal['delimiter']]}")
    told += [f"header in row {reading['headerRow']}", counted(proposal["totalRows"], "row")]
    yield ", ".join(told)


def rows_of(proposal: Json) -> Iterator[tuple[str, ...]]:
    """Yield a row for each header with its first cell and what that becomes; "-" where it is not imported."""
    for column, header in zip(proposal["reading"]["columns"], proposal["headers"], strict=True):
        first: Json = header["samples"][0] if header["samples"] else {"cell": "", "becomes": {}}
        becomes = "; ".join(text for text in first["becomes"].values() if text)
        cells = column["header"], column["column"] or "-", str(header["filled"]), first["cell"], becomes
        yield tuple(map(on_one_line, cells))


def on_one_line(text: str) -> str:
    """Return the beginning of a text without line breaks."""
    line = " ".join(text.split())
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"


def lines_below(proposal: Json) -> Iterator[str]:
    """Yield what is undecided, and the saved mapping that is offered."""
    for question in proposal["questions"]:
        yield f"Undecided: {question['message']}".replace("\n", " ")
    if offered := proposal["offered"]:
        yield f"Files with these headers were last imported with --mapping @{offered['name']}."
