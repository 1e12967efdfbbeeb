"""`manage.py serve`: gunicorn over a migrated database."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection

from importexport.db import session_lock
from importexport.runs import retention
from rally.postgres.embedded import keep_over_exec

#: The advisory lock of the process that migrates; any number that nothing else uses.
MIGRATION_LOCK = 7_625_771


class Command(BaseCommand):
    """Migrate, collect static files, delete old data, and become gunicorn."""

    help = "Serve on 127.0.0.1:PORT (RALLY_BIND and PORT say otherwise), migrated."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--demo", action="store_true", help="with a demo tenant and its sample records")

    def handle(self, *, demo: bool, verbosity: int, **_: Any) -> None:
        """Never return: this process becomes the server."""
        # Two servers that start at once migrate one after the other.
        with session_lock([MIGRATION_LOCK]):
            call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        call_command("clearsessions")
        retention.purge()
        if demo:
            call_command("demo")
        elif verbosity:
            self.stdout.write(f"Serving on http://127.0.0.1:{os.environ.get('PORT', '8000')}")
        connection.close()
        keep_over_exec()
        self.stdout.flush()
        command = [sys.executable, "-m", "gunicorn", "-c", str(settings.BASE_DIR / "rally/server/config.py")]
        os.execve(sys.executable, command, environment())  # noqa: S606 - no shell wanted


def environment() -> dict[str, str]:
    """Return the server's environment, in which the project can be imported from any directory."""
    path = [str(settings.BASE_DIR), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}
