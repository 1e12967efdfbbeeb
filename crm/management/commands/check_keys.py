"""`manage.py check_keys`."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.apps import apps

from crm.management.base import RallyCommand, quiet_pipe
from crm.management.output import add_json_argument, print_table
from crm.matching_keys import Taken, recompute, taken_keys
from crm.models.fields import folded_fields

#: The exit status if a record keeps an outdated key.
OUTDATED = 1
HEADINGS = ("TENANT", "ENTITY", "ID", "FIELD", "VALUE", "SAME AS")


class Command(RallyCommand):
    """List the records that became duplicates of others by an upgrade.

    An upgrade can change which records are the same. Existing records that became the same are kept, with the matching
    keys that they had.
    """

    help = (
        "List the records that became the same as another one by an upgrade. Exit status 1 if there are any: change or"
        " delete one of each pair, then run the command again with --repair."
    )
    examples = ("manage.py check_keys --repair",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--repair", action="store_true", help="first recompute the keys that can be unique by now")
        add_json_argument(parser)

    def handle(self, *, repair: bool, json: bool, verbosity: int, **_: Any) -> None:
        models = [model for model in apps.get_app_config("crm").get_models() if folded_fields(model)]
        if repair:
            for model in models:
                recompute(model)
        found = [record for model in models for record in taken_keys(model)]
        with quiet_pipe():
            if json:
                self.stdout.write(as_json(found))
            elif found:
                print_table(HEADINGS, map(cells_of, sorted(found)), out=self.stdout)
            elif verbosity:
                self.stdout.write("All matching keys are up to date.")
        if found:
            sys.exit(OUTDATED)


def as_json(found: list[Taken]) -> str:
    """Return records as a JSON array in ASCII, in which invisible characters can be seen."""
    return json.dumps([record._asdict() for record in found], indent=2)


def cells_of(record: Taken) -> tuple[str, ...]:
    """Return the cells of a record's row."""
    same_as = "-" if record.taken_by is None else str(record.taken_by)
    return (record.tenant, record.entity, str(record.id), record.field, visible(record.value), same_as)


def visible(text: str) -> str:
    """Return a text with invisible characters escaped: ``"Acme\u200b"``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
