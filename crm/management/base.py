"""What all commands share: a user's mistake is one line on stderr and exit status 2, never a traceback."""

import contextlib
import datetime as dt
import io
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from crm.models import Tenant

#: Exit statuses: rows were skipped under --strict; the user's mistake; the database is away; Ctrl-C.
STRICT, MISTAKE, UNAVAILABLE, INTERRUPTED = 1, 2, 3, 130


class Mistake(CommandError):
    """What the user has to put right, in one line."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()), returncode=MISTAKE)


class RallyCommand(BaseCommand):
    """A command of the product."""

    requires_system_checks: list[str] = []
    _called_from_command_line: bool

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> Any:
        """Return a parser that says what is wrong in one line."""
        parser = super().create_parser(prog_name, subcommand, **options)
        if self._called_from_command_line:
            parser.error = self._refuse  # type: ignore[method-assign]
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; on the command line, end with one line and a status where it cannot do its work."""
        if self._called_from_command_line:
            self._look_at_stdout()
        try:
            output = super().execute(*args, **options)
            with quiet_pipe():
                return output
        except ValidationError as error:
            problem: CommandError = Mistake("; ".join(error.messages))
        except CommandError as error:
            problem = error
        except OperationalError as error:
            problem = CommandError(f"The database cannot be reached: {str(error).strip()}", returncode=UNAVAILABLE)
        except UnicodeEncodeError:
            problem = Mistake("An argument is not valid UTF-8.")
        except OSError as error:
            problem = Mistake(": ".join(str(part) for part in (error.filename, f"{error.strerror}.") if part))
            discard_stdout()
        except KeyboardInterrupt:
            problem = CommandError("Interrupted; nothing was stored.", returncode=INTERRUPTED)
        if not self._called_from_command_line or options.get("traceback"):
            raise problem
        self.stderr.write(" ".join(str(problem).split()))
        if problem.returncode == INTERRUPTED:
            discard_stdout()
        sys.exit(problem.returncode)

    def _look_at_stdout(self) -> None:
        if sys.stdout is None:
            self._refuse("Standard output is closed.")
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A terminal that lacks a character sees its number: what was stored must not end in a traceback.
            sys.stdout.reconfigure(errors="backslashreplace")

    def _refuse(self, message: str) -> NoReturn:
        self.stderr.write(" ".join(message.split()))
        sys.exit(MISTAKE)


@contextlib.contextmanager
def quiet_pipe() -> Iterator[None]:
    """Write to stdout, whose reader may leave early (``… | head``): that ends the output, and nothing else."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        discard_stdout()


def discard_stdout() -> None:
    """Let go of what stdout still holds, which would fail, or wait for a reader, once more when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def add_tenant_argument(parser: ArgumentParser, *, option: bool = False) -> None:
    """Declare the tenant, as an option or as the first argument."""
    if option:
        parser.add_argument("--tenant", required=True, metavar="SLUG", help="the tenant's slug")
    else:
        parser.add_argument("tenant", metavar="SLUG", help="the tenant's slug")


def find_tenant(slug: str) -> Tenant:
    """Return a tenant; raise Mistake where there is none."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise Mistake(f"Tenant '{slug}' not found.")
    return tenant


def parse_expiry(text: str, tenant: Tenant) -> dt.datetime:
    """Read an ISO 8601 date (its start in the tenant's zone) or time; raise Mistake for another form or the past."""
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=tenant.zone)
        # 9999-12-31 west of Greenwich would be stored as a time in the year 10000, which nothing can read back.
        moment = moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise Mistake(f"'{text}' is not an ISO 8601 date, such as 2027-01-01.") from None
    if moment <= dt.datetime.now(dt.UTC):
        raise Mistake(f"{text} is in the past.")
    return moment
