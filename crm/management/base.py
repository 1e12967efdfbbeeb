"""Base class of the management commands. A user error is one line on stderr and exit status 2, never a traceback."""

import contextlib
import datetime as dt
import io
import os
import re
import sys
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NoReturn

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, DjangoHelpFormatter
from django.db import OperationalError, ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor

from crm.models import Tenant

#: Exit statuses: rejected rows with --strict; nothing done, because of the arguments, the file or the database; stored,
#: but not reported; interrupted (Ctrl-C).
STRICT, USER_ERROR, UNREPORTED, INTERRUPTED = 1, 2, 3, 130

#: What a terminal may obey.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")

#: The SQLSTATEs of statements that name a missing table or column.
UNDEFINED = {"42P01", "42703"}
UNMIGRATED = "The database has not been migrated to this version. Run manage.py migrate first."


class UserError(CommandError):
    """An error that the user can correct, reported in one line."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()), returncode=USER_ERROR)


class HelpFormatter(DjangoHelpFormatter):
    """A formatter that keeps the line breaks of texts with several lines."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


class RallyCommand(BaseCommand):
    """Base class of Rally's management commands."""

    requires_system_checks: tuple[str, ...] | Literal["__all__"] = ()
    #: Lines that show how the command is used, at the end of its --help.
    examples: tuple[str, ...] = ()
    _called_from_command_line: bool

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> Any:
        """Return a parser that reports errors in one line and ends its help with examples."""
        parser = super().create_parser(prog_name, subcommand, **with_examples(self.examples) | options)
        if self._called_from_command_line:
            for refusing in (parser, *subparsers_of(parser)):
                refusing.error = self._refuse  # type: ignore[method-assign]
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command. On the command line, an error is reported in one line and by the exit status."""
        if self._called_from_command_line:
            self._check_stdout()
        try:
            output = super().execute(*args, **options)
            with quiet_pipe():
                return output
        except (Exception, KeyboardInterrupt) as error:
            found = problem_of(error)
            if found is None:
                raise
            problem, is_output_lost = found, isinstance(error, OSError)
        if not self._called_from_command_line or options.get("traceback"):
            raise problem
        self._tell(str(problem))
        if problem.returncode in {INTERRUPTED, UNREPORTED} or is_output_lost:
            discard_stdout()
        sys.exit(problem.returncode)

    def _check_stdout(self) -> None:
        if sys.stdout is None:
            self._refuse("Standard output is closed.")
        if isinstance(sys.stdout, io.TextIOWrapper):
            # Escape characters that the terminal cannot show: a traceback must not hide what was stored.
            sys.stdout.reconfigure(errors="backslashreplace")

    def _refuse(self, message: str) -> NoReturn:
        self._tell(message)
        sys.exit(USER_ERROR)

    def _tell(self, message: str) -> None:
        self.stderr.write(shown(" ".join(message.split()), on=sys.stderr))


def shown(line: str, *, on: Any) -> str:
    """Return a line as a stream is to have it: on a terminal, with escapes for what a file may have to command it."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", line) if on.isatty() else line


def with_examples(examples: Iterable[str]) -> dict[str, Any]:
    """Return the arguments of a parser whose help ends with examples."""
    return {"formatter_class": HelpFormatter, "epilog": "\n  ".join(("Examples:", *examples))}


def subparsers_of(parser: ArgumentParser) -> Iterator[ArgumentParser]:
    """Yield the parsers of a parser's subcommands, which argparse only has in a private attribute."""
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            yield from action.choices.values()


def problem_of(error: BaseException) -> CommandError | None:
    """Return an error as a sentence and an exit status, or None if it is a bug."""
    match error:
        case CommandError():
            return error
        case ValidationError():
            return UserError("; ".join(error.messages))
        case OperationalError():
            return UserError(f"The database cannot be reached: {error}")
        case ProgrammingError() if is_unmigrated(error):
            return UserError(UNMIGRATED)
        case UnicodeEncodeError():
            return UserError("An argument is not valid UTF-8.")
        case OSError():
            return UserError(": ".join(str(part) for part in (error.filename, f"{error.strerror}.") if part))
        case KeyboardInterrupt():
            return CommandError("Interrupted; nothing was stored.", returncode=INTERRUPTED)
    return None


def is_unmigrated(error: ProgrammingError) -> bool:
    """Whether a table or column is missing because migrations have not been applied."""
    if getattr(error.__cause__, "sqlstate", "") not in UNDEFINED:
        return False
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


@contextlib.contextmanager
def quiet_pipe() -> Iterator[None]:
    """Context for writing to stdout: if the reader closes the pipe early (``… | head``), stop quietly."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        discard_stdout()


def discard_stdout() -> None:
    """Discard what is still buffered for stdout, which would fail or block again when Python exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def add_tenant_argument(parser: ArgumentParser, *, option: bool = False) -> None:
    """Add the tenant's slug to a parser, as an option or as the first argument."""
    if option:
        parser.add_argument("--tenant", required=True, metavar="SLUG", help="the tenant's slug")
    else:
        parser.add_argument("tenant", metavar="SLUG", help="the tenant's slug")


def find_tenant(slug: str) -> Tenant:
    """Return the tenant with a slug; raise UserError if there is none."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise UserError(f"Tenant '{slug}' not found.")
    return tenant


def parse_expiry(text: str, tenant: Tenant) -> dt.datetime:
    """Parse an ISO 8601 date (its start in the tenant's zone) or time; raise UserError if invalid or past."""
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=tenant.zone)
        # 9999-12-31 west of Greenwich would be stored in the year 10000, which cannot be read back.
        moment = moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise UserError(f"'{text}' is not an ISO 8601 date, such as 2027-01-01.") from None
    if moment <= dt.datetime.now(dt.UTC):
        raise UserError(f"{text} is in the past.")
    return moment
