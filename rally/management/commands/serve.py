"""`manage.py serve`: migrates the database and starts gunicorn."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from crm.management.base import RallyCommand, UserError
from importexport.runs import retention
from rally.postgres.embedded import keep_over_exec
from rally.server import port, static_files


class Command(RallyCommand):
    """Migrate, collect static files, delete old data, and execute gunicorn."""

    requires_system_checks = "__all__"
    help = "Migrate the database and serve on 127.0.0.1:8000 (see RALLY_BIND and PORT)."
    examples = ("PORT=8080 manage.py serve",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="create a demo tenant with sample records")

    def handle(self, *, demo: bool, verbosity: int, **_: Any) -> None:
        """Serve; never returns, because the server replaces this process."""
        if problem := port.main():
            raise UserError(problem)
        call_command("migrate", verbosity=0, interactive=False)
        static_files.collect()
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
        os.execve(sys.executable, command, environment())  # noqa: S606 - no shell needed


def environment() -> dict[str, str]:
    """Return the server's environment, which allows importing the project from any directory."""
    path = [str(settings.BASE_DIR), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}
