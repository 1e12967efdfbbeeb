"""`manage.py purge_imports`."""

from argparse import ArgumentParser
from typing import Any

from crm.management.base import RallyCommand, UserError
from importexport.errors import StorageUnavailable, counted
from importexport.management.files import storage_problem
from importexport.runs import log_retention, retention
from importexport.webhooks.delivering import purge_deliveries


class Command(RallyCommand):
    """Delete the uploaded files and rejected rows of old imports at once. The import runs themselves are kept.

    Servers purge by themselves, but leave rows to the month that they are in, which is dropped when it is over.
    """

    help = "Delete the uploaded files and rejected rows of imports older than RALLY_IMPORT_KEEP_DAYS."
    examples = ("manage.py purge_imports --days 7",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, metavar="N", help="use this limit instead; 0 means all imports")

    def handle(self, *, days: int | None, **_: Any) -> None:
        if days is not None and not 0 <= days <= 36_500:
            raise UserError("--days is a number from 0 to 36500.")
        count = retention.purge(days=days)
        purge_deliveries(days=days)
        log_retention.drop_months()
        log_retention.erase()
        self.stdout.write(f"{counted(count, 'import')} purged.")
        try:
            orphans = retention.purge_orphans()
        except StorageUnavailable as error:
            raise storage_problem(error) from None
        if orphans:
            self.stdout.write(f"{counted(orphans, 'file')} without an import deleted.")
