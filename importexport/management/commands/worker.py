"""`manage.py worker`."""

import logging
import sys
from argparse import ArgumentParser
from typing import Any

from procrastinate.exceptions import ConnectorException

from crm.management.base import RallyCommand
from importexport.db import UNAVAILABLE
from importexport.runs import worker

logger = logging.getLogger("rally.jobs")


class Command(RallyCommand):
    """Work on the imports and undos that wait in the queue."""

    help = "Work on the imports and undos that wait in the queue, until SIGTERM or Ctrl-C."
    examples = ("manage.py worker", "manage.py worker --until-empty")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--until-empty", action="store_true", help="stop when nothing waits any more")
        parser.add_argument(
            "--beside", type=int, metavar="PID", help="stop when the process that started this one, with this id, ends"
        )

    def handle(self, *, until_empty: bool, beside: int | None, **_: Any) -> None:
        """Work. A worker is a server: what goes wrong is in its log, and whoever started it starts it again."""
        try:
            worker.work(until_empty=until_empty, beside=beside)
        except (*UNAVAILABLE, ConnectorException) as error:
            logger.error("The worker stops, because the database is unavailable: %s", " ".join(str(error).split()))  # noqa: TRY400
            sys.exit(1)
