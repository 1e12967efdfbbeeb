"""`manage.py purge_imports`."""

from argparse import ArgumentParser
from typing import Any

from crm.management.base import RallyCommand, UserError
from importexport.runs import retention


class Command(RallyCommand):
    """Remove uploaded files and rejected rows of old imports; that they took place stays on record."""

    help = "Remove uploaded files and skipped rows of imports that are older than RALLY_IMPORT_KEEP_DAYS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--days", type=int, metavar="N", help="older than so many days instead; 0 is all of them")

    def handle(self, *, days: int | None, **_: Any) -> None:
        """Remove them."""
        if days is not None and not 0 <= days <= 36_500:
            raise UserError("--days is a number from 0 to 36500.")
        count = retention.purge(days=days)
        self.stdout.write(f"{count} import{'' if count == 1 else 's'} purged.")
