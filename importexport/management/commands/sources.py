"""`manage.py sources`, `manage.py sources hubspot`."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from crm.management.base import RallyCommand, UserError
from crm.management.output import add_json_argument, print_json, print_table
from importexport.sources.catalogue import Json, catalogue, program

HEADINGS = ("NAME", "PROGRAM", "ENTITIES", "NARROWER NAMES")
HEADINGS_OF_ONE = ("ENTITY", "EXPORT", "HEADER", "COLUMN", "HOW")


class Command(RallyCommand):
    """List the programs whose files are read, and the headers of one of them."""

    help = "List the programs whose files can be imported with --source, or what is known of one of them."
    examples = ("manage.py sources", "manage.py sources hubspot", "manage.py sources salesforce_label --json")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", help="a program: list the headers that it writes, with our columns")
        add_json_argument(parser, "print the JSON of the API")

    def handle(self, *, name: str | None, json: bool, **_: Any) -> None:
        if name is None:
            listed = catalogue()
            print_json({"results": listed}) if json else print_table(HEADINGS, map(row_of, listed))
            return
        found = program(name)
        if found is None:
            known = ", ".join(source["name"] for source in catalogue())
            raise UserError(f"Unknown source '{name[:100]}'. Expected one of: {known}, or a narrower name.")
        print_json(found) if json else print_table(HEADINGS_OF_ONE, rows_of(found))


def row_of(source: Json) -> tuple[str, ...]:
    """Return the cells of a program's row."""
    return source["name"], source["label"], ", ".join(source["entities"]), ", ".join(source["narrowerNames"])


def rows_of(source: Json) -> Iterator[tuple[str, ...]]:
    """Yield a row for each header of a program; "-" where we have no column for it."""
    for export in source["exports"]:
        for column in export["columns"]:
            header, ours = column["header"] or "(every row)", column["column"] or "-"
            yield export["entity"], export["export"] or "", header, ours, "; ".join(column["how"])
